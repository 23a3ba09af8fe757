"""A file imports only from folders above its own."""

import ast
import pathlib
import subprocess
import sys

import pytest

PACKAGE = pathlib.Path(__file__).parents[1] / 'magnet_jax'
ORDER = (
  'types',
  'ops',
  'models',
  'metrics',
  'parallel',
  'io',
  'data',
  'segment',
  'evaluate',
  'train',
  'survey',
  'cli',
)
# Within evaluate, likewise.
ROOMS = (
  'measuring',
  'showing',
  'reporting',
  'contrasting',
  'benching',
  'running',
)
# A GPU machine need not have what reads data sets, configs and maps.
LIGHT = ('types', 'ops', 'models', 'metrics', 'parallel', 'segment')
HEAVY = ('ml_collections', 'grain', 'tensorflow_datasets', 'rasterio')


def _level(path):
  """'ops' of magnet_jax/ops/median.py, 'types' of magnet_jax/types.py."""
  return path.relative_to(PACKAGE).with_suffix('').parts[0]


FILES = {
  str(path.relative_to(PACKAGE)): path
  for path in sorted(PACKAGE.rglob('*.py'))
  if _level(path) != '__init__'
}


def _imports(source):
  """Dotted names that a file imports, wherever in it."""
  for node in ast.walk(ast.parse(source)):
    if isinstance(node, ast.Import):
      yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
      assert node.level == 0, 'relative imports hide their level'
      yield from (f'{node.module}.{alias.name}' for alias in node.names)


def _offences(level, source):
  for name in _imports(source):
    top, *rest = name.split('.')
    if top == 'magnet_jax' and rest:
      # What is not a folder comes from the package itself, above which is all.
      if rest[0] not in ORDER or ORDER.index(rest[0]) > ORDER.index(level):
        yield f'{level} imports {name}'
    elif top in ('experiments', 'tests') or (level in LIGHT and top in HEAVY):
      yield f'{level} imports {name}'


@pytest.mark.parametrize(
  'name', [name for name in FILES if name.startswith('evaluate/')]
)
def test_the_rooms_of_evaluate_have_an_order(name):
  room = FILES[name].relative_to(PACKAGE).parts[1]
  if room != '__init__.py':
    for found in _imports(FILES[name].read_text()):
      if found.startswith('magnet_jax.evaluate.'):
        assert ROOMS.index(found.split('.')[2]) <= ROOMS.index(room), found


def test_every_folder_has_its_place():
  assert {_level(path) for path in FILES.values()} <= set(ORDER)


@pytest.mark.parametrize('name', FILES)
def test_imports_only_from_above(name):
  path = FILES[name]
  assert not list(_offences(_level(path), path.read_text()))


@pytest.mark.parametrize(
  ('level', 'source', 'allowed'),
  [
    ('ops', 'from magnet_jax.types import Size', True),
    ('ops', 'from magnet_jax.ops import median', True),
    ('ops', 'from magnet_jax.models import fpn', False),
    ('ops', 'import magnet_jax.models.fpn as fpn', False),
    ('segment', 'from magnet_jax import parallel', True),
    ('models', 'from magnet_jax import parallel', False),
    ('metrics', 'def f():\n  from magnet_jax import segment', False),
    ('segment', 'import numpy, grain.python', False),
    ('segment', 'from ml_collections import config_dict', False),
    ('data', 'from grain import python', True),
    ('cli', 'from magnet_jax.train import steps', True),
    ('cli', 'from experiments import scenes', False),
  ],
)
def test_the_rule_itself(level, source, allowed):
  assert allowed == (not list(_offences(level, source)))


def test_light_folders_work_where_heavy_packages_are_missing():
  modules = [
    'magnet_jax.' + name.removesuffix('.py').replace('/', '.')
    for name, path in FILES.items()
    if _level(path) in LIGHT and path.name != '__init__.py'
  ]
  lines = ['import importlib, sys']
  lines += [f'sys.modules[{name!r}] = None' for name in HEAVY]
  lines += [f'importlib.import_module({name!r})' for name in modules]
  done = subprocess.run(
    [sys.executable, '-c', '\n'.join(lines)],
    cwd=PACKAGE.parent,
    capture_output=True,
    text=True,
    check=False,
  )
  assert done.returncode == 0, done.stderr
