"""The sections of a measurement of everything: each yields rows, cheap first.

Each runs in a process of its own, so that what it leaves in memory, or an end
by lack of it, does not matter to the next.
"""

from collections.abc import Callable, Iterator, Mapping
import dataclasses
import functools
import math
import resource
import statistics
from typing import Any

import jax
import numpy as np

from magnet_jax import parallel
from magnet_jax.bench import loop, machine, precisions, throughput, training
from magnet_jax.bench.row import Row
from magnet_jax.bench.subject import Subject
from magnet_jax.evaluate.compiles import CompileCounter
from magnet_jax.predict.model import Model
from magnet_jax.refiners.refiner import Seen
from magnet_jax.types import Size

Notify = Callable[[str], None]
_MEGABYTE = 1e6
_BATCHES = {False: (1, 4), True: (1, 4, 16, 64)}  # on a GPU or not


@dataclasses.dataclass(frozen=True)
class Task:
  """What is measured.

  Attributes:
    subject: the networks.
    batches: windows at a time; () for the usual ones here.
    names: of `precisions.PRECISIONS`; () for the usual ones here.
    size: (height, width) of the larger image.
    repeats: timed calls.
    products: operations per second of a large product, by precision.
  """

  subject: Subject
  batches: tuple[int, ...]
  names: tuple[str, ...]
  size: Size
  repeats: int
  products: Mapping[str, float] = dataclasses.field(default_factory=dict)

  def precisions(self) -> tuple[str, ...]:
    """Returns the precisions to measure.

    Raises:
      InputError: the device lacks one of them.
    """
    for name in self.names:
      precisions.check(name)
    return self.names or precisions.usual()

  def sizes(self) -> tuple[int, ...]:
    """Returns the batches to measure, ascending."""
    return tuple(sorted(self.batches or _BATCHES[machine.accelerated()]))


def products(task: Task, notify: Notify) -> Iterator[Row]:
  """A large matrix product in each precision: what the device can reach."""
  for name in task.precisions():
    notify(f'matrix product, {name}')
    with precisions.using(name) as dtype:
      rate = throughput.matrix_product(dtype, task.repeats)
    operations = 2.0 * throughput.product_side() ** 3
    yield Row(
      'matrix product',
      'products',
      operations / rate,
      rate / operations,
      name,
      flops=rate,
      of_product=1.0,
    )


def image(task: Task, notify: Notify, *, part: int) -> Iterator[Row]:
  """A whole segmentation, of an image whose sides are a part of the size."""
  height, width = (side // part for side in task.size)
  names = task.precisions()
  # What JAX does with float32 on a GPU unless it is told otherwise.
  name = 'tf32' if 'tf32' in names else names[0]
  rng = np.random.default_rng(0)
  pixels = rng.integers(0, 256, (height, width, 3), np.uint8)
  with precisions.using(name) as dtype, CompileCounter() as compiles:
    model = task.subject.model(dtype)
    found, _ = loop.measure(model, pixels, compiles, notify)
  yield Row(
    f'image {height}x{width}',
    'windows',
    found.seconds,
    sum(found.windows) / found.seconds,
    name,
    model.cascade().batch,
    device_mb=_device_mb(),
    host_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
  )


def networks(task: Task, notify: Notify) -> Iterator[Row]:
  """The networks alone, on arrays that are on the device."""
  for batch, name, model in _models(task):
    for what, call in _calls(model, batch).items():
      notify(f'{what}, {name}, batch {batch}')
      run, *arguments = call
      program, operations = _compiled(run, *arguments)
      seconds = machine.median_seconds(
        functools.partial(program, *arguments), task.repeats
      )
      yield _row(
        task,
        what,
        unit='images',
        name=name,
        batch=batch,
        seconds=seconds,
        operations=operations,
      )


def windows(task: Task, notify: Notify) -> Iterator[Row]:
  """A stage of windows in the real loop, and its step alone."""
  for batch, name, model in _models(task):
    notify(f'windows, {name}, batch {batch}')
    found = throughput.measure(
      model, name, batch, task.products.get(name, math.nan), task.repeats
    )
    yield Row(
      'stage of windows',
      'windows',
      statistics.median(found.seconds),
      found.per_second,
      name,
      found.batch,
      found.per_second / found.devices * found.flops,
      found.of_product,
      found.busy,
      found.hidden,
      device_mb=_device_mb(),
    )


def train(task: Task, notify: Notify) -> Iterator[Row]:
  """Steps of the segmenter's training, on a batch that is on the device."""
  for batch, name, model in _models(task):
    notify(f'training, {name}, batch {batch}')
    step = training.segmenter(model, batch)
    seconds = statistics.median(
      machine.call_seconds(step.run) for _ in range(task.repeats)
    )
    row = _row(
      task,
      'training',
      unit='steps',
      name=name,
      batch=batch,
      seconds=seconds,
      operations=step.operations,
    )
    yield dataclasses.replace(
      row, per_second=1 / seconds, device_mb=_device_mb()
    )


# Name -> share of the time, and what it does. Memory first: the other sections
# need more of it.
SECTIONS: dict[str, tuple[float, Callable[..., Iterator[Row]]]] = {
  'product': (0.08, products),
  'half of the size': (0.15, functools.partial(image, part=2)),
  'size': (0.22, functools.partial(image, part=1)),
  'networks': (0.15, networks),
  'windows': (0.2, windows),
  'training': (0.2, train),
}


def _models(task: Task) -> Iterator[tuple[int, str, Model]]:
  """Batch, precision and model, as long as batches fit on the device."""
  for batch in task.sizes():
    for name in task.precisions():
      with precisions.using(name) as dtype:
        yield batch, name, task.subject.model(dtype)


def _calls(model: Model, batch: int) -> dict[str, tuple[Any, ...]]:
  """Each network as a function of pytrees, and its arguments."""
  height, width = model.network
  shape = (batch, height, width)
  rng = np.random.default_rng(0)
  size = f'{height}x{width}'
  images = rng.standard_normal((*shape, 3), np.float32)
  calls: dict[str, tuple[Any, ...]] = {
    f'segmenter {size}': (
      lambda network, given: network(given),
      model.segmenter,
      images,
    )
  }
  for each in model.refiners[:1]:
    if each.needs == {'scale'}:
      maps = rng.dirichlet(np.ones(len(model.classes)), shape)
      calls[f'refiner {size}'] = (
        lambda network, given: network.apply(
          network.variables, Seen(coarse=given, scale=given)
        ),
        each,
        maps.astype(np.float32),
      )
  return {
    what: (run, *jax.device_put(arguments))
    for what, (run, *arguments) in calls.items()
  }


def _compiled(
  run: Callable[..., object], *arguments: object
) -> tuple[jax.stages.Compiled, float]:
  lowered = jax.jit(run).lower(*arguments)
  program = lowered.compile()
  machine.check_memory(program)
  return program, machine.operations(lowered, program)


def _row(
  task: Task,
  what: str,
  *,
  unit: str,
  name: str,
  batch: int,
  seconds: float,
  operations: float,
) -> Row:
  rate = operations / seconds
  product = task.products.get(name)
  return Row(
    what,
    unit,
    seconds,
    batch / seconds,
    name,
    batch,
    flops=rate,
    of_product=rate / product if product else None,
  )


def _device_mb() -> float | None:
  """The most that any device has used; None if it has the host's memory."""
  peak = parallel.device_peak()
  return None if peak is None else peak / _MEGABYTE
