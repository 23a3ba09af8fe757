"""Checked settings for refining a stage."""

import dataclasses
import math

from magnet_jax import ranges
from magnet_jax.cascade import flips, window_scores
from magnet_jax.refiners import table
from magnet_jax.types import InputError, Windows


@dataclasses.dataclass(frozen=True)
class Options:
  """How a stage is refined.

  Attributes:
    points: K; a float is a fraction of the pixels considered, an int a count.
    selection: 'window' takes K points per window, 'image' K per stage.
    kernel: odd side of the median filter.
    windows: MagNet-Fast: refine only the windows with the highest scores; a
      float is a share of the windows of all stages, coarse stages first, an
      int a count per stage; several are a share or count for each stage after
      the first, the last of them for all further ones. 1.0 refines all.
    window_score: of a window, a name of `window_scores.SCORES`.
    min_uncertainty: refine only windows whose mean uncertainty is at least
      this, in [0, 1]: easy windows cost nothing in any image.
    mix: share of the windows' own segmentation, O, in the last stage's
      result, in [0, 1]; 0 leaves the result to the refiner.
    batch: windows per device at a time; 0 for as many as fit, see
      `device_memory`.
    fusion: how the maps of two stages become one: a name of `refiners.table`,
      or 'auto' for the model's own refiner, or the mean if it has none.
    stage_weights: of the stages in a running mean, coarse to fine; the last
      serves further stages; () is equal.
    trends: one number per class: its weight in a running mean grows by
      exp(trend) from stage to stage, so that outlines of a class can follow
      the fine stages and its place the coarse ones; () adds none.
    bias: one number per class that is added to the segmenter's logits; ()
      adds none.
    flips: how many views of each window are averaged, one of `flips.VIEWS`:
      1, the window itself; 2, also mirrored left to right; 4, both also upside
      down.
    filter_radius: of the guided filter that is the last stage, in pixels; 0
      for none.

  Raises:
    InputError: for a number out of its range in `ranges`, or an unknown name.
  """

  points: float | int = 0.75
  selection: str = 'window'
  kernel: int = 5
  windows: Windows = 1.0
  window_score: str = 'outlines'
  min_uncertainty: float = 0.0
  mix: float = 0.0
  batch: int = 0
  fusion: str = table.AUTO
  stage_weights: tuple[float, ...] = ()
  trends: tuple[float, ...] = ()
  bias: tuple[float, ...] = ()
  flips: int = 1
  filter_radius: int = 0

  def __post_init__(self) -> None:
    ranges.check_fields(self)
    if self.selection not in ('window', 'image'):
      raise InputError(
        f'selection {self.selection!r}: must be one of window, image; '
        'choose one'
      )
    if self.flips not in flips.VIEWS:
      raise InputError(
        f'flips {self.flips}: must be one of '
        f'{", ".join(map(str, flips.VIEWS))}; choose one'
      )
    self._check_windows()
    window_scores.check(self.window_score)
    table.check(self.fusion)
    weights = self.stage_weights
    if weights and not weights[0]:
      raise InputError(
        f'stage_weights {weights}: that of stage 0 must be above 0; () gives '
        'all stages the same weight'
      )

  def _check_windows(self) -> None:
    # One of several stages may do without.
    if self.windows in (0, ()):
      raise InputError(
        f'windows {self.windows}: must be a count >= 1 or a fraction in (0, '
        '1], or one for each stage after the first; 1.0 refines all'
      )

  def stage_weight(self, index: int) -> tuple[float, ...]:
    """Returns the weight of a stage in a running mean, or one per class."""
    weights = self.stage_weights
    weight = weights[min(index, len(weights) - 1)] if weights else 1.0
    return tuple(weight * math.exp(t * index) for t in self.trends or (0.0,))
