"""Runs steps on windows in padded batches; results come in order."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent import futures
from typing import Any

import numpy as np

from magnet_jax import parallel

Arrays = dict[str, np.ndarray]
Results = list[tuple[int, Any]]  # number of a window, its results without B


def run_parts(
  step: Callable[..., Any],
  parts: Iterable[Sequence[int]],
  arrays_of: Callable[[int], Arrays],
  batch: int,
) -> Iterator[Results]:
  """Runs a step over the parts of a stage, one after the other.

  A part that is smaller than a batch is padded with copies of its last window,
  so that all have one shape and the step compiles once. While the device works
  on one part, a thread cuts the windows of the next, and the caller handles the
  results of the one before.

  Args:
    step: from `parallel.over_devices`.
    parts: numbers of at most `batch` windows each; may be empty.
    arrays_of: returns the arrays of one window, without the batch axis; called
      in a thread of its own.
    batch: B, a multiple of the devices.

  Yields:
    The results of each part.
  """
  # One thread suffices: it only has to stay one part ahead of the device.
  with futures.ThreadPoolExecutor(1, 'cut windows') as thread:
    remaining = iter(parts)

    def cut_next() -> futures.Future[tuple[list[int], Arrays]] | None:
      for part in remaining:
        return thread.submit(_stacked, list(part), arrays_of, batch)
      return None

    launched: tuple[list[int], Any] | None = None
    cut = cut_next()
    while cut:
      part, arrays = cut.result()
      cut = cut_next()
      # Launched before the results before are fetched: JAX runs the step
      # asynchronously, so the device does not wait for the host.
      ahead = part, step(**arrays) if part else None
      if launched:
        yield _fetched(*launched)
      launched = ahead
    if launched:
      yield _fetched(*launched)


def _stacked(
  part: list[int], arrays_of: Callable[[int], Arrays], batch: int
) -> tuple[list[int], Arrays]:
  """The arrays of a part's windows, padded to a batch."""
  rows = [arrays_of(number) for number in part]
  rows += rows[-1:] * (batch - len(rows))
  names = rows[0] if rows else ()
  return part, {name: np.stack([row[name] for row in rows]) for name in names}


def _fetched(part: list[int], results: Any) -> Results:
  host = parallel.fetch(results)
  if host is None:
    return []
  if isinstance(host, np.ndarray):
    return list(zip(part, host, strict=False))
  return [
    (number, type(host)(*(field[i] for field in host)))
    for i, number in enumerate(part)
  ]
