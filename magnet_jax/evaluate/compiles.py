"""How often the compiler ran, and for how long."""

from __future__ import annotations

import functools

import jax.monitoring

_EVENT = '/jax/core/compile/backend_compile_duration'


@functools.cache
def _durations() -> list[float]:
  """Seconds of all compilations of this process from the first call on."""
  durations: list[float] = []

  def listen(event: str, duration_secs: float, **_: str | int) -> None:
    if event == _EVENT:
      durations.append(duration_secs)

  jax.monitoring.register_event_duration_secs_listener(listen)
  return durations


class CompileCounter:
  """Counts what XLA compiles during a `with` block, on any thread."""

  def __enter__(self) -> CompileCounter:
    self._first = len(_durations())
    self._last: int | None = None
    return self

  def __exit__(self, *_: object) -> None:
    self._last = len(_durations())

  @property
  def count(self) -> int:
    """Programs compiled in the block so far."""
    return len(_durations()[self._first : self._last])

  @property
  def seconds(self) -> float:
    """Time of the compiler, tracing not included."""
    return sum(_durations()[self._first : self._last])
