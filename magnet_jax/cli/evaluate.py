"""`magnet-jax evaluate`."""

import functools
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
from magnet_jax.data import class_files
from magnet_jax.evaluate import comparison, methods
from magnet_jax.evaluate.comparison import Comparison, Load, Record
from magnet_jax.files import atomic, records
from magnet_jax.predict.model import Model
from magnet_jax.report import evaluation

NAMES = False
HELP = """
  usage: magnet-jax evaluate [--checkpoint=PATH] [--out=DIR] [flags]

  Scores methods on labelled images, all with the same segmenter:
    downsample    the whole image at once, at the network's size
    patch         windows at full size, overlapped and blended
    magnet        all stages, coarse to fine
    magnet-fast   the same, but only the most uncertain windows
  Prints mean IoU, boundary IoU, seconds, windows and memory of each, and what
  MagNet gains over each other, with 95 % intervals over the images. With --out
  every result is kept as it comes: the same command takes an interrupted run
  up again.

  examples:
    magnet-jax evaluate --limit=4
    magnet-jax evaluate --checkpoint=runs/mine --split=test --out=runs/mine/test
    magnet-jax evaluate --checkpoint=model.npz --images=val.txt --json=val.json
    magnet-jax evaluate --segmenter=runs/a --refiner=runs/b --out=runs/a_with_b
"""


def define(values: flags.FlagValues) -> None:
  """Defines the flags."""
  text = functools.partial(flags.DEFINE_string, flag_values=values)
  number = functools.partial(flags.DEFINE_float, flag_values=values)
  integer = functools.partial(flags.DEFINE_integer, flag_values=values)
  group = 'model and images'
  model_flags.define_networks(values, group)
  image_flags.define(values, group)
  group = 'methods'
  flags.DEFINE_list(
    'methods',
    list(methods.METHODS),
    'A,B,…: which to compare',
    flag_values=values,
    module_name=group,
  )
  number(
    'overlap',
    0.25,
    'X: least shared part of the windows of patch',
    module_name=group,
  )
  text(
    'fast',
    '0.25',
    'SHARE: of the windows of magnet-fast, a fraction or a count',
    module_name=group,
  )
  model_flags.define_refinement(values, group)
  group = 'output'
  text(
    'out',
    '',
    'DIR: writes records.jsonl, summary.json, report.html, '
    'panels and what the report shows of images',
    module_name=group,
  )
  integer(
    'pictures', 2, 'N: images in the report', lower_bound=0, module_name=group
  )
  flags.DEFINE_enum(
    'metrics',
    'standard',
    ['standard', 'all'],
    'prints the table alone, or '
    'category and weighted IoU, accuracy, boundary F, too',
    flag_values=values,
    module_name=group,
  )
  text('json', '', 'FILE: writes the table there', module_name=group)
  host_flags.define(values)


def run(arguments: Arguments) -> int:
  """Evaluates, prints the table and writes the report."""
  with host_flags.work(arguments.flags):
    return _run(arguments)


def _run(arguments: Arguments) -> int:
  values = arguments.flags
  if values.json and parallel.is_main():
    atomic.prepare_folder(pathlib.Path(values.json).parent)
  trained, meta = model_flags.load_with_meta(values)
  model = model_flags.change(trained, values)
  chosen = methods.make(
    model,
    values.methods,
    overlap=values.overlap,
    fast=command_line.share(values.fast, 'fast'),
  )
  loads = image_flags.loads(arguments, model, meta)
  folder = pathlib.Path(values.out) if values.out else None
  table = Comparison(model, chosen, folder, _settings(arguments, model))
  found, errors = table.run_with_bar(loads, 'evaluate')
  if parallel.is_main():
    _show(arguments, model, found, errors, loads)
  return 2 if errors else 0


def _show(
  arguments: Arguments,
  model: Model,
  found: list[Record],
  errors: list[str],
  loads: list[Load],
) -> None:
  """Prints the table and writes the report."""
  values = arguments.flags
  if found:
    print(comparison.as_text(found, model, every=values.metrics == 'all'))
    if values.out:
      folder = pathlib.Path(values.out)
      shown = loads[: values.pictures]
      if note := evaluation.write_report(folder, model, found, shown):
        print(note)
      print(f'look at {folder / "report.html"}')
    if values.json:
      records.write_json(values.json, comparison.as_json(found, model))
  for line in errors:
    messages.show(line)


def _settings(arguments: Arguments, model: Model) -> dict[str, object]:
  """What makes results differ: where they go and how many do not."""
  values = arguments.flags.flag_values_dict()
  free = (
    'out',
    'json',
    'pictures',
    'limit',
    'methods',
    'metrics',
    *host_flags.NAMES,
  )
  for name in free:
    del values[name]
  return {
    **values,
    'overrides': list(arguments.overrides),
    'classes': class_files.to_json(model.classes),
  }
