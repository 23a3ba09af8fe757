"""Modules that import each other, directly or by way of others."""

import ast
from collections.abc import Iterable, Iterator, Mapping
import itertools

from modules import PACKAGE, Module

Graph = Mapping[str, set[str]]


def graph(modules: Iterable[Module], *, inner: bool) -> Graph:
  """Which modules of the package each of them imports.

  Args:
    modules: all of the package.
    inner: whether imports in functions count as well; those that are for type
      checkers alone never do.
  """
  modules = list(modules)
  known = {module.name for module in modules}
  return {
    module.name: {
      name
      for name in _imported(module, known, inner=inner)
      if name != module.name
    }
    for module in modules
  }


def of_folders(found: Graph) -> Graph:
  """The same graph of the package's own folders and files."""
  folders: dict[str, set[str]] = {}
  for name, others in found.items():
    own = folders.setdefault(_folder(name), set())
    own |= {_folder(other) for other in others}
  return {name: others - {name} for name, others in folders.items()}


def circles(found: Graph) -> list[list[str]]:
  """Strongly connected parts of more than one node, by Tarjan's algorithm."""
  counter = itertools.count()
  numbers: dict[str, int] = {}
  lowest: dict[str, int] = {}
  stack: list[str] = []
  parts = []

  def visit(name: str) -> None:
    numbers[name] = lowest[name] = next(counter)
    stack.append(name)
    for other in sorted(found[name]):
      if other not in numbers:
        visit(other)
        lowest[name] = min(lowest[name], lowest[other])
      elif other in stack:
        lowest[name] = min(lowest[name], numbers[other])
    if lowest[name] == numbers[name]:
      start = stack.index(name)
      parts.append(sorted(stack[start:]))
      del stack[start:]

  for name in sorted(found):
    if name not in numbers:
      visit(name)
  return [part for part in parts if len(part) > 1]


def _folder(name: str) -> str:
  return '.'.join(name.split('.')[:2])


def _imported(module: Module, known: set[str], *, inner: bool) -> Iterator[str]:
  for node in _imports(module.tree, inner=inner):
    if isinstance(node, ast.Import):
      for alias in node.names:
        yield from _nearest(alias.name, known)
      continue
    base = node.module or ''
    if node.level:
      parts = module.name.split('.')
      parts = parts[: len(parts) - node.level + module.is_package]
      base = '.'.join([*parts, *filter(None, [node.module])])
    for alias in node.names:
      # What is imported is a module, or something that is in one.
      yield from _nearest(f'{base}.{alias.name}', known)


def _imports(
  node: ast.AST, *, inner: bool
) -> Iterator[ast.Import | ast.ImportFrom]:
  for child in ast.iter_child_nodes(node):
    if isinstance(child, ast.Import | ast.ImportFrom):
      yield child
    elif isinstance(child, ast.If) and 'TYPE_CHECKING' in ast.unparse(
      child.test
    ):
      continue
    elif inner or not isinstance(child, ast.FunctionDef):
      yield from _imports(child, inner=inner)


def _nearest(name: str, known: set[str]) -> Iterator[str]:
  """The module that a dotted name is, or is in; none of other packages."""
  while name == PACKAGE or name.startswith(f'{PACKAGE}.'):
    if name in known:
      yield name
      return
    name = name.rpartition('.')[0]
