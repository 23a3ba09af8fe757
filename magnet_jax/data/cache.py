"""A bounded cache of what was read or computed last."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
import threading
from typing import Generic, TypeVar

from magnet_jax.types import InputError

Value = TypeVar('Value')


class ByteCache(Generic[Value]):
  """A thread-safe cache of the most recently used values, bounded in bytes.

  It is pickled empty: every worker process fills its own.
  """

  def __init__(self, megabytes: float) -> None:
    """Starts empty.

    Args:
      megabytes: upper bound for all values together, in MiB; 0 keeps nothing.

    Raises:
      InputError: it is negative.
    """
    if not megabytes >= 0:
      raise InputError(
        f'cache of {megabytes} MB: must be at least 0; give 0 for none'
      )
    self._megabytes = megabytes
    self._limit = int(megabytes * 2**20)
    self._lock = threading.Lock()
    self._values: OrderedDict[Hashable, tuple[Value, int]] = OrderedDict()
    self._used = 0

  def __reduce__(self) -> tuple[type['ByteCache[Value]'], tuple[float]]:
    return type(self), (self._megabytes,)

  def __len__(self) -> int:
    return len(self._values)

  @property
  def used(self) -> int:
    """Bytes of all cached values."""
    return self._used

  def get(
    self,
    key: Hashable,
    make: Callable[[], Value],
    count_bytes: Callable[[Value], int],
  ) -> Value:
    """Returns the value of a key, made if it is not cached.

    Two threads that miss the same key at the same time both make it, so that
    neither waits for the other.

    Args:
      key: what the value depends on.
      make: makes the value.
      count_bytes: value -> its size in bytes.
    """
    with self._lock:
      if key in self._values:
        self._values.move_to_end(key)
        return self._values[key][0]
    value = make()
    size = count_bytes(value)
    with self._lock:
      if key not in self._values and size <= self._limit:
        self._values[key] = value, size
        self._used += size
      while self._used > self._limit:
        self._used -= self._values.popitem(last=False)[1][1]
    return value
