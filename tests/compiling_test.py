import jax
import numpy as np

from magnet_jax import compiling


def test_memory_is_released_once_for_each_program(monkeypatch):
  released = []
  monkeypatch.setattr(compiling, '_release', lambda: released.append(1))
  for _ in range(2):
    compiling.release_memory()
  triple = jax.jit(lambda x: 3 * x + 1)
  for size in (5, 5, 7):
    triple(np.zeros(size, np.float32))
  assert len(released) == 2


def test_releasing_needs_no_particular_c_library(monkeypatch):
  compiling._release()
  monkeypatch.setattr(compiling.ctypes, 'CDLL', lambda name: object())
  compiling._release()

  def fails(name):
    raise TypeError(name)

  monkeypatch.setattr(compiling.ctypes, 'CDLL', fails)
  compiling._release()
