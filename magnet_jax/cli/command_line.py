"""Flags of a command: parsed by absl, with help texts of its own."""

from collections.abc import Sequence
import dataclasses
import os
import re
import shutil
import textwrap
from typing import Protocol

from absl import flags, logging

from magnet_jax import ranges
from magnet_jax.cli import messages
from magnet_jax.types import InputError, Size, Windows

_OVERRIDE = re.compile(r'--?(no)?config\.')
# What absl adds to all flags: files of flags, and leave to name unknown ones.
_NOT_OURS = re.compile(r'--?(flagfile|undefok)(=|$)')
_HELP = ('-h', '--help', '-help', '--helpfull', '--helpshort')
# What absl says of a value of another type, and what it must be.
_TYPES = {
  'could not convert string to float': 'a number such as 0.25',
  'invalid literal for int': 'a whole number such as 4',
}
_DIGITS = 18  # of a whole number
_COLUMN = 28  # where explanations begin


@dataclasses.dataclass(frozen=True)
class Arguments:
  """The parsed command line.

  Attributes:
    flags: values by name, as attributes.
    names: positional arguments.
    overrides: `--config.key=value`, for `config_file.override`.
  """

  flags: flags.FlagValues
  names: tuple[str, ...]
  overrides: tuple[str, ...]


class Command(Protocol):
  """A module of this folder.

  Attributes:
    HELP: what it does and examples; begins with the usage line.
    NAMES: whether it takes positional arguments.
  """

  HELP: str
  NAMES: bool

  def define(self, values: flags.FlagValues) -> None:
    """Defines the flags; the `module_name` of a flag is its group's title.

    A help text begins with the flag's value in capitals and a colon, such as
    'DIR: where to write'. Switches have none, and for enums absl inserts the
    values.
    """
    ...

  def run(self, arguments: Arguments) -> int:
    """Runs the command and returns the exit status."""
    ...


def parse(name: str, command: Command, argv: Sequence[str]) -> Arguments | None:
  """Parses a command's flags; prints its help and returns None if asked to.

  Raises:
    InputError: for an unknown flag, or a value of the wrong type or out of
      range.
  """
  for word in argv:
    _check_word(word)
  values = flags.FlagValues()
  command.define(values)
  values.set_gnu_getopt(True)  # flags may follow names
  if any(argument in _HELP for argument in argv):
    messages.tell(_help_text(command, values))
    return None
  rest, overrides = _split(argv) if 'config' in values else (argv, ())
  try:
    _, *names = values([name, *(_plain(word, values) for word in rest)])
  except flags.Error as error:
    raise InputError(
      f'{_one_line(error)}; magnet-jax {name} --help lists the flags'
    ) from error
  if names and not command.NAMES:
    raise InputError(
      f'{names[0]}: magnet-jax {name} takes flags only; write --flag=value'
    )
  # As by a variable of the shell that is not set; '' would be this folder.
  if '' in names:
    raise InputError(f'{name}: a name is empty; name a file or folder')
  for flag in values:
    value = values[flag].value
    if value == '' and values[flag].default:
      raise InputError(
        f'--{flag}=: is empty; give a value, or leave it out for '
        f'{values[flag].default}'
      )
    if isinstance(value, int | float):  # others are parsed where they are used
      ranges.check(flag, value, f'--{flag}={value}')
  # The data loaders look into absl's own flags when they start processes.
  if not flags.FLAGS.is_parsed():
    flags.FLAGS.mark_as_parsed()
  # Orbax logs each store that it opens; errors are still raised.
  logging.set_verbosity(logging.ERROR)
  return Arguments(values, tuple(names), tuple(overrides))


def _check_word(word: str) -> None:
  """Raises InputError for what no path or name in a system can hold."""
  try:
    bad = b'\0' in os.fsencode(word)
  except UnicodeEncodeError:  # half of a character
    bad = True
  if bad:
    raise InputError(
      f'{word!a:.60}: holds a character that no name can hold; remove it'
    )
  if _NOT_OURS.match(word):
    raise InputError(f'{word:.60}: unknown flag; write the flags out')


def _split(argv: Sequence[str]) -> tuple[list[str], list[str]]:
  """Separates flags from overrides of a config, whose keys are known later."""
  rest, overrides, words = [], [], list(argv)
  while words:
    word = words.pop(0)
    if not _OVERRIDE.match(word):
      rest.append(word)
      continue
    overrides.append(word)
    if '=' not in word and words and not words[0].startswith('-'):
      overrides[-1] += '=' + words.pop(0)
  return rest, overrides


def _plain(word: str, values: flags.FlagValues) -> str:
  """Converts `--no-panel` and `--head-points=1` to the form that absl knows.

  And `--out=~/a`, which shells leave as it is.
  """
  if not word.startswith('--'):
    return word
  name, equals, value = word[2:].partition('=')
  name = name.replace('-', '_')
  if value.startswith('~/'):
    value = os.path.expanduser(value)
  if name in values:
    return f'--{name}{equals}{value}'
  name = name.removeprefix('no_')
  if name in values and values[name].boolean:
    return f'--no{name}'
  return word


def _one_line(error: Exception) -> str:
  text = ' '.join(str(error).split()).rstrip('.')
  for problem, rule in _TYPES.items():
    if wrong := re.match(rf'flag (--\w+=.*): {problem}', text):
      return f'{wrong[1]}: must be {rule}'
  unknown = re.match(r"Unknown command line flag '(.*?)'\.?(.*)", text)
  if not unknown:
    return text
  near = unknown[2].partition(':')[2].strip(' ?').split(', ')
  hint = '; did you mean --' + ' or --'.join(near) + '?' if near[0] else ''
  return f'--{unknown[1]}: unknown flag{hint}'


def share(text: str, flag: str) -> float | int:
  """Parses a fraction such as '0.25' or a count such as '4'.

  Args:
    text: digits only are a count, anything else a fraction.
    flag: name of the flag, for the message.

  Raises:
    InputError: the text is neither, or out of range.
  """
  try:
    found = int(text) if text.isdecimal() else float(text)
  except ValueError:
    raise InputError(
      f'--{flag}={text}: must be a fraction such as 0.25 or a count such as 4'
      '; correct it'
    ) from None
  ranges.check(flag, found, f'--{flag}={text}')
  return found


def windows(text: str, flag: str) -> Windows:
  """Parses a share of all windows, or shares of each stage such as '0.5,0.2'.

  Raises:
    InputError: the text is neither.
  """
  parts = tuple(share(part.strip(), flag) for part in text.split(','))
  return parts if len(parts) > 1 else parts[0]


def size(text: str, flag: str) -> Size:
  """Parses 'HEIGHTxWIDTH', or one number for a square.

  Raises:
    InputError: the text is neither, or a side is out of range.
  """
  sides = text.lower().split('x')
  if len(sides) > 2 or not all(s.isdecimal() and s.strip('0') for s in sides):
    raise InputError(
      f'--{flag}={text:.60}: must be HEIGHTxWIDTH in pixels, such as 612x612'
      '; correct it'
    )
  return whole(sides[0], flag), whole(sides[-1], flag)


def whole(text: str, flag: str) -> int:
  """Parses a whole number of a flag, or of a list or size that it names.

  Raises:
    InputError: the text is none, or out of range.
  """
  # More digits than these are out of range, and int refuses thousands.
  if not text.isdecimal() or len(text) > _DIGITS:
    raise InputError(
      f'--{flag}={text:.60}: must be a whole number in digits; correct it'
    )
  ranges.check(flag, int(text), f'--{flag}={text}')
  return int(text)


def fraction(text: str, flag: str) -> float:
  """Parses a number of a flag, or of a list that it names.

  Raises:
    InputError: the text is none, or out of range.
  """
  try:
    found = float(text)
  except ValueError:
    raise InputError(
      f'--{flag}={text:.60}: must be a number such as 0.25; correct it'
    ) from None
  ranges.check(flag, found, f'--{flag}={text}')
  return found


def _help_text(command: Command, values: flags.FlagValues) -> str:
  width = min(shutil.get_terminal_size().columns, 100)
  lines = [textwrap.dedent(command.HELP).strip()]
  for title, members in values.flags_by_module_dict().items():
    lines += ['', f'{title}:']
    for flag in members:
      lines.append(_flag_text(flag, width))
  lines += ['', 'of all commands:']
  lines.append('  --debug'.ljust(_COLUMN) + 'also print tracebacks of errors')
  return '\n'.join(lines)


def _flag_text(flag: flags.Flag, width: int) -> str:
  if flag.boolean:
    left, text = f'  --[no-]{flag.name}', flag.help
  else:
    metavar, _, text = flag.help.partition(': ')
    left = f'  --{flag.name}={metavar}'
  if isinstance(flag, flags.MultiFlag):  # absl adds that it can be repeated
    text = text.rpartition(';')[0]
  if flag.default is not False and flag.default not in (None, '', []):
    default = flag.default
    words = ','.join(default) if isinstance(default, list) else default
    text += f' (default: {words})'
  body = textwrap.wrap(text, max(width - _COLUMN, 20), break_on_hyphens=False)
  if len(left) > _COLUMN - 2:
    # Too long for its column: the explanation begins on the next line.
    body.insert(0, '')
  indented = ('\n' + ' ' * _COLUMN).join(body)
  return left.ljust(_COLUMN) + indented
