"""Networks made of plain settings, with a line that lists the right ones."""

from collections.abc import Callable, Mapping, Sequence
import dataclasses
import functools
import inspect
from typing import TypeVar, get_origin, get_type_hints

import flax.linen as nn

from magnet_jax import checked
from magnet_jax.types import InputError

T = TypeVar('T')
Settings = Mapping[str, object]
# Parameters that are no settings: they are given otherwise, or are flax's own.
_GIVEN = ('num_classes', 'classes', 'dtype', 'trunk', 'parent', 'name')


def on_trunk(
  make: functools.partial,
  trunks: Mapping[str, functools.partial],
  settings: Settings,
  given: dict[str, object],
  name: str,
  *,
  section: str = 'segmenter',
) -> nn.Module:
  """Builds a network and its trunk from the settings of both.

  Args:
    make: it, with its default trunk.
    trunks: others that it can have, by name.
    settings: of both; `trunk` names another one.
    given: other arguments of the network, with the dtype of both.
    name: what messages call it.
    section: of the config, for messages.

  Raises:
    InputError: a setting or the trunk is unknown, or a value has another type.
  """
  trunk = trunk_kind(make, settings, trunks)
  of_trunk = ('trunk', *names(trunk))
  fields = {k: v for k, v in settings.items() if k in of_trunk[1:]}
  kept = {k: v for k, v in trunk.keywords.items() if k not in fields}
  kept['dtype'] = given['dtype']
  placed = make_checked(trunk.func, fields, kept, 'trunk', section=section)
  given = {**given, 'trunk': placed}
  rest = {k: v for k, v in settings.items() if k not in of_trunk}
  if 'trunk' in settings:
    name = f'{name} with trunk {settings["trunk"]}'
  module: nn.Module = make_checked(
    make, rest, given, name, section=section, others=of_trunk
  )
  return module


def trunk_kind(
  make: functools.partial,
  settings: Settings,
  trunks: Mapping[str, functools.partial],
) -> functools.partial:
  """Returns the trunk that settings name, or the default one, as a partial.

  A trunk of the default's kind keeps what the network changes in it, such as
  its output stride.

  Args:
    make: of the network, with its default trunk.
    settings: of both.
    trunks: that the network can have, by name.

  Raises:
    InputError: the named one is unknown.
  """
  default = make.keywords['trunk']
  kind: Callable[..., nn.Module] = type(default)
  fields = {
    field.name: getattr(default, field.name)
    for field in dataclasses.fields(default)
    if field.name not in ('parent', 'name', 'dtype')
  }
  if 'trunk' not in settings:
    return functools.partial(kind, **fields)
  named = one_of(trunks, settings['trunk'], 'trunk')
  if named.func is not kind:
    return named
  return functools.partial(kind, **{**fields, **named.keywords})


def make_checked(
  make: Callable[..., T],
  settings: Settings,
  given: Settings,
  name: str,
  *,
  section: str = 'segmenter',
  others: Sequence[str] = (),
) -> T:
  """Calls a network's class or function with checked settings.

  Args:
    make: it.
    settings: those of a config.
    given: its other arguments.
    name: what messages call it.
    section: of the config, for messages.
    others: settings that it also has, for messages.

  Raises:
    InputError: a setting is unknown, or a value has another type.
  """
  known = {*names(make), *others}
  unknown = [setting for setting in settings if setting not in known]
  if unknown:
    raise InputError(
      f'{section}.{", ".join(unknown)}: unknown to {name}, which has '
      f'{", ".join(sorted(known))}; leave out what it does not have: a config '
      'for another network must replace the whole section'
    )
  return checked.call(functools.partial(make, **given), settings, section)


def names(make: Callable[..., object]) -> list[str]:
  """Returns the names of the parameters that a config can give."""
  while isinstance(make, functools.partial):
    make = make.func
  hints = get_type_hints(make)
  return [
    name
    for name in inspect.signature(make).parameters
    if name not in _GIVEN and get_origin(hints.get(name)) is not Callable
  ]


def one_of(table: Mapping[str, T], name: object, what: str) -> T:
  """Returns the row of a name; raises InputError for an unknown one."""
  if name not in table:
    raise InputError(
      f'{what} {name!r}: unknown; choose one of {", ".join(table)}'
    )
  return table[str(name)]
