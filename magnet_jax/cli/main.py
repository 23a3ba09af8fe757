"""The console command `magnet-jax`: picks a command and reports errors."""

from collections.abc import Sequence
import errno
import importlib
import sys

# What each command does; its module in this folder has the same name. All
# that needs JAX is imported when a command is chosen: --help comes at once.
COMMANDS = {
  'demo': 'segment a generated scene by four methods and show the results',
  'segment': 'segment your images coarse to fine',
  'train': 'train a segmenter and a refiner',
  'evaluate': 'score and compare the four methods on labelled images',
  'convert': "turn PyTorch's weights into checkpoints, and back",
  'bench': 'time every stage and every part, and measure memory',
}
_FAILED = 2
_INTERRUPTED = 130  # what shells report for a command stopped by Ctrl-C
_SYSTEM_ERRORS = {
  errno.ENOSPC: 'free some space or write to another disk',
  errno.EDQUOT: 'free some of your quota or write to another disk',
  errno.EROFS: 'choose a folder on a disk that is not read-only',
  errno.EPIPE: 'the program that reads the output has ended',
  errno.EACCES: 'choose a file or folder that you have permission for',
}


def run() -> None:
  """Entry point of the console command."""
  sys.exit(main(sys.argv[1:]))


def main(argv: Sequence[str]) -> int:
  """Runs one command.

  Args:
    argv: the command and its flags, without the program's name.

  Returns:
    The exit status: 0, 2 for bad input, 130 after Ctrl-C.
  """
  if not argv or argv[0] in ('-h', '--help', 'help'):
    print(_overview())
    return 0 if argv else _FAILED
  if argv[0] == '--version':
    print(f'magnet-jax {_version()}')
    return 0
  try:
    return _dispatch(argv[0], argv[1:])
  except KeyboardInterrupt:
    _print_error('interrupted; what was finished is kept')
    return _INTERRUPTED
  except Exception as error:
    message = _explain(error)
    if message is None:
      raise
    _print_error(message)
    return _FAILED


def _dispatch(name: str, argv: Sequence[str]) -> int:
  from magnet_jax.cli import command_line
  from magnet_jax.types import InputError

  if name not in COMMANDS:
    raise InputError(
      f'{name}: is no command; choose one of {", ".join(COMMANDS)}'
    )
  command = importlib.import_module(f'magnet_jax.cli.{name}')
  arguments = command_line.parse(name, command, argv)
  if arguments is None:
    return 0
  status: int = command.run(arguments)
  return status


def _explain(error: Exception) -> str | None:
  """One line for what is wrong outside; None where it is ours to mend."""
  from magnet_jax.types import InputError

  if isinstance(error, InputError):
    return str(error)
  if isinstance(error, MemoryError):
    return _memory_message('host')
  if isinstance(error, OSError) and error.errno in _SYSTEM_ERRORS:
    where = error.filename or 'output'
    return f'{where}: {error.strerror}; {_SYSTEM_ERRORS[error.errno]}'
  # jax.errors.JaxRuntimeError, known by its text to spare the import.
  if isinstance(error, RuntimeError) and 'RESOURCE_EXHAUSTED' in str(error):
    return _memory_message('device')
  return None


def _print_error(message: str) -> None:
  line = ' '.join(message.split())
  print(f'magnet-jax: error: {line}', file=sys.stderr)


def _memory_message(where: str) -> str:
  return (
    f'out of memory on the {where}: the windows of a batch and the maps of '
    'the image must fit; give a smaller --batch, smaller windows or a smaller '
    'image'
  )


def _version() -> str:
  # Its import takes longer than all others here.
  from importlib import metadata

  try:
    return metadata.version('magnet-jax')
  except metadata.PackageNotFoundError:
    return 'not installed'


def _overview() -> str:
  lines = [
    'magnet-jax segments images that are too large for the accelerator: '
    'coarse to fine.',
    '',
    'usage: magnet-jax COMMAND [flags]',
    '',
    *(f'  {name:10}{text}' for name, text in COMMANDS.items()),
    '',
    '  magnet-jax COMMAND --help    what it does, examples, flags',
    '  magnet-jax --version',
    '',
    'Start with: magnet-jax demo',
  ]
  return '\n'.join(lines)


if __name__ == '__main__':
  run()
