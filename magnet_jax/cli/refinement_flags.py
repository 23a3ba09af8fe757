"""Flags of how windows are refined, shared by several commands."""

from absl import flags

from magnet_jax.cascade import window_scores
from magnet_jax.predict import model as models
from magnet_jax.refiners import table as refiners

# Settings of the section `refine` that flags may change.
NAMES = (
  'points',
  'selection',
  'kernel',
  'windows',
  'window_score',
  'min_uncertainty',
  'mix',
  'fusion',
  'flips',
  'filter_radius',
  'batch',
)


def define(values: flags.FlagValues, group: str) -> None:
  """Defines how windows are refined; unset flags keep the model's settings."""
  _define_choice(values, group)
  _define_fusion(values, group)


def _define_choice(values: flags.FlagValues, group: str) -> None:
  bound = {'flag_values': values, 'module_name': group}
  own = "; the model's setting if not given"
  flags.DEFINE_string(
    'points',
    '',
    'K: points replaced per window, as a fraction such as 0.75 '
    f'or a count such as 32768{own}',
    **bound,
  )
  flags.DEFINE_enum(
    'selection',
    None,
    ['window', 'image'],
    f'whether K counts per window or per stage{own}',
    **bound,
  )
  flags.DEFINE_integer(
    'kernel',
    None,
    f'N: odd side of the median filter{own}',
    **bound,
  )
  flags.DEFINE_enum(
    'window_score',
    None,
    [*window_scores.SCORES],
    'which windows come first where not all are refined: outlines, those with '
    'the largest share of outlines; mean, the highest mean uncertainty'
    f'{own}',
    **bound,
  )
  flags.DEFINE_float(
    'min_uncertainty',
    None,
    'X: refine only windows whose mean uncertainty is '
    f'at least this, in [0, 1]{own}',
    **bound,
  )


def _define_fusion(values: flags.FlagValues, group: str) -> None:
  bound = {'flag_values': values, 'module_name': group}
  own = "; the model's setting if not given"
  flags.DEFINE_float(
    'mix',
    None,
    "X: share of the windows' own segmentation in the last stage, in [0, 1]; "
    f'0 leaves it to the refiner{own}',
    **bound,
  )
  flags.DEFINE_enum(
    'fusion',
    None,
    [refiners.AUTO, *refiners.REFINERS],
    'how the maps of two stages become one: magnet, by the trained refiner; '
    'mean, the running mean of the stages, which needs no training; '
    "scale_attention, a mean weighed by a trained gate on the segmenter's "
    f"features; auto, the model's refiner or gate, else mean{own}",
    **bound,
  )
  flags.DEFINE_integer(
    'flips',
    None,
    'N: average N views of each window: 1, the window itself; 2, also mirrored '
    f'left to right; 4, both also upside down; takes N times as long{own}',
    **bound,
  )
  flags.DEFINE_integer(
    'filter_radius',
    None,
    'N: of the guided filter that is the last stage and moves outlines to the '
    f'edges of the image, in pixels; 0: none{own}',
    **bound,
  )
  flags.DEFINE_integer(
    'batch',
    None,
    f'N: windows per device at a time; 0: as many as fit, one on a CPU{own}',
    **bound,
  )
  flags.DEFINE_enum(
    'pipeline',
    None,
    [*models.PIPELINES],
    'how windows are cut, chosen and merged: aligned, or as the original code '
    f'was released, for checkpoints trained with it{own}',
    **bound,
  )
