"""Segments an image step by step and prints what each takes; see measure.py."""

from collections import defaultdict
import sys
import time

from magnet_jax.files import compile_cache

_SHOWN = {
  'jaxpr_trace_duration': 'tracing',
  'jaxpr_to_mlir_module_duration': 'lowering',
  'cache_retrieval_time_sec': 'programs from the disk',
  'backend_compile_duration': 'compiling or loading programs',
}


class Laps:
  """Prints the seconds since the last lap."""

  def __init__(self) -> None:
    self._last = time.perf_counter(), time.process_time()
    self._events: dict[str, float] = defaultdict(float)

  def event(self, name: str, seconds: float, **_: object) -> None:
    """Notes what JAX says that it took."""
    self._events[name.rpartition('/')[2]] += seconds

  def done(self, what: str) -> None:
    """Prints a lap."""
    now = time.perf_counter(), time.process_time()
    clock, used = (b - a for a, b in zip(self._last, now, strict=True))
    print(f'  {what:32}{clock:9.2f}{used:13.2f}')
    for name, text in _SHOWN.items():
      if name in self._events:
        print(f'    {text:30}{self._events[name]:9.2f}')
    self._events.clear()
    self._last = time.perf_counter(), time.process_time()


def main(model: str, image: str) -> None:
  """Prints the parts."""
  laps = Laps()
  compile_cache.use()
  import jax

  laps.done('import of JAX')
  import flax.linen  # noqa: F401

  laps.done('import of Flax')
  jax.monitoring.register_event_duration_secs_listener(laps.event)
  from magnet_jax.cli import segment  # noqa: F401
  from magnet_jax.predict import model as models

  laps.done('import of the rest')
  found = models.load(model)
  laps.done('the model')
  found.segment(image)
  laps.done('the image')
  found.segment(image)
  laps.done('the image once more')


if __name__ == '__main__':
  main(*sys.argv[1:])
