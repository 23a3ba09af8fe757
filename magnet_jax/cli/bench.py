"""`magnet-jax bench`."""

import functools
import os
import pathlib
import sys
import tempfile
from typing import Any

from absl import flags

from magnet_jax.cli import bench_flags, command_line
from magnet_jax.cli.command_line import Arguments
from magnet_jax.evaluate import (
  bench,
  bench_forward,
  bench_networks,
  bench_setting,
  bench_tables,
  bench_windows,
  bench_windows_table,
)
from magnet_jax.files import atomic, checkpoints, records
from magnet_jax.models import build
from magnet_jax.predict import model as models
from magnet_jax.predict.model import Model
from magnet_jax.types import InputError

NAMES = False
HELP = """
  usage: magnet-jax bench [flags]

  Times the loop over the stages of one image: each stage as a whole, and each
  part of it (read, resize, transfer, segmenter, crop, refiner, score, median,
  top_k, merge, argmax) on its own at the same shapes, synchronised and warm,
  the median of several calls times the calls of the stage. Compile time,
  number of compiles and peak memory are reported apart. The weights are
  random, as time does not depend on them, unless a checkpoint is given.

  With --forward it times the networks alone at their published inputs, beside
  the operations that XLA counts, and where PyTorch is installed beside the
  same networks with the same weights there.

  With --throughput it times one stage at several batches and precisions:
  windows a second, how much of the time the device computes, and its
  operations a second beside those of a large product of matrices.

  examples:
    magnet-jax bench --size=1224 --network=306 --trunk=resnet18
    magnet-jax bench --size=2448 --network=612 --json=bench.json
    magnet-jax bench --sizes=1224,2448,4896 --network=306 --trunk=resnet18
    magnet-jax bench --image=photo.jpg --checkpoint=runs/mine
    magnet-jax bench --forward --networks=fpn,hrnet18 --batches=1,4
    magnet-jax bench --throughput --batches=1,4,16 --dtypes=float32,bfloat16
"""
define = bench_flags.define


def run(arguments: Arguments) -> int:
  """Measures and prints."""
  values = arguments.flags
  others = (bench_flags.FORWARD, bench_flags.THROUGHPUT)
  chosen = [name for name in others if values[name].value]
  if len(chosen) > 1:
    raise InputError(
      '--forward and --throughput: are two measurements; give one of them'
    )
  mode = chosen[0] if chosen else bench_flags.LOOP
  bench_flags.check_groups(values, mode)
  if values.json:
    atomic.prepare_folder(pathlib.Path(values.json).parent)
  measurements = {
    bench_flags.LOOP: _loop,
    bench_flags.FORWARD: _forward,
    bench_flags.THROUGHPUT: _throughput,
  }
  text, found = measurements[mode](values)
  print(text)
  if values.json:
    records.write_json(values.json, found)
  return 0


def _forward(values: flags.FlagValues) -> tuple[str, dict[str, Any]]:
  """Measures the networks alone."""
  (dtype,) = bench_flags.dtypes(values, ['float32'], most=1)
  rows = list(
    bench_forward.run(
      bench_networks.select(bench_flags.words(values.networks, 'networks')),
      bench_flags.batches(values, least=1),
      repeats=values.repeats,
      dtype=dtype,
      max_gb=values.max_gb,
      max_seconds=values.max_seconds,
      notify=_notify,
    )
  )
  setting = bench_setting.find(dtype)
  settings = values.flag_values_dict()
  return (
    bench_tables.forward_text(setting, rows),
    bench_tables.forward_json(setting, rows, settings),
  )


def _throughput(values: flags.FlagValues) -> tuple[str, dict[str, Any]]:
  """Measures windows a second."""
  usual = ['float32', *['bfloat16'] * bench_setting.accelerated()]
  rows = list(
    bench_windows.run(
      functools.partial(_model, values),
      bench_flags.batches(values, least=0),
      bench_flags.dtypes(values, usual, most=len(build.DTYPES)),
      repeats=values.repeats,
      notify=_notify,
    )
  )
  setting = bench_setting.find('')
  return (
    bench_windows_table.as_text(setting, rows),
    bench_windows_table.as_json(setting, rows, values.flag_values_dict()),
  )


def _notify(line: str) -> None:
  print(line, file=sys.stderr)


def _loop(values: flags.FlagValues) -> tuple[str, dict[str, Any]]:
  """Measures the loop over the stages."""
  size = command_line.size(values.size, 'size')
  others = [
    command_line.size(text, 'sizes')
    for text in values.sizes.split(',')
    if text.strip()
  ]
  with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(values.image or os.path.join(folder, 'image.jpg'))
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
  """The networks that the flags describe, if asked in a precision."""
  refine = {
    'points': command_line.share(values.points, 'points'),
    'selection': values.selection,
    'kernel': values.kernel,
    'windows': command_line.share(values.windows, 'windows'),
    'batch': values.batch,
  }
  chosen = {'dtype': dtype} if dtype else {}
  if values.checkpoint:
    path = pathlib.Path(values.checkpoint)
    variables, meta = checkpoints.load(path)
    for name in ('segmenter', 'refiner') if chosen else ():
      meta = meta.override(name, **chosen)
    return models.from_variables(variables, meta, name=str(path))
  return bench.random_model(
    classes=values.classes,
    segmenter={'trunk': values.trunk, 'width': values.width, **chosen},
    refiner=chosen,
    plan={
      'network': command_line.size(values.network, 'network'),
      'window': (0, 0),
      'factor': values.factor,
      'stages': 0,
      'scales': (),
      'overlap': 0.0,
    },
    refine=refine,
  )
