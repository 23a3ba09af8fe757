"""`magnet-jax convert`."""

from collections.abc import Sequence
import functools
import pathlib

from absl import flags

from magnet_jax.cli import config_file, messages, output_flags
from magnet_jax.cli.command_line import Arguments
from magnet_jax.data import classes
from magnet_jax.files import atomic, bundle, checkpoints
from magnet_jax.predict import correctors
from magnet_jax.types import CORRECTOR, InputError
from magnet_jax.weights import conversion, torch_files, torch_names
from magnet_jax.weights import torch_states as states

NAMES = True
HELP = """
  usage: magnet-jax convert FILE… --out=DIR [flags]
         magnet-jax convert RUN --to=pytorch|safetensors --out=DIR [flags]
         magnet-jax convert RUN --to=npz --out=FILE.npz [--bits=8]

  Converts PyTorch weights to checkpoints, value by value, and back. FILEs are
  .pth, .safetensors or Detectron2's .pkl, each with one state_dict: a
  segmenter, refiners in the order of their stages, or both; or a ResNet of
  torchvision or timm trained on ImageNet, to start a training from; or
  CascadePSP or SegFix, correctors of any maps.
  The network in a file is recognised by its parameter names. If any weight is
  left over on either side, nothing is written. PyTorch files need
  magnet-jax[convert].

  --to=npz writes one file that all commands take as --checkpoint, as train does
  at its end. With --bits=8 it is about a quarter as large: kernels are stored
  with 8 bits per weight, which hardly changes what the model finds.

  examples:
    magnet-jax convert cityscapes_hrnet.pth \\
      cityscapes_refinement_{512,1024,2048}.pth --out=runs/cityscapes
    magnet-jax convert deepglobe_fpn.pth --out=runs/fpn --config=deepglobe
    magnet-jax convert resnet50.safetensors --out=runs/resnet50
    magnet-jax convert runs/mine --to=pytorch --out=runs/mine_pytorch
    magnet-jax convert runs/mine --to=npz --bits=8 --out=mine.npz
"""
_FORMATS = ('orbax', 'npz', *torch_files.SUFFIXES)
# (network, classes) of the published checkpoints -> config.
_CONFIGS = {
  ('hrnet', 19): 'cityscapes',
  ('fpn', 7): 'deepglobe',
  ('psp', 5): 'gleason',
  ('pointrend', 19): 'cityscapes_pointrend',
  ('glnet', 7): 'deepglobe_glnet',
}


def define(values: flags.FlagValues) -> None:
  """Defines the flags."""
  text = functools.partial(flags.DEFINE_string, flag_values=values)
  choice = functools.partial(flags.DEFINE_enum, flag_values=values)
  group = 'input and output'
  text(
    'out',
    '',
    'DIR: a new folder for the result, or with --to=npz a file (required)',
    module_name=group,
  )
  choice('to', 'orbax', _FORMATS, 'format to write', module_name=group)
  choice(
    'bits',
    None,
    [str(bits) for bits in bundle.BITS],
    'bits per weight of a kernel, with --to=npz; 32 if not given',
    module_name=group,
  )
  group = 'what the files are'
  text(
    'config',
    '',
    'FILE|NAME: config whose sections segmenter and refiner describe the '
    'networks; not needed for published ones. --config.KEY=VALUE changes a '
    'field',
    module_name=group,
  )
  text(
    'table', '', "NAME: class table, instead of the config's", module_name=group
  )
  choice(
    'network',
    None,
    list(torch_names.NAMES),
    'network in all files; recognised by parameter names if not given',
    module_name=group,
  )
  choice(
    'order',
    None,
    states.ORDERS,
    "order of the two maps in the input of the files' refiner: the first is "
    'that of the published test code, the second that of its training code; if '
    'not given, the first, or on the way back the one it had',
    module_name=group,
  )
  choice(
    'cast',
    None,
    ['float32'],
    'also accept weights of half or double precision',
    module_name=group,
  )


def run(arguments: Arguments) -> int:
  """Converts weights and prints what was written."""
  values, names = arguments.flags, arguments.names
  back = values.to != 'orbax'
  if not names or (back and len(names) > 1):
    raise InputError(
      f'convert: {len(names)} arguments: must be '
      f'{"one run" if back else "at least one FILE"}; see magnet-jax convert '
      '--help'
    )
  if not values.out:
    raise InputError(
      '--out: missing; name a new folder, or a file, for the result'
    )
  out = pathlib.Path(values.out)
  if values.to == 'npz':
    output_flags.check(arguments, 'out', '.npz')
    return _file(values, pathlib.Path(names[0]), out)
  if values.bits:
    raise InputError(
      f'--bits={values.bits}: needs --to=npz, as other formats keep every '
      'number; add it, or leave this out'
    )
  with atomic.new_folder(out) as folder:
    written, follow = (_back if back else _forward)(arguments, folder)
  for part in written:
    for note in part.notes:
      messages.tell(f'note: {note}')
    messages.tell(
      f'{out / part.path}: {part.network}, {part.tensors} tensors, '
      f'{part.parameters:,} parameters'
    )
  messages.tell(f'next: {follow.format(out=out)}')
  return 0


_Result = tuple[Sequence[conversion.Written], str]


def _forward(arguments: Arguments, folder: pathlib.Path) -> _Result:
  """Converts PyTorch files; returns what was written and the next command."""
  values = arguments.flags
  sources = []
  for name in arguments.names:
    if pathlib.Path(name).is_dir():
      raise InputError(
        f'{name}: is a folder, but a PyTorch file is needed; name a file, or '
        'add --to=pytorch for the way back'
      )
    source = states.read(
      name, network=values.network, cast=values.cast is not None
    )
    sources.append(source)
    refiners = [s for s in sources if s.kind == 'refiner']
    messages.tell(_describe(source, len(refiners)))
  count = conversion.class_count(sources)
  if count is None and sources[0].kind == 'trunk':
    written = [conversion.to_trunk(sources[0], folder)]
    return written, 'magnet-jax train --config.train.segmenter.init={out} …'
  if count is None:
    part = conversion.to_corrector(sources[0], folder)
    method = correctors.shown(sources[0].kind.removeprefix(CORRECTOR))
    return [
      part
    ], f'magnet-jax segment IMAGE --method={method} --correctors={{out}}'
  name = values.config or _choose(sources, count)
  config = config_file.override(config_file.load(name), arguments.overrides)
  if values.table:
    config.data.classes = values.table
  messages.tell(f'config {name}, class table {config.data.classes}')
  if refiners and config.refiner.prior:
    messages.tell(
      'note: the config adds a prior to the refiner, but published refiners '
      'have none: --config.refiner.prior=false'
    )
  parts = conversion.to_checkpoint(
    sources,
    folder,
    config=config.to_dict(),
    classes=classes.get(config.data.classes),
    order=values.order or states.ORDERS[0],
  )
  alone = len(refiners) == len(sources)
  flag = '--segmenter=RUN --refiner' if alone else '--checkpoint'
  follow = f'magnet-jax segment IMAGE… {flag}={{out}}'
  if refiners and not alone:
    follow += ' (--pipeline=released if the published code trained it)'
  return parts, follow


def _back(arguments: Arguments, folder: pathlib.Path) -> _Result:
  """Converts a run; returns what was written and the next command."""
  values = arguments.flags
  suffix = torch_files.SUFFIXES[values.to]
  written = conversion.to_files(
    pathlib.Path(arguments.names[0]),
    folder,
    suffix=suffix,
    order=values.order,
  )
  if suffix == '.pth':
    load = "torch.load('{out}/%s', weights_only=True)"
  else:
    load = "safetensors.torch.load_file('{out}/%s')"
  return written, f'network.load_state_dict({load % written[0].path})'


def _file(
  values: flags.FlagValues, run: pathlib.Path, out: pathlib.Path
) -> int:
  """Writes a run as one file and prints what was written."""
  variables, meta = checkpoints.load(run)
  bits = int(values.bits or 32)
  bundle.export(out, variables, meta, bits=bits)
  size = out.stat().st_size / 1e6
  messages.tell(
    f'{out}: {" and ".join(variables)}, {bits} bits per weight, {size:.1f} MB'
  )
  messages.tell(f'next: magnet-jax segment IMAGE… --checkpoint={out}')
  return 0


def _describe(source: states.Source, number: int) -> str:
  """One line about a file; refiners are numbered in the order of the files."""
  which = f' {number}' if source.kind == 'refiner' else ''
  line = f'{source.path}: {source.network}{which}, {len(source.state)} tensors'
  if source.classes:
    line += f', {source.classes} classes'
  if source.dtype != 'float32':
    line += f', cast from {source.dtype}'
  if source.dropped:
    line += f'; leaves out {", ".join(source.dropped)}'
  return line


def _choose(sources: Sequence[states.Source], count: int) -> str:
  """The config of the published checkpoint that the files resemble."""
  source = min(sources, key=lambda source: source.kind == 'refiner')
  for (network, classes_of), name in _CONFIGS.items():
    # A refiner works with any segmenter, so only its classes count.
    if source.network in (network, 'refiner') and classes_of == count:
      return name
  raise InputError(
    f'{source.path}: a {source.network} of {count} classes: no shipped config '
    'fits; name one by --config, and other classes by --table'
  )
