import jax
import numpy as np
import pytest

from magnet_jax.files import host_memory


def test_some_memory_is_free():
  assert host_memory.free() > 0


def test_what_does_not_fit_is_told_with_both_numbers(monkeypatch):
  monkeypatch.setattr(host_memory, 'free', lambda: 10**9)
  host_memory.check('a.npy', 5 * 10**8)
  with pytest.raises(host_memory.TooLargeError) as caught:
    host_memory.check('a.npy', 6 * 10**8)
  assert 'a.npy: would take 0.60 GB' in str(caught.value)
  assert '(0.50 GB); free some' in str(caught.value)


def test_memory_is_released_once_for_each_program(monkeypatch):
  released = []
  monkeypatch.setattr(host_memory, '_release', lambda: released.append(1))
  for _ in range(2):
    host_memory.release_after_compiling()
  triple = jax.jit(lambda x: 3 * x + 1)
  for size in (5, 5, 7):
    triple(np.zeros(size, np.float32))
  assert len(released) == 2


def test_releasing_needs_no_particular_c_library(monkeypatch):
  host_memory._release()
  monkeypatch.setattr(host_memory.ctypes, 'CDLL', lambda name: object())
  host_memory._release()

  def fails(name):
    raise TypeError(name)

  monkeypatch.setattr(host_memory.ctypes, 'CDLL', fails)
  host_memory._release()
