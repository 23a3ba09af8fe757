"""Fingerprints of what a run depends on: equal only for equal content."""

from collections.abc import Mapping
import dataclasses
import functools
import hashlib
import inspect
import os
import pathlib
import sys
import types

import numpy as np

from magnet_jax.cascade.host_segmenter import HostSegmenter
from magnet_jax.files.atomic import PathLike
from magnet_jax.types import InputError

_BLOCK = 2**16
_BLOCKS = 64  # of a file, spread over its length
_PLAIN = (bool, int, float, complex, str, bytes, slice, range)


def networks(*each: object) -> str:
  """Computes the fingerprint of networks: of all that their results depend on.

  These are the weights, the modules with all settings, and for functions the
  text of their file, their defaults and closures. Data that a function reads
  from its module or from a file is not included.
  """
  walk = _Walk()
  walk.add(each)
  return walk.digest.hexdigest()[:16]


def file(path: PathLike) -> dict[str, int | str]:
  """Returns a file's size, modification time and a hash of samples.

  Raises:
    InputError: it cannot be read.
  """
  digest = hashlib.sha256()
  try:
    state = os.stat(path)
    with open(path, 'rb') as opened:
      step = max(_BLOCK, state.st_size // _BLOCKS)
      for start in range(0, state.st_size, step):
        opened.seek(start)
        digest.update(opened.read(_BLOCK))
  except OSError as error:
    raise InputError(
      f'{os.fspath(path)}: cannot be read, {error.strerror}; check the path'
    ) from error
  return {
    'bytes': state.st_size,
    'changed': state.st_mtime_ns,
    'content': digest.hexdigest()[:16],
  }


class _Walk:
  """A digest of a value and everything that it refers to.

  The same in every process: no addresses, no order of sets or dicts.
  """

  def __init__(self) -> None:
    self.digest = hashlib.sha256()
    # With the objects, as the address of a deleted one may be reused.
    self._seen: dict[int, tuple[int, object]] = {}

  def add(self, value: object) -> None:
    """Adds a value."""
    if value is None or isinstance(value, _PLAIN):
      self._note(f'{type(value).__name__} {value!r}')
    elif isinstance(value, tuple | frozenset):
      # Never 'seen', as Python may or may not share equal ones.
      self._add_parts(value)
    elif id(value) in self._seen:
      self._note(f'seen {self._seen[id(value)][0]}')
    else:
      self._seen[id(value)] = len(self._seen), value
      self._add_parts(value)

  def _add_parts(self, value: object) -> None:
    """Adds the type of a value, then its parts."""
    self._note(f'{type(value).__module__}.{type(value).__qualname__}')
    if isinstance(value, type):
      self._note(f'{value.__module__}.{value.__qualname__}')
      self._add_source(value)
    elif hasattr(value, '__array__'):
      self._add_array(value)
    elif isinstance(value, Mapping):
      self._add_named(value)
    elif isinstance(value, list | tuple):
      self._add_all(*value)
    elif isinstance(value, set | frozenset):
      self._add_all(*sorted(value, key=repr))
    elif isinstance(value, functools.partial):
      self._add_all(value.func, value.args, value.keywords)
    elif isinstance(value, types.MethodType):
      self._add_all(value.__func__, value.__self__)
    elif isinstance(value, types.CodeType):
      self._add_all(value.co_code, value.co_names, value.co_consts)
    elif isinstance(value, os.PathLike):
      self._note(os.fspath(value))
    elif callable(value) and hasattr(value, '__wrapped__'):
      self.add(value.__wrapped__)  # of jax.jit, functools.cache and the like
    elif isinstance(value, types.FunctionType):
      self._add_function(value)
    else:
      self._add_object(value)

  def _add_array(self, value: object) -> None:
    try:
      # PyTorch's parameters can only be converted without their gradients.
      array = np.ascontiguousarray(getattr(value, 'detach', lambda: value)())
    except (TypeError, RuntimeError):  # on another device, or a random key
      return
    self._note(f'{array.dtype} {array.shape}')
    if array.dtype.hasobject:
      self._add_all(*array.flat)
    else:
      self.digest.update(array.tobytes())

  def _add_function(self, function: types.FunctionType) -> None:
    self._note(f'{function.__module__}.{function.__qualname__}')
    self._add_source(function)
    self._add_all(
      function.__code__, function.__defaults__, function.__kwdefaults__
    )
    for cell in function.__closure__ or ():
      try:
        self.add(cell.cell_contents)
      except ValueError:  # not assigned yet
        self._note('empty')

  def _add_object(self, value: object) -> None:
    self._note(str(getattr(value, '__name__', '')))
    self.add(type(value))
    if dataclasses.is_dataclass(value):
      names = [field.name for field in dataclasses.fields(value)]
      self._add_named({name: getattr(value, name, None) for name in names})
    # Loggers, locks and the like belong to the process, not to the result.
    elif (
      type(value).__module__.partition('.')[0] not in sys.stdlib_module_names
    ):
      self._add_named(getattr(value, '__dict__', {}))
    if isinstance(value, HostSegmenter) and pathlib.Path(value.name).is_file():
      self.add(pathlib.Path(value.name).read_bytes())

  def _add_named(self, parts: Mapping[object, object]) -> None:
    for name in sorted(parts, key=repr):
      self._add_all(name, parts[name])

  def _add_all(self, *parts: object) -> None:
    self._note(str(len(parts)))
    for part in parts:
      self.add(part)

  def _add_source(self, value: type | types.FunctionType) -> None:
    """Adds the text of the file of a function or class, if it has one."""
    try:
      self.digest.update(pathlib.Path(inspect.getfile(value)).read_bytes())
    except (TypeError, OSError):
      self._note('no file')

  def _note(self, text: str) -> None:
    # Ended by a byte that no text contains, so that 'a', 'b' is not 'ab'.
    self.digest.update(text.encode(errors='surrogatepass') + b'\xff')
