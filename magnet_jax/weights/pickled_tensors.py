"""PyTorch's files from before 1.6, read without PyTorch.

Such a file is five pickles (a magic number, a version, facts about the
machine, the tensors, the keys of their storages) and then the storages: for
each its number of elements and the elements. Unpickling can run code, so only
the names that a dict of tensors needs are known here.
"""

import collections
from collections.abc import Callable
import io
import math
import pathlib
import pickle
from typing import NamedTuple

import numpy as np

from magnet_jax.files import decoding, host_memory
from magnet_jax.files.atomic import PathLike
from magnet_jax.types import InputError
from magnet_jax.weights import pickles

_MAGIC = 0x1950A86A20F9469CFC6C
_VERSION = 1001
_PICKLES = 5
_TYPES = {
  'DoubleStorage': '<f8',
  'FloatStorage': '<f4',
  'HalfStorage': '<f2',
  'LongStorage': '<i8',
  'IntStorage': '<i4',
  'ShortStorage': '<i2',
  'CharStorage': 'i1',
  'ByteStorage': 'u1',
  'BoolStorage': '?',
}


class _Storage(NamedTuple):
  """A block of numbers that follows the pickles."""

  dtype: str
  key: str
  length: int


class _Tensor(NamedTuple):
  """A view of a storage, in elements."""

  storage: _Storage
  offset: int
  shape: tuple[int, ...]
  strides: tuple[int, ...]


def read(path: PathLike) -> dict[str, np.ndarray]:
  """Reads a state_dict that PyTorch's old format holds; runs no code of it.

  Args:
    path: the file.

  Returns:
    Arrays by name, in the file's data types.

  Raises:
    InputError: it is missing, damaged, not a dict of tensors, or has pickled
      code in it.
  """
  path = decoding.check_file(path)
  with pickles.reading(
    path,
    plain='plain tensors',
    remedy='download the file again',
    damaged='a state_dict in the format of PyTorch 1.5',
  ):
    host_memory.check(str(path), path.stat().st_size)
    with path.open('rb') as file:
      pickles.check_length(path, file, _PICKLES)
    return _read(io.BytesIO(path.read_bytes()), path)


def _read(file: io.BytesIO, path: pathlib.Path) -> dict[str, np.ndarray]:
  """Reads the pickles and the storages after them."""
  if _Unpickler(file).load() != _MAGIC or _Unpickler(file).load() != _VERSION:
    raise ValueError('magic number')
  machine, found = _Unpickler(file).load(), _Unpickler(file).load()
  if machine['little_endian'] is not True:
    raise ValueError('byte order')
  if not isinstance(found, dict) or not all(
    isinstance(key, str) and isinstance(value, _Tensor)
    for key, value in dict.items(found)
  ):
    raise InputError(
      f'{path}: holds a {type(found).__name__} of other things than tensors by '
      "name: must be a network's state_dict; choose another file"
    )
  tensors: dict[str, _Tensor] = dict(dict.items(found))
  storages = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
  blocks = {key: _block(file, storages[key]) for key in _Unpickler(file).load()}
  measure, state = pickles.Measure(path), {}
  for name, tensor in tensors.items():
    block = blocks[tensor.storage.key]
    measure.add(math.prod(tensor.shape) * block.itemsize)
    state[name] = _view(tensor, block)
  return state


def _block(file: io.BytesIO, storage: _Storage) -> np.ndarray:
  """Reads the numbers of one storage."""
  dtype = np.dtype(storage.dtype)
  count = int.from_bytes(file.read(8), 'little')
  data = file.read(count * dtype.itemsize)
  if count != storage.length or len(data) != count * dtype.itemsize:
    raise ValueError('truncated')
  return np.frombuffer(data, dtype)


def _view(tensor: _Tensor, block: np.ndarray) -> np.ndarray:
  """Returns a tensor's own copy of its part of a storage."""
  shape, strides = tensor.shape, tensor.strides
  if any(n < 0 for n in (tensor.offset, *shape, *strides)):
    raise ValueError('negative size')
  last = tensor.offset
  for length, step in zip(shape, strides, strict=True):
    last += (length - 1) * step
  # What is outside of the block would be read from foreign memory, and a stride
  # of 0 could ask for any number of elements.
  outside = last >= len(block) or math.prod(shape) > len(block)
  if 0 not in shape and outside:
    raise ValueError('outside of the storage')
  part = np.lib.stride_tricks.as_strided(
    block[tensor.offset :],
    shape,
    [step * block.itemsize for step in strides],
    writeable=False,
  )
  return np.array(part)


class _Unpickler(pickle.Unpickler):
  """Knows ordered dictionaries, tensors and their storages, nothing else.

  What it hands out are immutable values, which no opcode can change or call.
  """

  def find_class(self, module: str, name: str) -> object:
    """Returns what stands for a name in the file."""
    if (module, name) == ('collections', 'OrderedDict'):
      return collections.OrderedDict
    if (module, name) == ('torch._utils', '_rebuild_tensor_v2'):
      return _rebuild()
    if module == 'torch' and name in _TYPES:
      return _TYPES[name]
    raise pickles.RefusedError(f'{module}.{name}')

  def persistent_load(self, pid: object) -> _Storage:
    """Returns the storage that a tensor refers to."""
    if not isinstance(pid, tuple):
      raise ValueError('persistent id')
    what, dtype, key, _, count, view = pid
    if what != 'storage' or dtype not in _TYPES.values() or view is not None:
      raise ValueError('persistent id')
    return _Storage(dtype, str(key), int(count))


def _rebuild() -> Callable[..., _Tensor]:
  """Returns a function of its own for each file, as pickles can mark one."""

  def rebuild(
    storage: _Storage,
    offset: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    *_: object,  # whether it needs a gradient, and its hooks
  ) -> _Tensor:
    if not isinstance(storage, _Storage):
      raise ValueError('not a storage')
    return _Tensor(storage, int(offset), tuple(shape), tuple(strides))

  return rebuild
