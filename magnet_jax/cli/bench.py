"""`magnet-jax bench`."""

import functools
import os
import pathlib
import sys
import tempfile

from absl import flags

from magnet_jax.cli import command_line
from magnet_jax.cli.command_line import Arguments
from magnet_jax.evaluate import (
  bench,
  bench_forward,
  bench_networks,
  bench_setting,
  bench_tables,
)
from magnet_jax.io import atomic, records
from magnet_jax.models import build
from magnet_jax.segment import model as models
from magnet_jax.segment.model import Model
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

  examples:
    magnet-jax bench --size=1224 --network=306 --trunk=resnet18
    magnet-jax bench --size=2448 --network=612 --json=bench.json
    magnet-jax bench --sizes=1224,2448,4896 --network=306 --trunk=resnet18
    magnet-jax bench --image=photo.jpg --checkpoint=runs/mine
    magnet-jax bench --forward --networks=fpn,hrnet18 --batches=1,4
"""
_FORWARD = 'networks alone'
_MEASURING = 'measuring'


def define(values: flags.FlagValues) -> None:
  """Defines the flags."""
  text = functools.partial(flags.DEFINE_string, flag_values=values)
  number = functools.partial(flags.DEFINE_integer, flag_values=values)
  group = 'image'
  text('size', '2448', 'HxW: size of a made image, or one side of a square',
       module_name=group)  # fmt: skip
  text('image', '', 'FILE: an image to take instead', module_name=group)
  text('sizes', '', 'H,H,…: times the loop at these sizes too, to see that '
       'time grows with the windows', module_name=group)  # fmt: skip
  group = 'networks'
  text('checkpoint', '', 'PATH: trained networks and their settings, instead '
       'of the flags of this group', module_name=group)  # fmt: skip
  text('network', '612', 'HxW: input of the networks', module_name=group)
  text('trunk', 'resnet50', 'NAME: resnet18, 34, 50 or 101',
       module_name=group)  # fmt: skip
  number('width', 64, 'N: features of its first level', module_name=group)
  number('classes', 7, 'N: number of classes', module_name=group)
  flags.DEFINE_float('factor', 2.0, 'X: growth of a side from stage to stage',
                     flag_values=values, module_name=group)  # fmt: skip
  group = 'refinement'
  text('points', '0.75', 'K: points that a window replaces, a fraction or a '
       'count', module_name=group)  # fmt: skip
  text('selection', 'window', 'window|image: where K counts',
       module_name=group)  # fmt: skip
  number('kernel', 5, 'N: side of the median filter', module_name=group)
  text('windows', '1.0', 'SHARE: of the windows that are refined, the most '
       'uncertain first; a fraction or a count', module_name=group)  # fmt: skip
  number('batch', 1, 'N: windows a device holds at a time', module_name=group)
  group = _FORWARD
  flags.DEFINE_boolean('forward', False, 'time the networks alone',
                       flag_values=values, module_name=group)  # fmt: skip
  text('networks', ','.join(bench_networks.NETWORKS), 'NAME,…: which',
       module_name=group)  # fmt: skip
  text('batches', '1,4,16', 'N,…: images of a call', module_name=group)
  text('dtype', 'float32', 'float32|bfloat16: of the computation',
       module_name=group)  # fmt: skip
  flags.DEFINE_float('max_gb', 0.0, 'X: leaves out what needs more memory '
                     '(1e9 bytes); 0: than is free', lower_bound=0.0,
                     flag_values=values, module_name=group)  # fmt: skip
  flags.DEFINE_float('max_seconds', 0.0, 'X: leaves out a batch whose call '
                     'would take longer; 0: none', lower_bound=0.0,
                     flag_values=values, module_name=group)  # fmt: skip
  group = _MEASURING
  number('repeats', 3, 'N: timed calls of each part', lower_bound=1,
         module_name=group)  # fmt: skip
  text('json', '', 'FILE: writes all figures there', module_name=group)


def run(arguments: Arguments) -> int:
  """Measures and prints."""
  values = arguments.flags
  _check_groups(values)
  if values.json:
    atomic.prepare_folder(pathlib.Path(values.json).parent)
  return _forward(values) if values.forward else _loop(values)


def _check_groups(values: flags.FlagValues) -> None:
  """Refuses flags that the chosen measurement would not look at."""
  for group, members in values.flags_by_module_dict().items():
    if group == _MEASURING or values.forward == (group == _FORWARD):
      continue
    for flag in members:
      if flag.present and flag.name != 'forward':
        rule = 'has no effect with' if values.forward else 'needs'
        raise InputError(
          f'--{flag.name}={flag.value}: {rule} --forward; '
          + ('leave one of them out' if values.forward else 'give both')
        )


def _forward(values: flags.FlagValues) -> int:
  """Measures the networks alone and prints."""
  networks = bench_networks.select(_words(values.networks, 'networks'))
  batches = [_batch(word) for word in _words(values.batches, 'batches')]
  if values.dtype not in build.DTYPES:
    raise InputError(
      f'--dtype={values.dtype}: must be one of {", ".join(build.DTYPES)}'
    )
  rows = list(
    bench_forward.run(
      networks,
      batches,
      repeats=values.repeats,
      dtype=values.dtype,
      max_gb=values.max_gb,
      max_seconds=values.max_seconds,
      notify=_notify,
    )
  )
  setting = bench_setting.find(values.dtype)
  print(bench_tables.forward_text(setting, rows))
  if values.json:
    settings = values.flag_values_dict()
    records.write_json(
      values.json, bench_tables.forward_json(setting, rows, settings)
    )
  return 0


def _words(text: str, flag: str) -> list[str]:
  words = [word.strip() for word in text.split(',') if word.strip()]
  if not words:
    raise InputError(f'--{flag}={text}: is empty; name at least one')
  return words


def _batch(word: str) -> int:
  if not word.isdecimal() or not int(word):
    raise InputError(
      f'--batches: {word!r} is no batch; give whole numbers from 1 on, such '
      'as 1,4,16'
    )
  return int(word)


def _notify(line: str) -> None:
  print(line, file=sys.stderr)


def _loop(values: flags.FlagValues) -> int:
  """Measures the loop over the stages and prints."""
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
  print(bench_tables.as_text(report))
  if values.json:
    settings = values.flag_values_dict()
    records.write_json(values.json, bench_tables.as_json(report, settings))
  return 0


def _model(values: flags.FlagValues) -> Model:
  """The networks that the flags describe."""
  if values.checkpoint:
    return models.load(pathlib.Path(values.checkpoint))
  return bench.random_model(
    classes=values.classes,
    segmenter={'trunk': values.trunk, 'width': values.width},
    refiner={},
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
      'windows': command_line.share(values.windows, 'windows'),
      'batch': values.batch,
    },
  )
