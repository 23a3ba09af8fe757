"""Scripts of experiments use what the package has, though nobody runs them.

Most of them train for hours. So they are only read: every module that they
import must exist, every attribute of it that they use, and every keyword of
the functions that they call.
"""

import ast
import importlib
import inspect
import pathlib
import re
import types

import pytest

FOLDER = pathlib.Path(__file__).parents[2] / 'experiments'
SCRIPTS = {
  str(path.relative_to(FOLDER)): path for path in sorted(FOLDER.rglob('*.py'))
}
SHELLS = {
  str(path.relative_to(FOLDER)): path for path in sorted(FOLDER.rglob('*.sh'))
}
_PYTHON = re.compile(r'python "?((?:\$here|experiments|\.\.)/[\w./]+\.py)')


class _Reader(ast.NodeVisitor):
  """Collects what a script uses in vain.

  Args:
    package: names of the packages that are looked into.
    tree: of the script.
  """

  def __init__(self, package: str, tree: ast.Module):
    self.faults: list[str] = []
    self._package = package
    self._known: dict[str, object] = {}
    # A name that is also a variable says nothing.
    self._variables = {
      node.id
      for node in ast.walk(tree)
      if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    } | {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    self.visit(tree)

  def visit_ImportFrom(self, node):
    if (node.module or '').split('.')[0] != self._package:
      return
    for alias in node.names:
      found = self._find(node.module, alias.name)
      if (alias.asname or alias.name) not in self._variables:
        self._known[alias.asname or alias.name] = found

  def _find(self, module, name):
    try:
      try:
        return importlib.import_module(f'{module}.{name}')
      except ModuleNotFoundError:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
      self.faults.append(f'{module}.{name}: {error}')
      return None

  def _value(self, node):
    """What an expression stands for, or None if that is not known."""
    if isinstance(node, ast.Name):
      return self._known.get(node.id)
    if isinstance(node, ast.Attribute):
      base = self._value(node.value)
      if isinstance(base, types.ModuleType):
        return getattr(base, node.attr, None)
    return None

  def visit_Attribute(self, node):
    base = self._value(node.value)
    if isinstance(base, types.ModuleType) and not hasattr(base, node.attr):
      self.faults.append(f'{base.__name__}.{node.attr}: is missing')
    self.generic_visit(node)

  def visit_Call(self, node):
    function = self._value(node.func)
    if callable(function):
      try:
        accepted = inspect.signature(function).parameters
      except ValueError:
        accepted = {}
      kinds = {parameter.kind for parameter in accepted.values()}
      for keyword in node.keywords:
        if (
          keyword.arg
          and accepted
          and inspect.Parameter.VAR_KEYWORD not in kinds
          and keyword.arg not in accepted
        ):
          self.faults.append(f'{function.__name__}({keyword.arg}=): unknown')
    self.generic_visit(node)


def _faults(source):
  return _Reader('magnet_jax', ast.parse(source)).faults


@pytest.mark.parametrize('name', SCRIPTS)
def test_a_script_uses_what_there_is(name):
  assert not _faults(SCRIPTS[name].read_text())


@pytest.mark.parametrize('name', SCRIPTS)
def test_its_own_modules_lie_beside_it(name):
  """What is neither the package's nor installed must be in the folder."""
  path = SCRIPTS[name]
  beside = {other.stem for other in path.parent.glob('*.py')}
  for node in ast.walk(ast.parse(path.read_text())):
    if isinstance(node, ast.Import):
      tops = [alias.name.split('.')[0] for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
      tops = [(node.module or '').split('.')[0]]
    else:
      continue
    for top in tops:
      assert top in beside or top not in {p.stem for p in SCRIPTS.values()}


@pytest.mark.parametrize('name', SHELLS)
def test_the_scripts_of_a_recipe_exist(name):
  path = SHELLS[name]
  for word in _PYTHON.findall(path.read_text()):
    if word.startswith('$here'):
      target = path.parent / word.removeprefix('$here/')
    elif word.startswith('experiments'):
      target = FOLDER.parent / word
    else:  # relative to the results, where such a recipe goes
      target = path.parent / 'results' / word
    assert target.exists(), word


@pytest.mark.parametrize(
  ('source', 'fault'),
  [
    ('from magnet_jax.ops import windows\nwindows.make_grid', ''),
    ('from magnet_jax.ops import windws', 'magnet_jax.ops.windws: '),
    ('from magnet_jax.nothing import windows', 'magnet_jax.nothing'),
    ('from magnet_jax.ops import windows\nwindows.grids', 'windows.grids'),
    (
      'from magnet_jax.cascade import plan\nplan.make_plan(1, windw=2)',
      'make_plan(windw=)',
    ),
    ('from magnet_jax.types import InputErr', 'types.InputErr'),
    ('from magnet_jax.ops import windows\nwindows = 3\nwindows.x', ''),
  ],
)
def test_the_reader_itself(source, fault):
  found = ' '.join(_faults(source))
  assert fault in found if fault else not found
