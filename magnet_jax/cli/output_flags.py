"""Flags that name a file to write, checked before anything is computed."""

import os
import pathlib

from magnet_jax.cli.command_line import Arguments
from magnet_jax.files import atomic
from magnet_jax.types import InputError


def check(arguments: Arguments, flag: str, suffix: str) -> None:
  """Checks that a file can be written, and makes its folder.

  Args:
    arguments: of the command.
    flag: names the file, or is empty.
    suffix: what the name must end in, so that no input of another kind is
      replaced.

  Raises:
    InputError: it ends in something else, is an input, or cannot be written.
  """
  text = arguments.flags[flag].value
  if not text:
    return
  if pathlib.Path(text).suffix != suffix:
    raise InputError(f'--{flag}={text}: must end in {suffix}; rename it')
  values = arguments.flags.flag_values_dict()
  words = [*arguments.names, *(values[n] for n in values if n != flag)]
  inputs = [w for w in words if isinstance(w, str) and os.path.isfile(w)]
  if os.path.realpath(text) in map(os.path.realpath, inputs):
    raise InputError(
      f'--{flag}={text}: is an input, too, and would be replaced; choose '
      'another name'
    )
  atomic.check_target(text)
  atomic.prepare_folder(pathlib.Path(text).parent)
