"""Windows a second against the batch, and how busy the device is meanwhile.

The whole loop of one stage is timed: windows are cut, sent, refined, fetched
and put together. Beside it the compiled step alone, on arrays that lie on the
device: its share of the loop is what the device computes, the rest it waits.
And a large matrix product in the same precision: what the device can do.
"""

from collections.abc import Callable, Iterator, Sequence
import dataclasses
import functools
import math
import statistics
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from magnet_jax import parallel
from magnet_jax.cascade import plan, refine_step, stage_windows
from magnet_jax.cascade.progressive import Cascade
from magnet_jax.cascade.stores import InMemory
from magnet_jax.evaluate import bench_forward, bench_parts, bench_setting
from magnet_jax.ops import selection
from magnet_jax.predict.model import Model
from magnet_jax.types import Stage

Notify = Callable[[str], None]
_BATCHES = 3  # of the largest stage that is timed
_LEAST = 6  # windows of a stage, at least
_PRODUCT = {True: 8192, False: 1536}  # side of the matrices, on a GPU or not


@dataclasses.dataclass(frozen=True)
class Throughput:
  """One precision and batch.

  Attributes:
    dtype: of the networks' computation.
    batch: windows that a device holds at a time.
    devices: that share the windows.
    windows: of the stage.
    seconds: of the loop over them, each time that it was run.
    step_seconds: of the compiled step alone, for one batch, median.
    flops: operations a window, as the compiler counts them.
    product: operations a second of the matrix product, in that precision.
  """

  dtype: str
  batch: int
  devices: int
  windows: int
  seconds: tuple[float, ...]
  step_seconds: float
  flops: float
  product: float

  @property
  def per_second(self) -> float:
    """Windows a second."""
    return self.windows / statistics.median(self.seconds)

  @property
  def busy(self) -> float:
    """Share of the loop that the device computes."""
    calls = math.ceil(self.windows / (self.batch * self.devices))
    return calls * self.step_seconds / statistics.median(self.seconds)

  @property
  def of_product(self) -> float:
    """Operations a second and device by those of the matrix product."""
    return self.per_second / self.devices * self.flops / self.product


def run(
  make_model: Callable[[str], Model],
  batches: Sequence[int],
  dtypes: Sequence[str],
  *,
  repeats: int = 3,
  notify: Notify = lambda line: None,
) -> Iterator[Throughput]:
  """Times each precision at each batch; yields as it goes.

  Args:
    make_model: the networks in a precision.
    batches: windows that a device holds at a time; 0: as many as fit.
    dtypes: 'float32' or 'bfloat16'.
    repeats: of the loop, of the step and of the product.
    notify: is told what is being done.
  """
  for dtype in dtypes:
    notify(f'{dtype}: matrix product')
    product = matrix_product(dtype, repeats)
    model = make_model(dtype)
    for batch in batches:
      notify(f'{dtype}, batch {batch or "automatic"}')
      yield measure(model, dtype, batch, product, repeats)


def measure(
  model: Model, dtype: str, batch: int, product: float, repeats: int
) -> Throughput:
  """Times one batch; `product` is kept as it is."""
  cascade = model.cascade(batch=batch)
  assert isinstance(cascade, Cascade)
  devices = parallel.device_count()
  before, stage = _stages(model, _BATCHES * cascade.batch)
  classes = len(model.classes)
  rng = np.random.default_rng(0)
  image = InMemory(rng.integers(0, 256, (*stage.size, 3), np.uint8))
  coarse = InMemory(np.full((*before.size, classes), 1 / classes, np.float32))
  after = InMemory(np.empty((*stage.size, classes), np.float32))

  def loop(numbers: Sequence[int]) -> float:
    start = time.perf_counter()
    for part in cascade.refine(image, coarse, stage, numbers):
      for tile in part.tiles:
        after.write(tile.top, tile.left, tile.values)
    return time.perf_counter() - start

  loop(range(cascade.batch))  # compiles
  numbers = range(len(stage.grid))
  seconds = tuple(loop(numbers) for _ in range(repeats))
  step, flops = _step(model, cascade, (image, coarse), stage, repeats)
  return Throughput(
    dtype,
    cascade.batch // devices,
    devices,
    len(numbers),
    seconds,
    step,
    flops,
    product,
  )


def matrix_product(dtype: str, repeats: int) -> float:
  """Operations a second of one device at a large product of matrices."""
  side = _PRODUCT[bench_setting.accelerated()]
  x = jax.random.normal(jax.random.key(0), (side, side), jnp.dtype(dtype))
  multiply = jax.jit(jnp.matmul)
  seconds = bench_parts.median_seconds(lambda: multiply(x, x), repeats)
  return 2.0 * side**3 / seconds


def _stages(model: Model, windows: int) -> tuple[Stage, Stage]:
  """Two stages, the second of at least so many windows, in a square."""
  side = math.ceil(math.sqrt(max(windows, _LEAST)))
  height, width = model.network
  size = (side * height, side * width)
  *_, before, stage = plan.make_plan(size, window=model.network)
  return before, stage


def _step(
  model: Model,
  cascade: Cascade,
  planes: tuple[InMemory, InMemory],
  stage: Stage,
  repeats: int,
) -> tuple[float, float]:
  """Seconds of the step for a device's batch; its operations a window."""
  batch = cascade.batch // parallel.device_count()
  pixels = math.prod(cascade.network)
  most = selection.count_points(cascade.options.points, pixels)
  step = functools.partial(
    refine_step.refine_windows,
    window=stage.grid.window,
    kernel=cascade.options.kernel,
    most=most,
  )
  networks = jax.device_put(
    tuple(map(parallel.as_pytree, (model.segmenter, model.refiners[0])))
  )
  arrays: dict[str, Any] = stage_windows.arrays(
    *planes, stage.grid, 0, cascade.network
  )
  arrays['points'] = np.asarray(most, np.int32)
  placed = jax.device_put(
    {name: np.stack([array] * batch) for name, array in arrays.items()}
  )
  lowered = jax.jit(step).lower(*networks, **placed)
  program = lowered.compile()
  seconds = bench_parts.median_seconds(
    lambda: program(*networks, **placed), repeats
  )
  return seconds, bench_forward.operations(lowered, program) / batch
