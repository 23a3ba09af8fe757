"""The bounded cache."""

import pickle
import threading

import pytest

from magnet_jax.data import cache
from magnet_jax.types import InputError


def test_keeps_the_values_used_last_within_the_bound():
  made = []
  memory = cache.ByteCache(3)

  def get(key):
    return memory.get(
      key, lambda: made.append(key) or bytes(2**20), count_bytes=len
    )

  for key in 'abcaad':  # d pushes out b, used longest ago
    get(key)
    assert memory.used <= 3 * 2**20
  assert made == ['a', 'b', 'c', 'd']
  get('a')
  get('c')
  assert made == ['a', 'b', 'c', 'd']
  get('b')
  assert made[-1] == 'b' and len(memory) == 3


def test_a_value_larger_than_all_and_a_bound_of_zero_are_not_kept():
  for megabytes in (0, 0.5):
    memory = cache.ByteCache(megabytes)
    assert memory.get(1, lambda: bytes(2**20), len) == bytes(2**20)
    assert len(memory) == memory.used == 0
  with pytest.raises(InputError, match='-1 MB'):
    cache.ByteCache(-1)


def test_is_pickled_empty():
  memory = cache.ByteCache(1)
  memory.get(1, lambda: b'x', len)
  copy = pickle.loads(pickle.dumps(memory))
  assert len(copy) == 0
  assert copy.get(1, lambda: b'y', len) == b'y'


def test_many_threads():
  memory = cache.ByteCache(0.001)
  errors = []

  def work(start):
    for i in range(300):
      key = (start + i * 7) % 13
      value = memory.get(key, lambda key=key: bytes([key] * 100), len)
      if value != bytes([key] * 100) or memory.used > 1048:
        errors.append(key)

  threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
  for thread in threads:
    thread.start()
  for thread in threads:
    thread.join()
  assert not errors
  assert memory.used == 100 * len(memory) <= 1048
