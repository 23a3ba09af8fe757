"""What the loop over stages and a way of refining one stage exchange."""

from collections.abc import Callable, Iterable, Sequence
import dataclasses

import numpy as np

from magnet_jax import parallel
from magnet_jax.cascade.depth import Past
from magnet_jax.cascade.mosaic import Waiting
from magnet_jax.cascade.options import Options
from magnet_jax.ops.selection import Score
from magnet_jax.ops.windows import Weights
from magnet_jax.refiners.refiner import Refiner
from magnet_jax.types import Plane, Size, Stage


@dataclasses.dataclass(frozen=True)
class Tile:
  """A rectangle of a stage.

  Attributes:
    top: first row.
    left: first column.
    values: [h,w,...], possibly read-only.
  """

  top: int
  left: int
  values: np.ndarray


@dataclasses.dataclass(frozen=True)
class Part:
  """What one batch of windows finishes.

  Attributes:
    index: of the part in its stage; the same in every run.
    windows: number of windows refined.
    tiles: final parts of the segmentation, float32 [h,w,C], computed as they
      are consumed.
    marks: bool [h,w], the points that were replaced, likewise.
    finished: numbers of the tiles that are final after this part.
    size: (height, width) of the stage's map, if not that of the stage.
  """

  index: int
  windows: int
  tiles: Iterable[Tile] = ()
  marks: Iterable[Tile] = ()
  finished: range = range(0)
  size: Size | None = None


@dataclasses.dataclass(frozen=True)
class Share:
  """The part of a stage's work to be done by this process in this run.

  Attributes:
    windows: those whose tiles are wanted, in whole rows.
    first: index of the first part to run; earlier ones are done.
    waiting: storage for overlaps until their tiles are due; None: memory.
  """

  windows: range
  first: int = 0
  waiting: Waiting | None = None


@dataclasses.dataclass(frozen=True)
class Start:
  """Stage 0, whose windows are segmented on their own.

  Attributes:
    stage: its size and windows.
    image: uint8 [H_0,W_0,3].
    share: the part of the work to do.
    network: (h, w), the networks' input size.
    batch: B, a multiple of the step's devices.
    weights: of the windows along an axis, for blending them.
    step: O of a batch of windows: images uint8 [B,h,w,3] -> float32 [B,h,w,C].
  """

  stage: Stage
  image: Plane
  share: Share
  network: Size
  batch: int
  weights: Weights
  step: parallel.Step


@dataclasses.dataclass(frozen=True)
class Work:
  """A stage to refine.

  Attributes:
    stage: its size and windows.
    image: uint8 [H_s,W_s,3].
    coarse: float32 [H',W',C], the segmentation after the stage before.
    numbers: the windows to refine, ascending; the others keep the coarse map,
      upsampled.
    share: the part of the work to do.
    network: (h, w), the networks' input size.
    refiner: of this stage.
    options: how a stage is refined.
    score: computes Q; the points of highest Q are replaced.
    mix: share of the windows' own segmentation in the result, in [0, 1].
    batch: B, a multiple of the devices.
    weights: of the windows along an axis, for blending them.
    step: compiles a function (segmenter, refiner, **arrays) of this stage
      with static settings.
    past: the stages that the coarse map holds, for refiners that need `depth`.
  """

  stage: Stage
  image: Plane
  coarse: Plane
  numbers: Sequence[int]
  share: Share
  network: Size
  refiner: Refiner
  options: Options
  score: Score
  mix: float
  batch: int
  weights: Weights
  step: Callable[..., parallel.Step]
  past: Past
