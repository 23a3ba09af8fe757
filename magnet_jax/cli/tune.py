"""`magnet-jax tune`."""

import pathlib

from absl import flags

from magnet_jax import parallel
from magnet_jax.cli import (
  command_line,
  host_flags,
  image_flags,
  messages,
  model_flags,
)
from magnet_jax.cli.command_line import Arguments
from magnet_jax.files import embedded, tuned
from magnet_jax.tuning import choice, shown, tuning
from magnet_jax.types import InputError

NAMES = False
HELP = """
  usage: magnet-jax tune --checkpoint=PATH [--budget=NAME] [--limit=N] [flags]

  Chooses how the model is run: segments labelled images at several scales,
  works out from these what dozens of ways would find (one scale, running means
  over several, on all or some windows; with a refiner, each K), fits a few
  numbers per class, and writes the best way of each budget into the model, for
  all commands that use it. No training is needed.

  The budget is the time of blended windows at full size: patch allows all of
  it, half and quarter that share. With --out every result is saved as it comes
  and drawn as a curve of accuracy against seconds, and the same command resumes
  an interrupted run.

  examples:
    magnet-jax tune --checkpoint=runs/mine
    magnet-jax tune --checkpoint=runs/mine --budget=half
    magnet-jax tune --checkpoint=model.npz --images=val.txt --out=tuned
    magnet-jax tune --checkpoint=runs/mine --points=0.02,0.05,0.1 --no-write
"""


def define(values: flags.FlagValues) -> None:
  """Defines the flags."""
  group = 'model and images'
  model_flags.define_checkpoint(values, group)
  image_flags.define(values, group)
  group = 'choice'
  flags.DEFINE_list(
    'points',
    ['0.1', '0.5', '1'],
    'K,K,…: those to try with a refiner, fractions of the pixels of a window',
    flag_values=values,
    module_name=group,
  )
  flags.DEFINE_enum(
    'budget',
    'patch',
    list(choice.BUDGETS),
    'the way that the model uses unless told otherwise',
    flag_values=values,
    module_name=group,
  )
  group = 'output'
  flags.DEFINE_bool(
    'write',
    True,
    'write the choice into the model; otherwise only print it',
    flag_values=values,
    module_name=group,
  )
  flags.DEFINE_string(
    'out',
    '',
    f'DIR: where to write records.jsonl and {tuning.PICTURE}',
    flag_values=values,
    module_name=group,
  )
  host_flags.define(values)


def run(arguments: Arguments) -> int:
  """Measures all ways, prints the best and writes them."""
  with host_flags.work(arguments.flags):
    return _run(arguments)


def _run(arguments: Arguments) -> int:
  values = arguments.flags
  own = values['checkpoint'].present
  if values.write and not (own and not embedded.is_name(values.checkpoint)):
    raise InputError(
      f'--checkpoint={values.checkpoint}: is an embedded model, but the choice '
      'is written into the model; give a run or an exported one, or --no-write '
      'to only print the choice'
    )
  model, meta = model_flags.load_with_meta(values)
  settings = {
    name: values[name].value for name in ('checkpoint', 'images', 'split')
  }
  result = tuning.tune(
    model,
    image_flags.loads(arguments, model, meta),
    points=[
      float(command_line.share(text, 'points')) for text in values.points
    ],
    folder=pathlib.Path(values.out) if values.out else None,
    settings={**settings, 'overrides': list(arguments.overrides)},
  )
  if parallel.is_main():
    messages.tell(shown.text(result))
    if values.write:
      path = tuned.write(values.checkpoint, result.sections(values.budget))
      messages.tell(f'written to {path}')
    for line in result.errors:
      messages.show(line)
  return 2 if result.errors else 0
