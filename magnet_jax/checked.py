"""Plain values of JSON files and configs, checked before they are used.

The annotations of the function or the dataclass that takes the values are the
rules for their types; ranges are its own to check.
"""

from collections.abc import Callable, Iterator, Mapping
import contextlib
import dataclasses
import functools
import inspect
import math
import types
import typing
from typing import TypeVar

from magnet_jax.types import InputError

T = TypeVar('T')
_WORDS = {
  int: 'a whole number',
  float: 'a finite number',
  str: 'text',
  bool: 'true or false',
  type(None): 'null',
}
_OBJECT = 'an object of values by name'


def call(make: Callable[..., T], values: object, where: str) -> T:
  """Calls a function or makes a dataclass of values by name.

  Args:
    make: takes keywords; with **keywords it judges unknown names itself.
    values: by name; lists stand for tuples, objects for dataclasses.
    where: what messages call the values, such as 'config.refine'.

  Raises:
    InputError: a name is unknown or missing, a value has another type or is
      not finite, or `make` refuses it; one line that names the value.

  >>> call(WindowGrid, {'size': [4]}, 'grid')  # doctest: +SKIP
  InputError: grid.size is [4]: must be a list of 2; correct it
  """
  if not isinstance(values, Mapping):
    raise _wrong(values, _OBJECT, where)
  function, bound = make, set[str]()
  if isinstance(make, functools.partial):
    function, bound = make.func, {*make.keywords}
  parameters = inspect.signature(function).parameters
  takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
  known = {
    name: parameter.default is parameter.empty
    for name, parameter in parameters.items()
    if name not in bound and parameter.kind is not parameter.VAR_KEYWORD
  }
  for name in values:
    if name in bound or not (name in known or takes_any):
      raise InputError(
        f'{where}.{name}: unknown; choose one of {", ".join(known)}'
      )
  for name, needed in known.items():
    if needed and name not in values:
      raise InputError(f'{where}.{name}: is missing; add it')
  hints = typing.get_type_hints(function)
  given = {
    name: _typed(value, hints.get(name, object), f'{where}.{name}')
    for name, value in values.items()
  }
  with named(where):
    return make(**given)


@contextlib.contextmanager
def named(name: str) -> Iterator[None]:
  """Puts a name before the message of an InputError."""
  try:
    yield
  except InputError as error:
    raise InputError(f'{name}: {error}') from error


def _typed(value: object, hint: object, where: str) -> object:
  """Returns the value, with tuples for lists, if it fits the annotation."""
  origin, inner = typing.get_origin(hint), typing.get_args(hint)
  if origin in (typing.Union, types.UnionType):
    return _one_of(value, inner, where)
  if isinstance(hint, type) and dataclasses.is_dataclass(hint):
    return call(hint, value, where)
  if not _fits(value, hint):
    raise _wrong(value, _rule(hint), where)
  if isinstance(value, list | tuple):
    hints = inner if origin is tuple else (object, ...)
    if hints[-1] is ...:
      hints = hints[:1] * len(value)
    return tuple(
      _typed(item, each, f'{where}[{i}]')
      for i, (item, each) in enumerate(zip(value, hints, strict=True))
    )
  if isinstance(value, Mapping):
    each = inner[1] if inner else object
    return {
      str(key): _typed(item, each, f'{where}.{key}')
      for key, item in value.items()
    }
  return value


def _one_of(value: object, hints: tuple[object, ...], where: str) -> object:
  """Returns the value by the first annotation that it fits."""
  others = [hint for hint in hints if hint is not type(None)]
  if value is None and len(others) < len(hints):
    return None
  if len(others) == 1:
    return _typed(value, others[0], where)
  for hint in others:
    with contextlib.suppress(InputError):
      return _typed(value, hint, where)
  raise _wrong(value, ' or '.join(map(_rule, others)), where)


def _fits(value: object, hint: object) -> bool:
  """Whether a value is of a kind, whatever it contains."""
  whole = isinstance(value, int) and not isinstance(value, bool)
  if hint is int:
    return whole
  if isinstance(value, float) and not math.isfinite(value):
    return False
  if hint is float:
    return whole or isinstance(value, float)
  origin, inner = typing.get_origin(hint), typing.get_args(hint)
  if origin is tuple:
    return isinstance(value, list | tuple) and (
      inner[-1] is ... or len(value) == len(inner)
    )
  if _of_names(origin) or origin is typing.Literal:
    return isinstance(value, Mapping) if _of_names(origin) else value in inner
  # Other annotations, such as Any, say nothing of plain values.
  return not any(hint is each for each in _WORDS) or type(value) is hint


def _rule(hint: object) -> str:
  """Returns what a value must be, in words."""
  origin, inner = typing.get_origin(hint), typing.get_args(hint)
  if origin is tuple:
    return 'a list' if inner[-1] is ... else f'a list of {len(inner)}'
  if origin is typing.Literal:
    return f'one of {", ".join(map(str, inner))}'
  if isinstance(hint, type) and hint in _WORDS:
    return _WORDS[hint]
  return _OBJECT if _of_names(origin) else 'a finite number, text or a list'


def _of_names(origin: object) -> bool:
  return isinstance(origin, type) and issubclass(origin, Mapping)


def _wrong(value: object, rule: str, where: str) -> InputError:
  return InputError(f'{where} is {value!r:.60}: must be {rule}; correct it')
