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
