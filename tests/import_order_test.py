"""A file imports only from folders above its own, and nothing in a circle."""

import ast
import pathlib
import subprocess
import sys

import pytest

PACKAGE = pathlib.Path(__file__).parents[1] / 'magnet_jax'
ORDER = (
  'types',
  'ranges',
  'checked',
  'outside',
  'ops',
  'filters',
  'models',
  'metrics',
  'coordinator',
  'compiling',
  'parallel',
  'files',
  'rasters',
  'weights',
  'scenes',
  'data',
  'datasets',
  'refiners',
  'cascade',
  'engines',
  'export',
  'predict',
  'methods',
  'evaluate',
  'report',
  'serve',
  'tuning',
  'train',
  'survey',
  'bench',
  'configs',
  'cli',
  '__main__',
)
# A GPU machine need not have what reads data sets, configs and maps.
LIGHT = (
  'types',
  'ranges',
  'checked',
  'outside',
  'ops',
  'filters',
  'models',
  'metrics',
  'coordinator',
  'compiling',
  'parallel',
  'refiners',
  'cascade',
)
HEAVY = ('ml_collections', 'grain', 'tensorflow_datasets', 'rasterio')
# Scripts of experiments import each other by their plain names.
OUTSIDE = {'experiments', 'tests'} | {
  path.stem for path in (PACKAGE.parent / 'experiments').rglob('*.py')
}


def _level(path):
  """'ops' of magnet_jax/ops/median.py, 'types' of magnet_jax/types.py."""
  return path.relative_to(PACKAGE).with_suffix('').parts[0]


FILES = {
  str(path.relative_to(PACKAGE)): path
  for path in sorted(PACKAGE.rglob('*.py'))
  if _level(path) != '__init__'
}
MODULES = {
  'magnet_jax.' + name.removesuffix('.py').replace('/', '.'): path
  for name, path in FILES.items()
  if path.name != '__init__.py'
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
    elif top in OUTSIDE or (level in LIGHT and top in HEAVY):
      yield f'{level} imports {name}'


def _needs(sources):
  """The modules that each module imports, of those that there are."""
  return {
    module: {
      found
      for name in _imports(source)
      for found in (name, name.rpartition('.')[0])
      if found in sources and found != module
    }
    for module, source in sources.items()
  }


def _circle(needs):
  """The modules of one import circle, in order; empty if there is none."""
  done = set()

  def visit(module, path):
    if module in path:
      return path[path.index(module) :]
    if module in done:
      return []
    for needed in sorted(needs[module]):
      if found := visit(needed, [*path, module]):
        return found
    done.add(module)
    return []

  for module in needs:
    if found := visit(module, []):
      return found
  return []


def test_every_folder_has_its_place():
  assert {_level(path) for path in FILES.values()} <= set(ORDER)


@pytest.mark.parametrize('name', FILES)
def test_imports_only_from_above(name):
  path = FILES[name]
  assert not list(_offences(_level(path), path.read_text()))


def test_no_module_imports_itself_in_a_circle():
  sources = {name: path.read_text() for name, path in MODULES.items()}
  assert not _circle(_needs(sources))


@pytest.mark.parametrize(
  ('sources', 'circle'),
  [
    ({'a.x': 'import a.y', 'a.y': ''}, []),
    ({'a.x': 'import a.y', 'a.y': 'from a.x import f'}, ['a.x', 'a.y']),
    (
      {
        'a.x': 'from a import y, z',
        'a.y': 'import os',
        'a.z': 'def f():\n  from a import x',
      },
      ['a.x', 'a.z'],
    ),
  ],
)
def test_the_circle_itself(sources, circle):
  assert _circle(_needs(sources)) == circle


@pytest.mark.parametrize(
  ('level', 'source', 'allowed'),
  [
    ('ops', 'from magnet_jax.types import Size', True),
    ('ops', 'from magnet_jax.ops import median', True),
    ('ops', 'from magnet_jax.models import fpn', False),
    ('ops', 'import magnet_jax.models.fpn as fpn', False),
    ('cascade', 'from magnet_jax import parallel', True),
    ('models', 'from magnet_jax import parallel', False),
    ('metrics', 'def f():\n  from magnet_jax import cascade', False),
    ('cascade', 'import numpy, grain.python', False),
    ('cascade', 'from ml_collections import config_dict', False),
    ('data', 'from grain import python', True),
    ('cli', 'from magnet_jax.train import steps', True),
    ('cli', 'from experiments import scenes', False),
    ('evaluate', 'import torch_layers', False),
  ],
)
def test_the_rule_itself(level, source, allowed):
  assert allowed == (not list(_offences(level, source)))


def test_light_folders_work_where_heavy_packages_are_missing():
  modules = [name for name, path in MODULES.items() if _level(path) in LIGHT]
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
