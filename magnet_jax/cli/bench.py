"""`magnet-jax bench`."""

import pathlib
import sys
import tempfile

from absl import flags

from magnet_jax.bench import (
  everything,
  everything_table,
  loop,
  loop_table,
  machine,
  precisions,
  throughput,
  throughput_table,
)
from magnet_jax.bench.sections import Task
from magnet_jax.cli import bench_flags, command_line, messages, output_flags
from magnet_jax.cli.command_line import Arguments
from magnet_jax.files import records

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

  With --all it measures everything in one table and ends within --minutes: a
  large matrix product in each precision that the device has, whole images of
  the size and of half of it with the memory that they need, the networks alone,
  --throughput, and steps of training. Each section has a share of the time and
  is ended when that is over.

  examples:
    magnet-jax bench --size=1224 --network=306 --trunk=resnet18
    magnet-jax bench --size=2448 --network=612 --json=bench.json
    magnet-jax bench --sizes=1224,2448,4896 --network=306 --trunk=resnet18
    magnet-jax bench --image=photo.jpg --checkpoint=runs/mine
    magnet-jax bench --throughput --batches=1,4,16 --dtypes=float32,bfloat16
    magnet-jax bench --all --minutes=8 --json=gpu.json
"""
define = bench_flags.define


def run(arguments: Arguments) -> int:
  """Measures, prints the figures and writes them as JSON if asked."""
  values = arguments.flags
  bench_flags.check_groups(values)
  output_flags.check(arguments, 'json', '.json')
  measure = {'throughput': _throughput, 'all': _everything, 'loop': _loop}
  text, found = measure[bench_flags.mode(values)](values)
  messages.tell(text)
  if values.json:
    records.write_json(values.json, found)
  return 0


def _notify(line: str) -> None:
  print(line, file=sys.stderr)


def _everything(values: flags.FlagValues) -> tuple[str, dict[str, object]]:
  """Measures everything in processes of its own; this one uses no device."""
  names = bench_flags.dtypes(values) if values.dtypes else ()
  task = Task(
    bench_flags.subject(values),
    tuple(bench_flags.batches(values)) if values['batches'].present else (),
    tuple(names),
    command_line.size(values.size, 'size'),
    values.repeats,
  )
  found = everything.run(task, 60 * values.minutes, notify=_notify)
  return (
    everything_table.as_text(found),
    everything_table.as_json(found, values.flag_values_dict()),
  )


def _throughput(values: flags.FlagValues) -> tuple[str, dict[str, object]]:
  """Measures windows per second."""
  names = bench_flags.dtypes(values) if values.dtypes else precisions.usual()
  for name in names:
    precisions.check(name)
  rows = list(
    throughput.run(
      bench_flags.subject(values).model,
      bench_flags.batches(values),
      names,
      repeats=values.repeats,
      notify=_notify,
    )
  )
  found, settings = machine.find(), values.flag_values_dict()
  return (
    throughput_table.as_text(found, rows),
    throughput_table.as_json(found, rows, settings),
  )


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
      loop.write_image(path, size)
    paths = []
    for number, other in enumerate(each for each in others if each != size):
      paths.append(pathlib.Path(folder, f'{number}.jpg'))
      loop.write_image(paths[-1], other)
    report = loop.run(
      bench_flags.subject(values).model,
      path,
      repeats=values.repeats,
      others=paths,
      notify=_notify,
    )
  settings = values.flag_values_dict()
  return loop_table.as_text(report), loop_table.as_json(report, settings)
