"""Things of the user's own modules, named 'package.module:name'."""

from collections.abc import Callable
import importlib
import pathlib
import sys

from magnet_jax import outside
from magnet_jax.types import InputError


def find(name: str, kind: str) -> Callable[..., object]:
  """Imports a function or a class.

  Args:
    name: 'package.module:name', looked up in the current folder first.
    kind: what it must be, for messages, such as 'function'.

  Raises:
    InputError: it does not exist, cannot be imported or called.
  """
  module_name, _, attribute = name.partition(':')
  if not all(
    part.isidentifier() for part in [*module_name.split('.'), attribute]
  ):
    raise InputError(
      f'{name}: does not name a {kind}; write package.module:{kind}'
    )
  # Console commands do not search the current folder of their own accord. It
  # stays, as functions may import more when they are called; a command takes
  # it back when it ends.
  here = str(pathlib.Path.cwd())
  if here not in sys.path:
    sys.path.insert(0, here)
  with outside.reading(
    name,
    f'{module_name} cannot be imported',
    'run in the folder of the module, or install it',
  ):
    module = importlib.import_module(module_name)
  found = getattr(module, attribute, None)
  if not callable(found):
    raise InputError(
      f'{name}: {module_name} has no {kind} {attribute!r}; check its name'
    )
  return found
