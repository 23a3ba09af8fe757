"""`magnet-jax export`."""

import pathlib

from absl import flags

from magnet_jax.cli import command_line, messages
from magnet_jax.cli.command_line import Arguments
from magnet_jax.export import formats
from magnet_jax.files import atomic, checkpoints
from magnet_jax.predict import export_files, held
from magnet_jax.predict.export_files import How
from magnet_jax.types import InputError, Size

NAMES = True
HELP = """
  usage: magnet-jax export RUN --out=DIR [flags]

  Writes all networks of a run, an exported model.npz or an embedded model for
  other programs: segmenter.onnx; refiner.onnx (or refiner1.onnx, …, one per
  stage after the first) or gate.onnx; and those of the correctors, as far as
  there are any. Each file is run at once, and nothing is written unless all
  compute what JAX does, to 1e-5 of the range of their results.

  The segmenter maps normalised images to logits; its file holds the mean and
  the standard deviation to normalise by, and the names and colours of the
  classes. What the inputs and outputs of each file are is in its metadata.
  Needs magnet-jax[onnx].

  --to=stablehlo writes what jax.export.deserialize reads: programs of JAX that
  need none of this package.

  examples:
    magnet-jax export runs/mine --out=mine_onnx
    magnet-jax export runs/mine --out=mine_onnx --pixels --size=open
    magnet-jax export runs/mine --out=mine_hlo --to=stablehlo --batch=1
    magnet-jax segment a.jpg --segmenter=a_onnx/segmenter.onnx --refiner=runs/b
"""


def define(values: flags.FlagValues) -> None:
  """Defines the flags."""
  bound = {'flag_values': values, 'module_name': 'what to write'}
  flags.DEFINE_string('out', '', 'DIR: a new folder (required)', **bound)
  flags.DEFINE_enum('to', 'onnx', [*formats.FORMATS], 'format', **bound)
  flags.DEFINE_string(
    'size',
    '',
    "HxW|open: size of the networks' input; open: any; the model's own if not "
    'given',
    **bound,
  )
  flags.DEFINE_integer(
    'batch', 0, 'N: images at a time; 0 leaves it open', **bound
  )
  flags.DEFINE_bool(
    'pixels',
    False,
    'networks that see images take uint8 as in image files, and normalise it',
    **bound,
  )
  flags.DEFINE_enum(
    'channels',
    None,
    ['first', 'last'],
    'order of the axes in ONNX: first is [B,C,h,w], its default; StableHLO has '
    'them last',
    **bound,
  )


def run(arguments: Arguments) -> int:
  """Writes the files and prints what they are."""
  values, names = arguments.flags, arguments.names
  if len(names) != 1:
    raise InputError(
      f'export: {len(names)} names given; give one run or model: magnet-jax '
      'export RUN --out=DIR'
    )
  if not values.out:
    raise InputError('--out: is missing; name a new folder for the files')
  variables, meta = checkpoints.load(names[0])
  networks = held.of_variables(variables, meta, name=names[0])
  how = How(
    values.to,
    _size(values.size, networks.network),
    values.batch,
    values.pixels,
    values.channels or ('first' if values.to == 'onnx' else 'last'),
  )
  out = pathlib.Path(values.out)
  with atomic.new_folder(out) as folder:
    written = export_files.write(networks, folder, how)
  for each in written:
    messages.tell(
      f'{out / each.file}: {each.inputs}; differs from JAX by '
      f'{each.difference:.0e} of its range'
    )
  return 0


def _size(given: str, network: Size | None) -> Size | None:
  """The size of the inputs; None is open."""
  if given == 'open':
    return None
  if given:
    return command_line.size(given, 'size')
  if network is None:
    raise InputError(
      '--size: is missing; correctors alone have no size of their own: give '
      'HxW or open'
    )
  return network
