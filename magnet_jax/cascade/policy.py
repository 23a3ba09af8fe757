"""The parts in which pipelines differ: planning and refining stages."""

from collections.abc import Callable, Iterator, Mapping
import dataclasses

import numpy as np

from magnet_jax import parallel
from magnet_jax.cascade import by_image, by_window, settings, stage_windows
from magnet_jax.cascade.options import Options
from magnet_jax.cascade.parts import Part, Work
from magnet_jax.ops import area, resize
from magnet_jax.types import Plane, Size, Stage

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
    planner: settings of the section `plan` -> (size -> stages).
    shrink: uint8 [H,W,3], size -> the stage's image.
    first: (step, image, stage, network) -> map of stage 0, float32
      [H,W,C].
    way: options -> how a stage is refined; raises InputError for what the
      pipeline cannot do.
  """

  name: str
  planner: Callable[[Mapping[str, object]], Planner]
  shrink: Callable[[np.ndarray, Size], np.ndarray]
  first: Callable[[parallel.Step, Plane, Stage, Size], np.ndarray]
  way: Callable[[Options], Way]


def _first(
  step: parallel.Step, image: Plane, stage: Stage, network: Size
) -> np.ndarray:
  """Stage 0: the whole image in one window, float32 [H_0,W_0,C]."""
  pixels = stage_windows.pixels(image, stage.grid, 0, network)
  (piece,) = parallel.fetch(step(images=pixels[None]))
  # The image may not fill its window: resize as a window, then drop padding.
  whole = resize.probabilities(piece, stage.grid.window)
  return whole[: stage.size[0], : stage.size[1]]


_WAYS = {
  'window': Way(by_window.refine),
  'image': Way(
    by_image.refine,
    in_memory='selection=image, which ranks the points of a whole stage, '
    'works in memory only; use --selection=window',
    extra=lambda classes: 4 * classes + 16,
  ),
}

ALIGNED = Policy(
  name='aligned',
  planner=settings.planner,
  shrink=area.shrink,
  first=_first,
  way=lambda options: _WAYS[options.selection],
)
