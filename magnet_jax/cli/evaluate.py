"""`magnet-jax evaluate`."""

from collections.abc import Sequence
import pathlib

from absl import flags

from magnet_jax import parallel
from magnet_jax.cli import (
  command_line,
  engine_flags,
  host_flags,
  image_flags,
  messages,
  method_flags,
  model_flags,
  output_flags,
  refinement_flags,
)
from magnet_jax.cli.command_line import Arguments
from magnet_jax.data import class_files
from magnet_jax.data.onlooker import Onlooker
from magnet_jax.evaluate import circumstances, results
from magnet_jax.evaluate.comparison import Comparison
from magnet_jax.evaluate.record import Record
from magnet_jax.files import records
from magnet_jax.methods import table
from magnet_jax.report import evaluation
from magnet_jax.report.evaluation import Pictures
from magnet_jax.types import ClassTable

NAMES = False
HELP = f"""
  usage: magnet-jax evaluate [--checkpoint=PATH] [--out=DIR] [flags]

  Scores methods on labelled images, all with the same segmenter:
{table.about()}
  and, if --methods names them or is all, filters of another method's map, and
  networks that correct it, if the model has them:
{table.about(usual=False)}
  Prints mean IoU, boundary IoU, seconds, windows and memory of each, the gains
  of the reference method over the others with 95 % intervals over the images,
  the IoU of each class, classes that are never predicted, and images that look
  unlike those that the model was trained on. With --out every result is saved
  as it comes, and the same command resumes an interrupted run.

  examples:
    magnet-jax evaluate --limit=4
    magnet-jax evaluate --methods=patch,guided,fast-guided --limit=4
    magnet-jax evaluate --checkpoint=runs/mine --split=test --out=runs/mine/test
    magnet-jax evaluate --checkpoint=model.npz --images=val.txt --json=val.json
    magnet-jax evaluate --segmenter=runs/a --refiner=runs/b --out=runs/a_with_b
"""


def define(values: flags.FlagValues) -> None:
  """Defines the flags."""
  group = 'model and images'
  model_flags.define_networks(values, group)
  model_flags.define_correctors(values, group)
  image_flags.define(values, group)
  group = 'methods'
  _define_methods(values, group)
  method_flags.define(values, group)
  model_flags.define_plan(values, group)
  refinement_flags.define(values, group)
  engine_flags.define(values, group)
  _define_output(values, 'output')
  host_flags.define(values)


def _define_methods(values: flags.FlagValues, group: str) -> None:
  bound = {'flag_values': values, 'module_name': group}
  flags.DEFINE_list(
    'methods',
    None,
    'A,B,…: methods to compare, in the order of the tables, or all that the '
    'model can do; only those of the first list, if not given',
    **bound,
  )
  flags.DEFINE_string(
    'reference',
    '',
    'A: the method that the others are compared with; magnet if it is among '
    'them, else the last one, if not given',
    **bound,
  )
  flags.DEFINE_float(
    'overlap',
    0.25,
    'X: smallest overlap of the windows of patch, as a fraction',
    **bound,
  )
  flags.DEFINE_string(
    'fast_windows',
    '',
    'SHARE: --windows of magnet-fast, as segment has it; the way '
    'that tune has chosen for half of the time of patch, or 0.25, if not given',
    **bound,
  )


def _define_output(values: flags.FlagValues, group: str) -> None:
  bound = {'flag_values': values, 'module_name': group}
  flags.DEFINE_string(
    'out',
    '',
    'DIR: write records.jsonl, summary.json, report.html, panels and the '
    "report's images to it",
    **bound,
  )
  flags.DEFINE_integer('pictures', 2, 'N: images in the report', **bound)
  flags.DEFINE_enum(
    'metrics',
    'standard',
    ['standard', 'all'],
    'scores to print: the table only, or category and weighted IoU, accuracy '
    'and boundary F as well',
    **bound,
  )
  flags.DEFINE_string('json', '', 'FILE: write the table to it', **bound)


def run(arguments: Arguments) -> int:
  """Evaluates, prints the table and writes the report."""
  with host_flags.work(arguments.flags):
    return _run(arguments)


def _run(arguments: Arguments) -> int:
  values = arguments.flags
  if parallel.is_main():
    output_flags.check(arguments, 'json', '.json')
  trained, meta = model_flags.load_with_meta(values)
  model = model_flags.change(trained, values)
  given = method_flags.settings(values)
  text = values.fast_windows
  chosen = table.make(
    model,
    values.methods,
    overlap=values.overlap,
    windows=command_line.windows(text, 'fast_windows') if text else None,
    **given,
  )
  table.check_used(given, [*chosen])
  names = [*chosen]
  reference = table.reference(names, values.reference)
  loads = image_flags.loads(arguments, model, meta)
  folder = pathlib.Path(values.out) if values.out else None
  pictures = None
  if folder:
    pictures = Pictures(folder, model.classes, values.pictures, reference)
  settings = _settings(arguments, model.classes)
  run = Comparison(chosen, model.classes, folder, settings, pictures)
  onlooker = Onlooker(model.tones, loads)
  found, errors = run.run_with_bar(onlooker.loads, 'evaluate')
  remark = onlooker.remark()
  if parallel.is_main():
    if folder and found:
      circumstances.write(folder, model)
    if pictures:  # not before the folder is known to belong to this run
      pictures.clear_further()
    _show(arguments, (found, model.classes, reference, names), errors)
    if remark:
      messages.tell(f'warning: {remark}')
    for note in sorted(set().union(*(each.notes for each in chosen.values()))):
      messages.tell(f'note: an image {note}')
  return 2 if errors else 0


def _show(
  arguments: Arguments,
  asked: tuple[list[Record], ClassTable, str, Sequence[str]],
  errors: list[str],
) -> None:
  """Prints the table and writes the report.

  Args:
    arguments: of the command.
    asked: records, classes, the method of reference, and all methods.
    errors: one line per image that could not be scored.
  """
  values = arguments.flags
  if asked[0]:
    messages.tell(results.as_text(*asked, every=values.metrics == 'all'))
    if values.out:
      folder = pathlib.Path(values.out)
      if note := evaluation.write_report(folder, *asked):
        messages.tell(note)
      messages.tell(f'look at {folder / "report.html"}')
    if values.json:
      records.write_json(values.json, results.as_json(*asked))
  for line in errors:
    messages.show(line)


def _settings(arguments: Arguments, classes: ClassTable) -> dict[str, object]:
  """Settings on which results depend: not where they go or how many."""
  values = arguments.flags.flag_values_dict()
  free = (
    'out',
    'json',
    'pictures',
    'limit',
    'methods',
    'reference',
    'metrics',
    *host_flags.NAMES,
  )
  for name in free:
    del values[name]
  if values['segmenter']:
    values['checkpoint'] = ''  # its default is not used
  return {
    **values,
    'overrides': list(arguments.overrides),
    'classes': class_files.to_json(classes),
  }
