"""`magnet-jax bench`."""

import functools
import pathlib
import sys
import tempfile

from absl import flags

from magnet_jax.cli import bench_flags, command_line, messages, output_flags
from magnet_jax.cli.command_line import Arguments
from magnet_jax.evaluate import (
  bench,
  bench_machine,
  bench_tables,
  bench_windows,
  bench_windows_table,
  random_model,
)
from magnet_jax.files import checkpoints, records
from magnet_jax.predict import model as models
from magnet_jax.predict.model import Model

NAMES = False
HELP = """
  usage: magnet-jax bench [flags]

  Times the loop over the stages of one image: each stage as a whole, and the
  parts of the loop, in a second run that waits for every device step. Compile
  time, number of compiles and peak memory are reported separately. The weights
  are random unless a checkpoint is given, as time does not depend on them.

    read       the image's file
    resize     the image to the stage's size
    step       on the device; consists of
      segmenter  O
      refiner    Y's crop and R
      score      Q, with the median filter
      choose     the K points and their replacement
    rank       MagNet-Fast: scores of all windows
    fetch      results from the device
    merge      windows into the map
    other      the rest, such as waiting for the first windows to be cut
    argmax     from probabilities to classes
    cut        windows of the image and the map, in a separate thread while
               the device computes, so not part of the sum

  With --throughput it times one stage at several batch sizes and precisions:
  windows per second, the share of the time that the device computes, and its
  operations per second relative to those of a large matrix product.

  examples:
    magnet-jax bench --size=1224 --network=306 --trunk=resnet18
    magnet-jax bench --size=2448 --network=612 --json=bench.json
    magnet-jax bench --sizes=1224,2448,4896 --network=306 --trunk=resnet18
    magnet-jax bench --image=photo.jpg --checkpoint=runs/mine
    magnet-jax bench --throughput --batches=1,4,16 --dtypes=float32,bfloat16
"""
define = bench_flags.define


def run(arguments: Arguments) -> int:
  """Measures, prints the figures and writes them as JSON if asked."""
  values = arguments.flags
  bench_flags.check_groups(values)
  output_flags.check(arguments, 'json', '.json')
  text, found = _throughput(values) if values.throughput else _loop(values)
  messages.tell(text)
  if values.json:
    records.write_json(values.json, found)
  return 0


def _throughput(values: flags.FlagValues) -> tuple[str, dict[str, object]]:
  """Measures windows per second."""
  # Half precision gains nothing on a CPU.
  usual = ['float32', *['bfloat16'] * bench_machine.accelerated()]
  rows = list(
    bench_windows.run(
      functools.partial(_model, values),
      bench_flags.batches(values),
      bench_flags.dtypes(values, usual),
      repeats=values.repeats,
      notify=_notify,
    )
  )
  machine, settings = bench_machine.find(), values.flag_values_dict()
  return (
    bench_windows_table.as_text(machine, rows),
    bench_windows_table.as_json(machine, rows, settings),
  )


def _notify(line: str) -> None:
  print(line, file=sys.stderr)


def _loop(values: flags.FlagValues) -> tuple[str, dict[str, object]]:
  """Measures the loop over the stages."""
  size = command_line.size(values.size, 'size')
  others = [
    command_line.size(text, 'sizes')
    for text in values.sizes.split(',')
    if text.strip()
  ]
  with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(values.image or f'{folder}/image.jpg')
    if not values.image:
      bench.write_image(path, size)
    paths = []
    for number, other in enumerate(each for each in others if each != size):
      paths.append(pathlib.Path(folder, f'{number}.jpg'))
      bench.write_image(paths[-1], other)
    report = bench.run(
      functools.partial(_model, values),
      path,
      repeats=values.repeats,
      others=paths,
      notify=_notify,
    )
  settings = values.flag_values_dict()
  return bench_tables.as_text(report), bench_tables.as_json(report, settings)


def _model(values: flags.FlagValues, dtype: str = '') -> Model:
  """Makes the networks that the flags describe, optionally in a precision."""
  chosen: dict[str, object] = {'dtype': dtype} if dtype else {}
  if values.checkpoint:
    variables, meta = checkpoints.load(values.checkpoint)
    for name in ('segmenter', 'refiner') if chosen else ():
      meta = meta.override(name, **chosen)
    return models.from_variables(variables, meta, name=values.checkpoint)
  # Trunks of other kinds have none.
  width = {} if values.width is None else {'width': values.width}
  return random_model.make(
    num_classes=values.classes,
    segmenter={'trunk': values.trunk, **width, **chosen},
    refiner=chosen,
    plan={
      'network': command_line.size(values.network, 'network'),
      'window': (0, 0),
      'factor': values.factor,
      'stages': 0,
      'scales': (),
      'overlap': 0.0,
    },
    refine={
      'points': command_line.share(values.points, 'points'),
      'selection': values.selection,
      'kernel': values.kernel,
      'windows': command_line.windows(values.windows, 'windows'),
      'batch': values.batch,
    },
  )
