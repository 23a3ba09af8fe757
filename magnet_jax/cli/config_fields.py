"""The fields of a config: complete, plain values, of the right types."""

from collections.abc import Iterator, Mapping
import difflib
from typing import Any

import ml_collections

from magnet_jax import ranges
from magnet_jax.types import InputError

# Sections whose fields are those of what they describe, with its own defaults.
_OPEN = ('segmenter', 'refiner', 'augment', 'correctors.')
_PLAIN = (bool, int, float, str, list, tuple)
_WORDS = {
  bool: 'true or false',
  int: 'a whole number',
  float: 'a number',
  str: 'text',
  tuple: 'a list',
}


def complete(
  given: Mapping[str, Any], usual: ml_collections.ConfigDict
) -> ml_collections.ConfigDict:
  """Returns the config of plain settings, with usual ones where it has none.

  Args:
    given: such as the content of a run's config.json; lists stand for tuples.
    usual: the default config.
  """
  return ml_collections.ConfigDict(_laid_over(given, usual, ''))


def _laid_over(
  given: Mapping[str, Any], usual: Mapping[str, Any], prefix: str
) -> dict[str, Any]:
  """Settings, and the usual ones of sections that are not of open fields."""
  found = {key: _tuples(value) for key, value in given.items()}
  for key, value in usual.items():
    name = f'{prefix}{key}'
    if isinstance(value, Mapping | ml_collections.ConfigDict):
      there = given.get(key, value)
      if isinstance(there, Mapping) and not name.startswith(_OPEN):
        found[key] = _laid_over(there, value, f'{name}.')
      elif key not in given:
        found[key] = value
    else:
      found.setdefault(key, value)
  return found


def _tuples(value: object) -> object:
  if isinstance(value, list):
    return tuple(map(_tuples, value))
  if isinstance(value, Mapping):
    return {key: _tuples(each) for key, each in value.items()}
  return value


def check(
  config: ml_collections.ConfigDict, usual: ml_collections.ConfigDict
) -> None:
  """Checks that a config has the fields of the default one, and plain values.

  Args:
    config: any.
    usual: the default config.

  Raises:
    InputError: a field is missing, has another type, or is out of range.
  """
  _check_sections(config, usual, '')
  fields = dict(_fields(config))
  for name, value in fields.items():
    if not isinstance(value, _PLAIN):
      raise InputError(
        f'config.{name} is {value!r:.60}: must be a number, text or a list; '
        'correct it'
      )
  for name, _ in _fields(usual):
    if name not in fields:
      section = name.split('.')[0]
      if name.startswith(_OPEN) and (section in config or section not in _OPEN):
        continue
      raise InputError(
        f'config.{name}: is missing; add it, or start from '
        'magnet_jax.configs.default'
      )
    value, kind = fields[name], _kind(usual, name)
    if not _fits(name, value, kind):
      raise InputError(
        f'config.{name} is {value!r:.60}: must be {_WORDS[kind]}; correct it'
      )
  ranges.check_all(config.to_dict())


def _check_sections(
  config: ml_collections.ConfigDict,
  usual: ml_collections.ConfigDict,
  prefix: str,
) -> None:
  """Raises InputError for unknown names, and for a section that is a value."""
  for key, value in config.items():
    name = f'{prefix}{key}'
    if key not in usual:
      if name.startswith(_OPEN):
        continue
      near = difflib.get_close_matches(key, list(usual), n=1)
      hint = f'did you mean {prefix}{near[0]}?' if near else 'remove it'
      raise InputError(
        f'config.{name}: unknown, where {", ".join(usual)} are known; {hint}'
      )
    if not isinstance(usual[key], ml_collections.ConfigDict):
      continue
    if not isinstance(value, ml_collections.ConfigDict):
      raise InputError(
        f'config.{name} is {value!r:.60}: must be a section, with fields by '
        'name; correct it'
      )
    _check_sections(value, usual[key], f'{name}.')


def _fields(
  config: ml_collections.ConfigDict, prefix: str = ''
) -> Iterator[tuple[str, object]]:
  """Dotted names and values of all fields that are not sections."""
  for key, value in config.items():
    if isinstance(value, ml_collections.ConfigDict):
      yield from _fields(value, f'{prefix}{key}.')
    else:
      yield f'{prefix}{key}', value


def _kind(usual: ml_collections.ConfigDict, name: str) -> type:
  """The type of a field; `object` where it may have several."""
  *sections, last = name.split('.')
  for section in sections:
    usual = usual[section]
  found: type = usual.get_type(last)
  return found


def _is_count(name: str) -> bool:
  """Whether a field may hold a count as text, such as '32768'."""
  found = ranges.find(name)
  return found is not None and found.counts


def _fits(name: str, value: object, kind: type) -> bool:
  if kind is object or (isinstance(value, str) and _is_count(name)):
    return True
  if kind is tuple:
    return isinstance(value, list | tuple)
  if isinstance(value, bool):
    return kind is bool
  return isinstance(value, int | float if kind is float else kind)
