"""Windows per second against the batch, and how busy the device is meanwhile.

The last stage of the real loop is timed: windows are cut, sent, refined,
fetched and merged. For comparison, the compiled step only, on arrays that are
on the device already: its share of the loop is the time that the device
computes; the rest it waits. And a large matrix product in the same precision:
what the device can reach.
"""

from collections.abc import Callable, Iterator, Sequence
import dataclasses
import functools
import math
import statistics

import jax
import jax.numpy as jnp
import numpy as np

from magnet_jax import parallel
from magnet_jax.bench import machine, precisions, watching
from magnet_jax.bench.watching import Call
from magnet_jax.cascade import plan
from magnet_jax.predict.model import Model
from magnet_jax.types import Stage

Notify = Callable[[str], None]
_BATCHES = 3  # smallest number in the timed stage
_LEAST = 6  # smallest number of windows in that stage
_PRODUCT = {True: 8192, False: 1536}  # side of the matrices, on a GPU or not


@dataclasses.dataclass(frozen=True)
class Throughput:
  """Result for one precision and batch.

  Attributes:
    dtype: a name of `precisions.PRECISIONS`.
    batch: number of windows per device at a time.
    devices: number that share the windows.
    windows: number in the stage.
    seconds: of each run of the loop over them.
    step_seconds: of the compiled step alone, for one batch, median.
    flops: operations per window, as the compiler counts them.
    product: operations per second of the matrix product, in that precision.
    host: seconds of the host's own work for all windows: cutting and merging.
  """

  dtype: str
  batch: int
  devices: int
  windows: int
  seconds: tuple[float, ...]
  step_seconds: float
  flops: float
  product: float
  host: float

  @property
  def per_second(self) -> float:
    """Windows per second."""
    return self.windows / statistics.median(self.seconds)

  @property
  def busy(self) -> float:
    """Share of the loop's time in which the device computes."""
    return self._computing / statistics.median(self.seconds)

  @property
  def _computing(self) -> float:
    calls = math.ceil(self.windows / (self.batch * self.devices))
    return calls * self.step_seconds

  @property
  def hidden(self) -> float:
    """Share of the host's work that is done while the device computes."""
    longer = statistics.median(self.seconds) - self._computing
    return min(1.0, max(0.0, 1 - longer / self.host))

  @property
  def of_product(self) -> float:
    """Operations per second and device, relative to the matrix product's."""
    return self.per_second / self.devices * self.flops / self.product


def run(
  make_model: Callable[[str], Model],
  batches: Sequence[int],
  dtypes: Sequence[str],
  *,
  repeats: int = 3,
  notify: Notify = lambda line: None,
) -> Iterator[Throughput]:
  """Times each precision at each batch; yields results one by one.

  Args:
    make_model: makes the networks in 'float32' or 'bfloat16'.
    batches: windows per device at a time; 0: as many as fit.
    dtypes: names of `precisions.PRECISIONS`.
    repeats: of the loop, of the step and of the product.
    notify: progress callback.
  """
  for dtype in dtypes:
    with precisions.using(dtype) as own:
      model = make_model(own)  # is refused before anything is told or timed
      notify(f'{dtype}: matrix product')
      product = matrix_product(own, repeats)
      for batch in batches:
        notify(f'{dtype}, batch {batch or "automatic"}')
        yield measure(model, dtype, batch, product, repeats)


def measure(
  model: Model, dtype: str, batch: int, product: float, repeats: int
) -> Throughput:
  """Times one batch; `product` is passed on."""
  cascade = model.cascade(batch=batch)
  stages = _plan(model, _BATCHES * cascade.batch)
  rng = np.random.default_rng(0)
  image = rng.integers(0, 256, (*stages[-1].size, 3), np.uint8)
  with watching.watch() as watch:
    model.cascade(batch=batch, windows=1).segment(image, stages)  # compiles
    for _ in watching.stages(model.cascade(batch=batch), image, stages):
      host = watch.seconds['cut'] + watch.seconds['merge']
      watch.reset()
  seconds = tuple(
    [each for _, each in watching.stages(cascade, image, stages)][-1]
    for _ in range(repeats)
  )
  step_seconds, flops = _step(watch.last, repeats)
  return Throughput(
    dtype,
    watch.last.batch,
    parallel.device_count(),
    len(stages[-1].grid),
    seconds,
    step_seconds,
    flops,
    product,
    host,
  )


def product_side() -> int:
  """Returns the number of rows of the matrices that are multiplied."""
  return _PRODUCT[machine.accelerated()]


def matrix_product(dtype: str, repeats: int) -> float:
  """Returns operations per second of one device for a large matrix product.

  Args:
    dtype: 'float32' or 'bfloat16', of the matrices.
    repeats: timed calls.
  """
  side = product_side()
  x = jax.random.normal(jax.random.key(0), (side, side), jnp.dtype(dtype))
  multiply = jax.jit(jnp.matmul)
  seconds = machine.median_seconds(lambda: multiply(x, x), repeats)
  return 2.0 * side**3 / seconds


def _plan(model: Model, windows: int) -> tuple[Stage, ...]:
  """Two stages, the second a square of at least so many windows."""
  side = math.ceil(math.sqrt(max(windows, _LEAST)))
  height, width = model.network
  size = (side * height, side * width)
  return plan.make_plan(size, window=model.network, stages=2)


def _step(call: Call, repeats: int) -> tuple[float, float]:
  """Seconds of the step for a device's batch; its operations per window."""
  step = functools.partial(call.step, **call.settings)
  networks, arrays = jax.device_put((call.networks, call.arrays))
  lowered = jax.jit(step).lower(*networks, **arrays)
  program = lowered.compile()
  seconds = machine.median_seconds(
    lambda: program(*networks, **arrays), repeats
  )
  flops = machine.operations(lowered, program)
  return seconds, flops / call.batch
