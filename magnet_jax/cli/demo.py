"""`magnet-jax demo`."""

import functools
import pathlib

from absl import flags

from magnet_jax.cli import command_line, messages, model_flags, output_flags
from magnet_jax.cli.command_line import Arguments
from magnet_jax.evaluate import results
from magnet_jax.evaluate.comparison import counting_bar
from magnet_jax.files import records
from magnet_jax.methods import table
from magnet_jax.report import demo

NAMES = False
HELP = f"""
  usage: magnet-jax demo [flags]

  Makes an aerial scene that the embedded model scenes has not seen, segments it
  with several methods that share one segmenter and compares them with the exact
  labels: mean IoU, boundary IoU, seconds, windows and memory. The methods:
{table.about()}
  Writes the scene, its labels, a label image per method, the coarse-to-fine
  panel and report.html. Takes a minute or two.

  examples:
    magnet-jax demo
    magnet-jax demo --seed=12 --size=1224 --out=look --json=look/demo.json
"""


def define(values: flags.FlagValues) -> None:
  """Defines the flags."""
  text = functools.partial(flags.DEFINE_string, flag_values=values)
  group = 'scene'
  flags.DEFINE_integer(
    'seed',
    7,
    'N: seed of the scene',
    flag_values=values,
    module_name=group,
  )
  text(
    'size', '2448', 'HxW: its size, or one side of a square', module_name=group
  )
  group = 'model and output'
  model_flags.define_checkpoint(values, group)
  text('out', 'magnet_jax_demo', 'DIR: where to write', module_name=group)
  text('json', '', 'FILE: write the figures to it', module_name=group)


def run(arguments: Arguments) -> int:
  """Runs the demonstration and prints its table."""
  values = arguments.flags
  output_flags.check(arguments, 'json', '.json')
  size = command_line.size(values.size, 'size')
  model = model_flags.load(values)
  folder = pathlib.Path(values.out)
  with counting_bar(demo.steps(model), 'demo') as notify:
    found, compiling = demo.run(model, size, values.seed, folder, notify)
  reference = table.reference([record['method'] for record in found])
  messages.tell(results.as_text(found, model.classes, reference))
  messages.tell(f'compiling, not counted above: {compiling:.1f} s')
  messages.tell(f'look at {folder / "report.html"}')
  if values.json:
    figures = results.as_json(found, model.classes, reference)
    records.write_json(values.json, {**figures, 'compile_seconds': compiling})
  return 0
