"""Times the cascade's own calls while it runs.

Nothing of the loop is repeated here: the functions that it calls are replaced
by ones that time them, for as long as a `with` block lasts.
"""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterator, Sequence
import contextlib
import dataclasses
import functools
import time
from types import ModuleType
from typing import ParamSpec, TypeVar

import jax
import numpy as np

from magnet_jax import parallel
from magnet_jax.cascade import batches, window_choice
from magnet_jax.cascade.cascade import Cascade, StageResult
from magnet_jax.types import Stage

_P = ParamSpec('_P')
_T = TypeVar('_T')


@dataclasses.dataclass(frozen=True)
class Call:
  """A step as the loop called it.

  Attributes:
    step: function of `cascade.refine_step` or alike, not compiled.
    networks: its positional arguments, pytrees.
    settings: its static keyword arguments.
    arrays: its arrays for one device, leading axis B.
  """

  step: parallel.Step
  networks: tuple[object, ...]
  settings: dict[str, object]
  arrays: dict[str, np.ndarray]

  @property
  def batch(self) -> int:
    """B, windows on one device."""
    return len(self.arrays['images'])

  def on_one_device(self) -> Callable[[], object]:
    """Returns the call, compiled, with its arrays on the device."""
    run = parallel.over_devices(
      self.step, *self.networks, devices=1, **self.settings
    )
    return functools.partial(run, **jax.device_put(self.arrays))


class Watch:
  """Time spent in parts of the loop.

  Attributes:
    seconds: by part: 'step' on the device, synchronised; 'rank' by the
      scores of windows; 'fetch' of results; 'merge' of windows into
      the map; 'cut' of windows, in a thread of its own.
    calls: how many calls those were.
    last: the latest call of a step.
  """

  last: Call

  def __init__(self) -> None:
    self.reset()
    self._over_devices = parallel.over_devices
    self._run_parts = batches.run_parts

  def reset(self) -> None:
    """Begins to count from zero."""
    self.seconds = collections.defaultdict[str, float](float)
    self.calls = collections.Counter[str]()

  @contextlib.contextmanager
  def timing(self, part: str) -> Iterator[None]:
    """Adds the time of a block to a part."""
    start = time.perf_counter()
    try:
      yield
    finally:
      self.seconds[part] += time.perf_counter() - start
      self.calls[part] += 1

  def timed(self, part: str, function: Callable[_P, _T]) -> Callable[_P, _T]:
    """Wraps a function so that its calls are timed."""

    def run(*arguments: _P.args, **named: _P.kwargs) -> _T:
      with self.timing(part):
        return function(*arguments, **named)

    return run

  def over_devices(
    self,
    step: parallel.Step,
    *networks: object,
    devices: int | None = None,
    **settings: object,
  ) -> parallel.Step:
    """Stands in for `parallel.over_devices`; its steps wait for results."""
    run = self._over_devices(step, *networks, devices=devices, **settings)
    count = devices or parallel.device_count()

    def finish(**arrays: np.ndarray) -> object:
      return jax.block_until_ready(run(**arrays))

    def remember(**arrays: np.ndarray) -> object:
      share = {k: a[: len(a) // count] for k, a in arrays.items()}
      self.last = Call(step, networks, settings, share)
      with self.timing('step'):
        return finish(**arrays)

    return remember

  def run_parts(
    self,
    step: parallel.Step,
    parts: Sequence[Sequence[int]],
    arrays_of: Callable[[int], batches.Arrays],
    batch: int,
  ) -> Iterator[batches.Results]:
    """Stands in for `batches.run_parts`; what its caller does is merging."""
    cut = self.timed('cut', arrays_of)
    for results in self._run_parts(step, parts, cut, batch):
      with self.timing('merge'):
        yield results


@contextlib.contextmanager
def watch() -> Iterator[Watch]:
  """Times the calls of all cascades made and run in the block."""
  found = Watch()
  fetch = found.timed('fetch', parallel.fetch)
  choose = found.timed('rank', window_choice.choose)
  with (
    _replaced(parallel, 'over_devices', found.over_devices),
    _replaced(parallel, 'fetch', fetch),
    _replaced(window_choice, 'choose', choose),
    _replaced(batches, 'run_parts', found.run_parts),
  ):
    yield found


@contextlib.contextmanager
def _replaced(
  module: ModuleType, name: str, function: Callable[..., object]
) -> Iterator[None]:
  before = getattr(module, name)
  setattr(module, name, function)
  try:
    yield
  finally:
    setattr(module, name, before)


def stages(
  cascade: Cascade, image: np.ndarray, plan: Sequence[Stage]
) -> Iterator[tuple[StageResult, float]]:
  """Runs the loop over an image; yields each stage with its seconds."""
  results = cascade.stages(image, plan)
  start = time.perf_counter()
  for result in results:
    yield result, time.perf_counter() - start
    start = time.perf_counter()
