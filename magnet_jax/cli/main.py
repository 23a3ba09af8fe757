"""The console command `magnet-jax`: picks a command and reports errors."""

from collections.abc import Sequence
import importlib
import io
import os
import sys
import warnings

import magnet_jax
from magnet_jax.cli import messages
from magnet_jax.files import compile_cache

# What each command does; the module in this folder has the same name. All that
# needs JAX is imported once a command is chosen, so that --help is quick.
COMMANDS = {
  'demo': 'segment a generated scene with several methods and compare them',
  'segment': 'segment your images coarse to fine',
  'refine': 'improve a segmentation from elsewhere, by its image',
  'prepare': 'turn the official files of a data set into one for training',
  'init': 'inspect your images and labels and write a config for them',
  'train': 'train a segmenter and a refiner',
  'sweep': 'train a run for each value of some settings, and compare them',
  'tune': 'choose how a model is run within a budget, on labelled images',
  'evaluate': 'score and compare methods on labelled images',
  'report': 'make one page from evaluations: scores, charts, zoomable images',
  'convert': 'turn PyTorch weights into checkpoints, and back',
  'export': 'write the networks as ONNX or StableHLO, for other programs',
  'serve': 'a page on this machine into which images are dropped',
  'bench': 'time every stage and its parts, and measure memory',
}
_DEBUG = '--debug'
_FAILED = 2
_INTERRUPTED = 130  # the shells' status of a command stopped by Ctrl-C


def run() -> None:
  """Runs the console command; the entry point of the package."""
  _prepare()
  if isinstance(sys.stdout, io.TextIOWrapper):
    # As stderr: a file's name need not be valid text.
    sys.stdout.reconfigure(errors='backslashreplace')
  compile_cache.use()
  done = False
  try:
    status = main(sys.argv[1:])
    done = True
    sys.stdout.flush()
  except OSError as error:  # a full disk, or nobody reads any more
    message = messages.explain(error)
    if message is None and not done:
      raise
    messages.show(message or f'output: {error.strerror}')
    messages.silence(sys.stdout)
    status = _FAILED
  sys.exit(status)


def _prepare() -> None:
  """Makes a process that only this command has fit for it."""
  # A stream that is closed would be the next file that is opened.
  for name, mode in (('stdin', 'r'), ('stdout', 'w'), ('stderr', 'w')):
    if getattr(sys, name) is None:
      setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115
  # Those of libraries say nothing to users that an error would not.
  if not sys.warnoptions and _DEBUG not in sys.argv:
    warnings.simplefilter('ignore')
  os.environ['MPLBACKEND'] = 'agg'  # opens no windows


def main(argv: Sequence[str]) -> int:
  """Runs one command.

  Args:
    argv: the command and its flags, without the program's name; `--debug`
      anywhere in it also prints the traceback of an error.

  Returns:
    The exit status: 0, 2 for bad input, 130 after Ctrl-C.
  """
  words = [word for word in argv if word != _DEBUG]
  if not words or words[0] in ('-h', '--help', 'help'):
    messages.tell(_overview())
    return 0 if words else _FAILED
  if words[0] == '--version':
    messages.tell(f'magnet-jax {magnet_jax.__version__}')
    return 0
  path = [*sys.path]
  try:
    return _run(words, len(words) < len(argv))
  except KeyboardInterrupt:
    messages.show(messages.INTERRUPTED)
    return _INTERRUPTED
  finally:
    sys.path[:] = path  # loading own networks adds the current folder


def _run(argv: Sequence[str], debug: bool) -> int:
  try:
    from magnet_jax import outside
    from magnet_jax.files import atomic
  except ValueError as error:  # JAX reads its variables as it is imported
    messages.show(f'JAX cannot be used: {error}; correct or unset the variable')
    return _FAILED

  with outside.debugging(debug), atomic.tidied():
    try:
      return _dispatch(*argv)
    except Exception as error:
      message = messages.explain(error)
      if message is None:
        raise
      messages.show(message)
      outside.told(error)
      return _FAILED


def _dispatch(name: str = '', *argv: str) -> int:
  from magnet_jax.cli import command_line
  from magnet_jax.types import InputError

  if name not in COMMANDS:
    raise InputError(
      f'{name}: unknown command; choose one of {", ".join(COMMANDS)}'
    )
  command = importlib.import_module(f'magnet_jax.cli.{name}')
  arguments = command_line.parse(name, command, argv)
  if arguments is None:
    return 0
  status: int = command.run(arguments)
  return status


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
    '  magnet-jax COMMAND --debug   also print the traceback of an error',
    '  magnet-jax --version',
    '',
    'Start with: magnet-jax demo',
  ]
  return '\n'.join(lines)
