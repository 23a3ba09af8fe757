"""Commands with several flags whose values are sensible, each on its own."""

import importlib

from absl import flags
from fuzz_case import Case, Special
from fuzz_files import Seeds
import fuzz_flags
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from magnet_jax.cli import main

_NUMBERS = ('0', '1', '2', '3', '8', '0.1', '0.5', '1.5')
# Of flags that take neither a number nor one of a few words.
_VALUES = {
  'bands': ('1', '1,2,3', '3,3,3', '4,1,1'),
  'batches': ('1', '1,2'),
  'budget': ('patch', 'half', '0.5'),
  'checkpoint': ('m.npz', 'run', 'run/segmenter', 'net.onnx'),
  'classes': ('scenes', 'c.txt', 'o.txt', 'cityscapes'),
  'config': ('tiny', 'run/config.json', 'scenes'),
  'correctors': ('m.npz', 'run', 'scenes'),
  'dtypes': ('float32', 'bfloat16', 'float32,bfloat16'),
  'fast': ('0.5', '1', '0.1,0.5'),
  'files': ('f', 'e'),
  'images': ('l.txt', 'd', 'd/images'),
  'json': ('x.json', 'o/x.json', 'e/x.json'),
  'label': ('label.png', 'label.tif', 'colours.png', 'maps.npy'),
  'labels': ('d/labels', 'd/images', 'd'),
  'manual_dir': ('d', 'd/images'),
  'methods': (
    *('all', 'downsample', 'magnet', 'magnet-fast', 'downsample,guided'),
    *('patch,patch-best,multiscale', 'guided,fast-guided,dense-crf'),
  ),
  'network': ('32', '64', '32x48'),
  'offsets': ('maps.npy', 'o.npy', 'l.txt'),
  'out': ('o', 'o/a/b', 'e', 'd', 'd/images'),
  'overlap': ('0', '0.25', '0.5'),
  'points': ('0.1', '0.5', '1', '0.5,0.2', '0.1,0.5,1', '32'),
  'preview': ('p.png', 'o/p.jpg', 'a.png'),
  'probabilities': ('maps.npy', 'maps.npz', 'label.png'),
  'reference': ('downsample', 'patch', 'magnet'),
  'refiner': ('m.npz', 'run', 'net.onnx'),
  'save_offsets': ('o.npy', 'o/o.npz', 'a.png'),
  'segmenter': ('net.onnx', 'm.npz', 'run'),
  'size': ('32', '32x64', '48'),
  'sizes': ('32', '32,48'),
  'stretch': ('none', '2-98', 'min-max', '0-255', '0-100'),
  'table': ('c.txt', 't.json'),
  'title': ('a', '<b>'),
  'trunk': ('resnet18', 'hrnet18'),
  'window': ('16', '32x32', '20x24', '40x48', '64'),
  'windows': ('all', '0.5', '4', '0.5,0.2', '1'),
  'workdir': ('w', 'run', 'd'),
}
# Those whose sensible values start or wait for other processes.
_NEVER = ('coordinator', 'processes', 'process', 'devices', 'hours')
_IMAGES = ('a.png', 'a.jpg', 'a.tif', 'geo.tif', 'deep.png', 'alpha.png')
_FIRST: dict[str, tuple[str, ...]] = {
  **fuzz_flags.WORKING,
  'segment': ('IMAGE', '--checkpoint=m.npz', '--out=o'),
  'refine': ('IMAGE', '--label=label.png', '--out=o'),
  'evaluate': ('--images=l.txt', '--checkpoint=m.npz', '--out=o'),
}
_OFTEN = {'segment': 12, 'evaluate': 5, 'refine': 5, 'tune': 1, 'bench': 1}
_COMMANDS = [c for c in main.COMMANDS for _ in range(_OFTEN.get(c, 2))]


def files(seeds: Seeds) -> dict[str, bytes | Special]:
  """Returns what those of odd flags need, and more kinds of images."""
  more = {name: seeds[name] for name in _IMAGES if name in seeds}
  names = ('label.tif', 'colours.png', 'maps.npy', 'maps.npz')
  return {
    **fuzz_flags.files(),
    **more,
    **{name: seeds[name] for name in names},
    'a.tfw': b'1\n0\n0\n-1\n500000\n4500000\n',
    'c.txt': b'meadow\ncrop\nroad\nwater\nbasin\nroof\nquay\n',
  }


@st.composite
def combinations(draw: DrawFn, seeds: Seeds) -> Case:
  """Draws a command with one to four flags."""
  command = draw(st.sampled_from(_COMMANDS))
  image = draw(st.sampled_from([n for n in _IMAGES if n in seeds]))
  words = [image if w == 'IMAGE' else w for w in _FIRST.get(command, ())]
  values = flags.FlagValues()
  importlib.import_module(f'magnet_jax.cli.{command}').define(values)
  names = sorted(set(values) - {*_NEVER})
  for _ in range(draw(st.integers(1, 4))):
    name = draw(st.sampled_from(names))
    word = draw(_word(name, values[name]))
    words = [w for w in words if not w.startswith(f'--{name}=')] + [word]
  return Case('combinations', (command, *words), files(seeds), continued='o')


def _word(name: str, flag: flags.Flag) -> st.SearchStrategy[str]:
  if isinstance(flag, flags.BooleanFlag):
    return st.sampled_from((f'--{name}', f'--no{name}'))
  chosen = (
    flag.parser.enum_values
    if isinstance(flag, flags.EnumFlag)
    else _VALUES.get(name, _NUMBERS)
  )
  return st.sampled_from(chosen).map(lambda value: f'--{name}={value}')
