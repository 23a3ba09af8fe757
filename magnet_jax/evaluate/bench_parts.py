"""The parts of the stage loop, each run on its own at the loop's shapes."""

from collections.abc import Callable, Sequence
import dataclasses
import functools
import math
import pathlib
import statistics
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from magnet_jax.cascade import refine_step, stage_windows
from magnet_jax.cascade.mosaic import Area, Mosaic
from magnet_jax.cascade.options import Options
from magnet_jax.cascade.progressive import Cascade
from magnet_jax.cascade.stores import InMemory
from magnet_jax.files import images
from magnet_jax.ops import area, median, resize, selection
from magnet_jax.predict.model import Model
from magnet_jax.types import Size, Stage

PARTS = (
  'read',
  'resize',
  'transfer',
  'segmenter',
  'crop',
  'refiner',
  'score',
  'median',
  'top_k',
  'merge',
  'argmax',
)
NETWORKS = ('segmenter', 'refiner')


@dataclasses.dataclass(frozen=True)
class Timing:
  """One part of one stage.

  Attributes:
    stage: its index; None for what is done once an image.
    part: one of PARTS.
    calls: how often the stage does it.
    seconds: of all these calls, from the median of several.
  """

  stage: int | None
  part: str
  calls: int
  seconds: float


def median_seconds(run: Callable[[], Any], repeats: int) -> float:
  """Median time of a call that ends when its results are there.

  Args:
    run: called once more than `repeats`, first to compile and to warm up.
    repeats: timed calls.
  """
  jax.block_until_ready(run())
  seconds = []
  for _ in range(repeats):
    start = time.perf_counter()
    jax.block_until_ready(run())
    seconds.append(time.perf_counter() - start)
  return statistics.median(seconds)


@dataclasses.dataclass(frozen=True)
class Bench:
  """Times the parts for one image.

  Attributes:
    model: the networks.
    options: of the cascade.
    batch: windows in a batch, over all devices.
    repeats: timed calls of each part.
  """

  model: Model
  options: Options
  batch: int
  repeats: int

  def once(self, path: pathlib.Path, size: Size) -> list[Timing]:
    """What is done once an image: reading it, and the argmax at the end."""
    maps = _maps((*size, len(self.model.classes)))
    return [
      self._timing(None, 'read', 1, lambda: images.read_image(path)),
      self._timing(None, 'argmax', 1, lambda: maps.argmax(-1)),
    ]

  def first_stage(self, image: np.ndarray, stage: Stage) -> list[Timing]:
    """Stage 0: the whole image at the network's size, segmented."""
    small = InMemory(area.shrink(image, stage.size))
    one = stage_windows.pixels(small, stage.grid, 0, self.model.network)[None]
    maps = _maps((1, *self.model.network, len(self.model.classes)))

    def resized() -> None:
      area.shrink(image, stage.size)
      stage_windows.pixels(small, stage.grid, 0, self.model.network)
      resize.probabilities(maps[0], stage.grid.window)

    return [
      self._timing(0, 'resize', 1, resized),
      self._timing(0, 'transfer', 1, lambda: _round_trip(one, maps)),
      self._timing(0, 'segmenter', 1, self._segmenter(one)),
    ]

  def later_stage(
    self, image: np.ndarray, stage: Stage, before: Stage, count: int
  ) -> list[Timing]:
    """A stage that refines `count` windows: its host work and its steps."""
    host = self._host_parts(image, stage, before, count)
    coarse = _maps((*before.size, len(self.model.classes)))
    window = stage_windows.arrays(
      InMemory(area.shrink(image, stage.size)),
      InMemory(coarse),
      stage.grid,
      0,
      self.model.network,
    )
    batches = math.ceil(count / self.batch)
    parts = self._device_parts(
      {name: np.stack([array] * self.batch) for name, array in window.items()}
    )
    device = [
      self._timing(stage.index, part, batches, run)
      for part, run in parts.items()
    ]
    return host + device

  def _host_parts(
    self, image: np.ndarray, stage: Stage, before: Stage, count: int
  ) -> list[Timing]:
    """Resizing, choosing windows and merging, in NumPy and OpenCV."""
    grid, total, number = stage.grid, len(stage.grid), stage.index
    coarse = InMemory(_maps((*before.size, len(self.model.classes))))
    scaled = InMemory(area.shrink(image, stage.size))
    target = InMemory(_maps((*stage.size, len(self.model.classes))))
    piece = _maps((*grid.window, len(self.model.classes)))
    chosen = np.zeros(stage.size, bool)

    def cut() -> None:
      arrays = stage_windows.arrays(scaled, coarse, grid, 0, self.model.network)
      for array in arrays.values():
        np.stack([array])

    def upsampled(part: Area) -> np.ndarray:
      return stage_windows.upsampled(coarse, grid.size, part)

    def put_back() -> None:
      tiles = Mosaic(grid, range(total))
      tiles.add(0, piece)
      target.write(0, 0, tiles.tile(0, upsampled))
      seen = chosen[stage_windows.inside(grid, 0)]
      seen |= seen

    timings = [
      self._timing(number, 'resize', 1, lambda: area.shrink(image, stage.size)),
      self._timing(number, 'resize', count, cut),
      self._timing(number, 'merge', count, put_back),
    ]
    if count < total:
      left = Mosaic(grid, ())
      timings.append(
        self._timing(
          number,
          'merge',
          total - count,
          lambda: target.write(0, 0, left.tile(0, upsampled)),
        )
      )
    cascade = self.model.cascade()
    if 0 < count < total and isinstance(cascade, Cascade):
      timings.append(
        self._timing(
          number, 'score', 1, lambda: cascade.choose(stage, coarse, count)
        )
      )
    if self.options.selection == 'image':
      # Here K counts in the whole stage, and the host chooses.
      points = selection.count_points(self.options.points, chosen.size)
      scores = target.values[..., 0].copy()
      timings.append(
        self._timing(
          number,
          'top_k',
          1,
          lambda: selection.choose_on_host(scores, points),
        )
      )
    return timings

  def _device_parts(
    self, arrays: stage_windows.Arrays
  ) -> dict[str, Callable[[], Any]]:
    """Calls of each step of a batch, with their arguments in place."""
    network, kernel = self.model.network, self.options.kernel
    shape = (self.batch, *network, len(self.model.classes))
    y, r = jax.device_put((_maps(shape), _maps(shape, seed=1)))
    placed = jax.device_put(arrays)
    most = selection.count_points(self.options.points, network[0] * network[1])
    crop = jax.jit(
      jax.vmap(
        lambda m, o, r: resize.sample(m, offset=o, ratio=r, size=network)
      )
    )
    score = jax.jit(
      jax.vmap(
        lambda y, r, v: selection.score(coarse=y, refined=r, kernel=1, valid=v)
      )
    )
    smooth = jax.jit(jax.vmap(lambda q, v: median.median_filter(q, kernel, v)))
    choose = jax.jit(functools.partial(_replace, most=most))
    q = jnp.maximum(score(y, r, placed['valid']), 0)
    back = jax.device_get(refine_step.Refined(y, q > 0))
    parts = {
      'transfer': lambda: _round_trip(arrays, back),
      'segmenter': self._segmenter(arrays['images']),
      'crop': lambda: crop(
        placed['coarse'], placed['offsets'], placed['ratios']
      ),
      'refiner': self._refiner(y, r),
      'score': lambda: score(y, r, placed['valid']),
      'median': lambda: smooth(q, placed['valid']),
    }
    if self.options.selection == 'window':
      parts['top_k'] = lambda: choose(y, r, q)
    return parts

  def _segmenter(self, pixels: np.ndarray) -> Callable[[], Any]:
    step = jax.jit(refine_step.segment_windows)
    network, placed = jax.device_put((self.model.segmenter, pixels))
    return lambda: step(network, images=placed)

  def _refiner(self, y: jax.Array, r: jax.Array) -> Callable[[], Any]:
    step = jax.jit(
      lambda refiner, o, y: jax.nn.softmax(refiner(scale=o, coarse=y))
    )
    network = jax.device_put(self.model.refiners[0])
    return lambda: step(network, r, y)

  def _timing(
    self,
    stage: int | None,
    part: str,
    calls: int,
    run: Callable[[], Any],
  ) -> Timing:
    seconds = median_seconds(run, self.repeats)
    return Timing(stage, part, calls, calls * seconds)


def _replace(
  y: jax.Array, r: jax.Array, q: jax.Array, *, most: int
) -> refine_step.Refined:
  """The choice of K points and their replacement."""
  points = jnp.asarray(most, jnp.int32)
  chosen = jax.vmap(lambda scores: selection.choose(scores, points, most))(q)
  mixed = jnp.where(chosen[..., None], r, y)
  return refine_step.Refined(probabilities=mixed, chosen=chosen)


def _round_trip(up: Any, down: Any) -> Any:
  """Sends one batch to the device and fetches another one's results."""
  sent = jax.block_until_ready(jax.device_put(up))
  # Fetching an array twice is free: a new one is needed each time.
  return sent, jax.device_get(jax.device_put(down))


def _maps(shape: Sequence[int], seed: int = 0) -> np.ndarray:
  """Random probabilities float32 [...,C], seeded."""
  rng = np.random.default_rng(seed)
  maps = rng.random(tuple(shape), np.float32) + np.float32(0.01)
  maps /= maps.sum(-1, keepdims=True)
  return maps
