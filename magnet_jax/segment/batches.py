"""Windows of a stage as padded batches, and their results in order."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from magnet_jax import parallel

Arrays = dict[str, np.ndarray]


def run(
  step: Callable[..., Any],
  numbers: Sequence[int],
  arrays_of: Callable[[int], Arrays],
  batch: int,
) -> Iterator[tuple[int, Any]]:
  """Runs a step over windows, a batch at a time.

  The last batch is filled up with its own last window, so that all batches
  have one shape and the step compiles once. A batch is launched before the
  one before it is fetched: the host cuts and merges while the device works.

  Args:
    step: from `parallel.over_devices`.
    numbers: the windows' numbers in their grid.
    arrays_of: the arrays of one window, without the batch axis.
    batch: B, a multiple of the devices.

  Yields:
    (number of the window, its results without the batch axis).
  """
  launched: tuple[list[int], Any] | None = None
  for start in range(0, len(numbers), batch):
    part = list(numbers[start : start + batch])
    rows = [arrays_of(number) for number in part]
    rows += rows[-1:] * (batch - len(rows))
    arrays = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    ahead = part, step(**arrays)
    if launched:
      yield from _fetched(*launched)
    launched = ahead
  if launched:
    yield from _fetched(*launched)


def _fetched(part: list[int], results: Any) -> Iterator[tuple[int, Any]]:
  host = parallel.fetch(results)
  for i, number in enumerate(part):
    if isinstance(host, np.ndarray):
      yield number, host[i]
    else:
      yield number, type(host)(*(field[i] for field in host))
