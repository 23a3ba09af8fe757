"""Detectron2's .pkl: a pickled dict of NumPy arrays, read without running it.

Unpickling can run code, so only the names that such arrays need are known
here, and each stands for a plain value or a function that makes one.
"""

import collections
from collections.abc import Callable
import pickle
from typing import IO

import numpy as np

from magnet_jax.files import decoding
from magnet_jax.files.atomic import PathLike
from magnet_jax.weights import pickles

_KINDS = 'biuf'  # of numbers in an array


class _DType:
  """Stands for a NumPy data type while a file is read."""

  __slots__ = ('name', 'order')

  def __init__(self, name: object):
    self.name, self.order = _text(name), '='

  def __setstate__(self, state: tuple) -> None:
    self.order = _text(state[1])

  def real(self) -> np.dtype:
    """Returns the data type, which must be of plain numbers."""
    found = np.dtype(self.name)
    if self.order == '>':
      found = found.newbyteorder('>')
    if found.kind not in _KINDS:
      raise ValueError('not numbers')
    return found


class _Array:
  """Stands for an array while a file is read."""

  __slots__ = ('measure', 'value')

  def __init__(self, measure: pickles.Measure):
    self.measure = measure
    self.value: np.ndarray | None = None

  def __setstate__(self, state: tuple) -> None:
    _, shape, dtype, by_columns, data = state
    self.fill(data, dtype, shape, 'F' if by_columns else 'C')

  def fill(
    self, data: object, dtype: object, shape: object, order: object
  ) -> '_Array':
    """Makes the array of bytes in a file; returns itself."""
    if isinstance(data, str):
      data = data.encode('latin1')
    if not isinstance(data, bytes | bytearray) or not isinstance(dtype, _DType):
      raise ValueError('not an array')
    if order not in ('C', 'F'):
      raise ValueError('order')
    self.measure.add(len(data))
    sides = tuple(int(side) for side in shape)  # type: ignore[attr-defined]
    flat = np.frombuffer(data, dtype.real())
    self.value = np.array(flat.reshape(sides, order=order))
    return self


def read(path: PathLike) -> dict[str, object]:
  """Reads the dict of a file; runs no code of it.

  Args:
    path: the file.

  Returns:
    What it holds by name, arrays in their data types; dicts in it likewise.

  Raises:
    InputError: it is missing, damaged, no such dict, or has pickled code in it.
  """
  path = decoding.check_file(path)
  with (
    pickles.reading(
      path,
      plain='plain arrays',
      remedy='load it in Python and save its "model" by torch.save, as a .pth',
      damaged='a pickled dict of arrays, as Detectron2 writes it',
    ),
    path.open('rb') as file,
  ):
    pickles.check_length(path, file)
    file.seek(0)
    found = _Unpickler(file, pickles.Measure(path)).load()
    if not isinstance(found, dict):
      raise TypeError('no dict')
    return {key: _arrays(value) for key, value in dict.items(found)}


def _arrays(found: object) -> object:
  """Returns a value with arrays for what stands for them, in a dict too."""
  if isinstance(found, dict):
    return {key: _plain(value) for key, value in dict.items(found)}
  return _plain(found)


def _plain(found: object) -> object:
  return found.value if isinstance(found, _Array) else found


def _text(value: object) -> str:
  return value.decode('ascii') if isinstance(value, bytes) else str(value)


class _Unpickler(pickle.Unpickler):
  """Knows ordered dictionaries and NumPy's arrays, nothing else."""

  def __init__(self, file: IO[bytes], measure: pickles.Measure) -> None:
    # latin1: for bytes that Python 2 wrote as text.
    super().__init__(file, encoding='latin1')
    self._measure = measure

  def find_class(self, module: str, name: str) -> object:
    """Returns what stands for a name in the file."""
    if (module, name) == ('collections', 'OrderedDict'):
      return collections.OrderedDict
    # NumPy 2 has renamed numpy.core.
    module = module.replace('numpy._core', 'numpy.core')
    known = _known(self._measure).get((module, name))
    if known is None:
      raise pickles.RefusedError(f'{module}.{name}')
    return known


def _known(
  measure: pickles.Measure,
) -> dict[tuple[str, str], Callable[..., object] | str]:
  """Functions of their own for each name in a file, as pickles can mark one."""

  def encode(text: str, encoding: str) -> bytes:
    if encoding != 'latin1':
      raise ValueError('encoding')
    measure.add(len(text))
    return text.encode('latin1')

  return {
    ('numpy', 'ndarray'): 'ndarray',
    ('numpy', 'dtype'): lambda name, *_: _DType(name),
    ('numpy.core.multiarray', '_reconstruct'): lambda *_: _Array(measure),
    ('numpy.core.numeric', '_frombuffer'): (
      lambda *given: _Array(measure).fill(*given)
    ),
    ('numpy.core.multiarray', 'scalar'): (
      lambda dtype, data: _Array(measure).fill(data, dtype, (), 'C')
    ),
    # With these, Python 2 is made to understand bytes.
    ('_codecs', 'encode'): encode,
    ('__builtin__', 'bytes'): lambda: b'',
  }
