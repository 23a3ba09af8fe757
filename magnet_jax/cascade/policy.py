"""The parts in which pipelines differ: planning and refining stages."""

from collections.abc import Callable, Iterator
import dataclasses

import numpy as np

from magnet_jax.cascade import by_image, by_window, settings
from magnet_jax.cascade.options import Options
from magnet_jax.cascade.parts import Part, Share, Start, Work
from magnet_jax.ops import area
from magnet_jax.refiners.refiner import NEEDS, Refiner
from magnet_jax.types import InputError, Plane, Size, Stage

Planner = Callable[[Size], tuple[Stage, ...]]


@dataclasses.dataclass(frozen=True)
class Way:
  """A way of refining a stage.

  Attributes:
    refine: does the work, part by part.
    in_memory: why it works in memory only, as a clause; '' if it does not.
    extra: C -> bytes per pixel that it takes besides the maps before and after
      the stage.
  """

  refine: Callable[[Work], Iterator[Part]]
  in_memory: str = ''
  extra: Callable[[int], int] = lambda classes: 0


@dataclasses.dataclass(frozen=True)
class Policy:
  """The parts of a pipeline that differ; all else is the one loop over stages.

  Attributes:
    name: of the pipeline.
    planner: (settings of the section `plan`, strict=) -> (size -> stages).
    shrink: uint8 [H,W,3], size -> the stage's image.
    first: segments stage 0, part by part.
    enlarge: resizes the map before to a stage without windows.
    way: (options, a refiner's choice) -> how a stage is refined; raises
      InputError for what the pipeline cannot do.
    offers: what its refiners may need, a subset of `refiner.NEEDS`.
    normalised: whether its maps sum to 1; if not, what is written of the last
      one is divided by its sum.
  """

  name: str
  planner: Callable[..., Planner]
  shrink: Callable[[np.ndarray, Size], np.ndarray]
  first: Callable[[Start], Iterator[Part]]
  enlarge: Callable[[Stage, Plane, Share], Iterator[Part]]
  way: Callable[[Options, str], Way]
  offers: frozenset[str] = frozenset(NEEDS)
  normalised: bool = True

  def check(self, refiner: Refiner, options: Options) -> None:
    """Checks that a refiner gets what it needs.

    Raises:
      InputError: it does not, or it leaves nothing to mix with.
      ValueError: as `Refiner.check`.
    """
    refiner.check()
    if missing := refiner.needs - self.offers:
      raise InputError(
        f'the {self.name} pipeline with a refiner that needs '
        f'{", ".join(sorted(missing))}, which it has not; use '
        '--pipeline=aligned'
      )
    if options.mix and 'scale' not in refiner.needs:
      raise InputError(
        f'mix {options.mix}: a refiner that does not use the segmenter has '
        'nothing to mix with; set mix to 0'
      )


_WAYS = {
  'window': Way(by_window.refine),
  'image': Way(
    by_image.refine,
    in_memory='selection=image, which ranks the points of a whole stage, '
    'works in memory only; use --selection=window',
    # The weight, Q, O to mix with, Q twice more to rank it, and two masks.
    extra=lambda classes: 4 * (classes + 4) + 2,
  ),
}

ALIGNED = Policy(
  name='aligned',
  planner=settings.planner,
  shrink=area.shrink,
  first=by_window.segment,
  enlarge=by_window.enlarge,
  # Where all points are replaced, none has to be chosen over a whole stage.
  way=lambda options, choice: _WAYS[
    'window' if choice == 'everywhere' else options.selection
  ],
)
