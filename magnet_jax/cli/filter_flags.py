"""Flags of the filters, for the commands that apply them."""

import functools

from absl import flags

from magnet_jax.filters import dense_crf, guided

_NAMES = (
  'radius',
  'eps',
  'bilateral_weight',
  'bilateral_sigma',
  'colour_sigma',
  'certainty',
)


def define(values: flags.FlagValues, group: str) -> None:
  """Defines the settings that a user may choose."""
  flags.DEFINE_integer(
    'radius',
    None,
    'N: of the guided filters, in pixels: about how far outlines may move; '
    f'{guided.RADIUS} if not given',
    flag_values=values,
    module_name=group,
  )
  number = functools.partial(
    flags.DEFINE_float,
    default=None,
    flag_values=values,
    module_name=group,
  )
  number(
    'eps',
    help='X: of the guided filters: variance of colours in [0, 1] below which '
    f'an area counts as flat; {guided.EPS:g} if not given',
  )
  number(
    'bilateral_weight',
    help='X: of dense-crf: how strongly pixels near and of like colour agree; '
    f'{dense_crf.BILATERAL_WEIGHT:g} if not given',
  )
  number(
    'bilateral_sigma',
    help='X: of dense-crf: how near these are, in pixels; '
    f'{dense_crf.BILATERAL_SIGMA:g} if not given',
  )
  number(
    'colour_sigma',
    help='X: of dense-crf: how alike their colours, which go from 0 to 255; '
    f'{dense_crf.COLOUR_SIGMA:g} if not given',
  )
  number(
    'certainty',
    help='X: of dense-crf: how far to trust the map, from 0 to 1; 0.7 for a '
    'label, 1 for probabilities if not given',
  )


def settings(values: flags.FlagValues) -> dict[str, object]:
  """Returns the settings that were given, by their names."""
  return {n: values[n].value for n in _NAMES if values[n].value is not None}
