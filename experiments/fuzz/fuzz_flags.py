"""Commands with odd flags, and with odd things where files are expected."""

import functools
import importlib
import json

from absl import flags
from fuzz_case import Case, Special
from fuzz_files import QUICK, Seeds
from fuzz_mutations import NASTY, PATHS, damaged_bytes, damaged_json
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from magnet_jax.cli import main
from magnet_jax.configs import tiny

# Things that a path may lead to; none of them is a usual file.
ODD: dict[str, bytes | Special] = {
  'folder': Special('folder'),
  'empty': b'',
  'fifo': Special('fifo'),
  'loop': Special('link', 'loop'),
  'zero': Special('link', '/dev/zero'),
  'gone': Special('link', 'nothing'),
}
_SEED_FILES = ('a.png', 'label.png', 'm.npz', 'net.onnx', 'run', 'e')
_SHORT = (
  *('--stage=segmenter', '--config.train.segmenter.steps=1'),
  *('--config.train.segmenter.batch=1', '--config.train.segmenter.warmup=0'),
)
_TINY = (
  *('--config=tiny', '--config.segmenter.width=1', *_SHORT),
  '--config.data.scene_size=(32, 32)',
)
# A command that works, with what is quick to compute.
WORKING: dict[str, tuple[str, ...]] = {
  'segment': ('a.png', *QUICK),
  'refine': ('a.png', '--label=label.png', '--out=o'),
  'evaluate': ('--images=l.txt', '--methods=downsample', '--checkpoint=m.npz'),
  'tune': ('--images=l.txt', '--checkpoint=m.npz', '--no-write'),
  'init': ('d', '--out=o'),
  'prepare': (
    'file_list/x',
    '--manual_dir=d',
    '--data_dir=s',
    '--classes=scenes',
  ),
  'report': ('e', '--out=r.html'),
  'convert': ('m.npz', '--to=npz', '--out=c.npz'),
  'train': ('--workdir=w', *_TINY),
  'demo': ('--size=32', '--checkpoint=m.npz', '--out=o'),
  'bench': ('--size=32', '--checkpoint=m.npz', '--repeats=1'),
  'sweep': ('--workdir=w', *_TINY, '--vary=seed=1', '--limit=0'),
  'export': ('m.npz', '--out=x'),
  'serve': ('--checkpoint=m.npz', '--out=o', '--port=0'),
}
# Those that compile much are drawn less often.
_OFTEN = {
  **{'tune': 1, 'demo': 1, 'bench': 1, 'serve': 2, 'sweep': 1, 'export': 2},
  **{'train': 3, 'evaluate': 4},
}
_COMMANDS = [c for c in WORKING for _ in range(_OFTEN.get(c, 6))]


@functools.cache
def names_of(command: str) -> tuple[str, ...]:
  """Returns the flags of a command."""
  values = flags.FlagValues()
  importlib.import_module(f'magnet_jax.cli.{command}').define(values)
  return tuple(sorted(values))


def files() -> dict[str, bytes | Special]:
  """Returns what the working commands need, and odd things."""
  pairs: dict[str, bytes | Special] = {}
  for number in range(3):
    pairs[f'd/images/{number}.png'] = Special('seed', 'a.png')
    pairs[f'd/labels/{number}.png'] = Special('seed', 'label.png')
  seeds = {name: Special('seed', name) for name in _SEED_FILES}
  return {**seeds, **pairs, **ODD, 'l.txt': b'a.png\tlabel.png\n'}


@st.composite
def odd_flags(draw: DrawFn, seeds: Seeds) -> Case:
  """Draws a command that works but for one or two flags."""
  command = draw(st.sampled_from(_COMMANDS))
  words = list(WORKING[command])
  for _ in range(draw(st.sampled_from((1, 1, 1, 2)))):
    name = draw(st.sampled_from(names_of(command)))
    value = draw(NASTY)
    forms = (f'--{name}={value}', f'--{name}={value}', f'--no{name}')
    word = draw(st.sampled_from(forms))
    words = [w for w in words if not w.startswith(f'--{name}=')] + [word]
  return Case('flags', (command, *words), files())


@st.composite
def odd_words(draw: DrawFn, seeds: Seeds) -> Case:
  """Draws any words for any command."""
  command = draw(st.sampled_from((*_COMMANDS, *main.COMMANDS)))
  if draw(st.integers(0, 20)) == 0:
    command = draw(NASTY)
  words = draw(st.lists(st.one_of(NASTY, st.sampled_from(PATHS)), max_size=3))
  # Without any, these would run for minutes, as they should.
  if command in _OFTEN or draw(st.booleans()):
    words = [*words, *WORKING.get(command, ())]
  return Case('words', (command, *words), files(), partial=True)


@st.composite
def odd_paths(draw: DrawFn, seeds: Seeds) -> Case:
  """Draws a command of which one file is something else, or elsewhere."""
  command = draw(st.sampled_from(_COMMANDS))
  words = list(WORKING[command])
  places = [
    i
    for i, word in enumerate(words)
    if '.' in word or '=' in word or not word.startswith('-')
  ]
  place = draw(st.sampled_from(places))
  flag, equals, _ = words[place].rpartition('=')
  words[place] = f'{flag}{equals}{draw(st.sampled_from(PATHS))}'
  return Case('paths', (command, *words), files())


@st.composite
def environments(draw: DrawFn, seeds: Seeds) -> Case:
  """Draws malformed variables of launchers."""
  values = draw(st.fixed_dictionaries({}, optional=_VARIABLES))
  text = {k: v for k, v in values.items() if '\0' not in v}
  text = {k: v.encode(errors='replace').decode() for k, v in text.items()}
  argv = ('segment', 'a.png', *QUICK)
  return Case('environment', argv, files(), text)


_BAD = st.sampled_from(
  ('', ' ', '-1', 'x', '²', '1.5', '9' * 30, 'nan', '1,2', '0', '1', '\n')
)
_VARIABLES = {
  name: _BAD
  for name in (
    *('SLURM_NTASKS', 'SLURM_PROCID', 'SLURM_STEP_NODELIST', 'SLURM_LOCALID'),
    *('OMPI_COMM_WORLD_SIZE', 'OMPI_MCA_orte_hnp_uri', 'OMPI_COMM_WORLD_RANK'),
    *('JAX_NUM_PROCESSES', 'JAX_PROCESS_ID', 'COLUMNS', 'TFDS_DATA_DIR'),
  )
}


@st.composite
def configs(draw: DrawFn, seeds: Seeds) -> Case:
  """Draws a malformed config, in either form, or overrides of one."""
  how = draw(st.integers(0, 3))
  command = draw(st.sampled_from(('train', 'train', 'evaluate', 'convert')))
  rest = {
    'train': ('--workdir=w', *_SHORT),
    'evaluate': ('--checkpoint=m.npz', '--methods=downsample', '--limit=1'),
    'convert': ('b.pth', '--out=o'),
  }[command]
  more = files()
  if how == 0:
    more['c.py'] = draw(st.sampled_from(_PROGRAMS))
    return Case('configs', (command, '--config=c.py', *rest), more)
  if how == 1:
    plain = json.loads(json.dumps(_quick()))
    more['c.json'] = draw(damaged_json(plain))
    return Case('configs', (command, '--config=c.json', *rest), more)
  if how == 2:
    more['c.py'] = draw(damaged_bytes(_PROGRAM))
    return Case('configs', (command, '--config=c.py', *rest), more)
  key = draw(st.sampled_from(_keys(tiny.get_config().to_dict())))
  word = f'--config.{key}={draw(NASTY)}'
  words = [w for w in _TINY if not w.startswith(f'--config.{key}=')]
  return Case('configs', ('train', '--workdir=w', *words, word), more)


def _quick() -> dict[str, object]:
  config = tiny.get_config()
  config.data.scene_size = (32, 32)
  config.segmenter.width = 1
  for name in ('steps', 'batch', 'validate_every'):
    config.train.segmenter[name] = 1
  config.train.segmenter.warmup = 0
  found: dict[str, object] = config.to_dict()
  return found


def _keys(section: dict[str, object], prefix: str = '') -> list[str]:
  found = []
  for key, value in section.items():
    if isinstance(value, dict):
      found += _keys(value, f'{prefix}{key}.')
    else:
      found.append(f'{prefix}{key}')
  return found


_PROGRAM = b"""from magnet_jax.configs import tiny

def get_config():
  config = tiny.get_config()
  config.data.scene_size = (32, 32)
  return config
"""
_PROGRAMS = (
  *(b'', b'\0', b'\xff', b'import sys\nsys.exit(0)\n', b'x = \n', b'1 / 0\n'),
  *(b'get_config = 1\n', b'def get_config(): return None\n'),
  *(b'def get_config(): return {}\n', b'def get_config(): get_config()\n'),
  *(b'def get_config(x): return x\n', b'raise MemoryError\n'),
  *(b'import missing_package\n', b'from configs import default\n'),
  b'import ml_collections as m\ndef get_config(): return m.ConfigDict()\n',
  b'print("a" * 10)\nraise SystemExit("no")\n',
  b'raise Exception("a\\nb\\x1b[2J")\n',
)
