"""The files of a package, and what can be counted in each."""

import ast
import dataclasses
import functools
import io
import pathlib
import re
import tokenize

PACKAGE = 'magnet_jax'
# Settings, not code; in older versions they lie beside the package.
_LEFT_OUT = ('configs', '__pycache__')
_DIRECTIVES = re.compile(r'#\s*(fmt|type|noqa|ruff|pragma|mypy)\b')
_DOCUMENTED = (
  ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef,
)  # fmt: skip
_PLANS = ('plan', 'stages')
_CASCADES = re.compile(r'(Any)?(Cascade|Released)\w*')


@dataclasses.dataclass(frozen=True)
class Module:
  """One file of the package.

  Attributes:
    path: from the package's folder, with slashes.
    text: what it says.
  """

  path: str
  text: str

  @property
  def name(self) -> str:
    """As it is imported: 'magnet_jax.ops.median'."""
    parts = self.path.removesuffix('.py').split('/')
    if parts[-1] == '__init__':
      parts.pop()
    return '.'.join([PACKAGE, *parts])

  @property
  def is_package(self) -> bool:
    """Whether it is the file of a folder."""
    return self.path.split('/')[-1] == '__init__.py'

  @functools.cached_property
  def tree(self) -> ast.Module:
    """The file, parsed."""
    return ast.parse(self.text)

  @functools.cached_property
  def nodes(self) -> list[ast.AST]:
    """All nodes of the tree."""
    return list(ast.walk(self.tree))

  @property
  def lines(self) -> int:
    """Lines, blank ones and comments included."""
    return self.text.count('\n')

  @property
  def statements(self) -> int:
    """Statements, simple and compound, but for docstrings."""
    docstrings = sum(
      isinstance(node, _DOCUMENTED) and ast.get_docstring(node) is not None
      for node in self.nodes
    )
    return sum(isinstance(node, ast.stmt) for node in self.nodes) - docstrings

  @property
  def anys(self) -> int:
    """How often `Any` is used, by name or as `typing.Any`."""
    return sum(_last_name(node) == 'Any' for node in self.nodes)

  @property
  def privates(self) -> int:
    """Functions and methods of names such as `_run`, but not `__init__`."""
    return sum(
      isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
      and node.name.startswith('_')
      and not node.name.endswith('__')
      for node in self.nodes
    )

  @functools.cached_property
  def comments(self) -> list[str]:
    """All comments, directives to tools included."""
    tokens = tokenize.generate_tokens(io.StringIO(self.text).readline)
    return [t.string for t in tokens if t.type == tokenize.COMMENT]

  @property
  def words(self) -> int:
    """Comments that are for people."""
    return sum(not _DIRECTIVES.match(comment) for comment in self.comments)

  @property
  def skips(self) -> int:
    """Statements that the formatter leaves alone."""
    return sum('fmt: skip' in comment for comment in self.comments)

  def kind_checks(self) -> list[str]:
    """Where an object is asked whether it is a cascade of some class."""
    return [
      f'{self.path}:{node.lineno}'
      for node in self.nodes
      if isinstance(node, ast.Call)
      and _last_name(node.func) == 'isinstance'
      and len(node.args) == 2
      and any(
        _CASCADES.fullmatch(_last_name(part)) for part in ast.walk(node.args[1])
      )
    ]

  def stage_loops(self) -> list[str]:
    """Where a `for` goes over the stages after the first."""
    return self._loops(later=True)

  def stage_readers(self) -> list[str]:
    """Where a `for` goes over all stages, or over what a loop yields."""
    return self._loops(later=False)

  def _loops(self, *, later: bool) -> list[str]:
    found = []
    for node in ast.walk(self.tree):
      if not isinstance(node, ast.FunctionDef):
        continue
      for loop in _own_nodes(node):
        if not isinstance(loop, ast.For):
          continue
        kind = _goes_over_later(loop.iter)
        if kind if later else not kind and _goes_over_all(loop.iter):
          place = f'{self.path}:{loop.lineno} {node.name}'
          found.append(f'{place}: for … in {ast.unparse(loop.iter)}')
    return found


def read(tree: pathlib.Path) -> list[Module]:
  """All modules of a tree's package."""
  folder = tree / PACKAGE
  return [
    Module(path.relative_to(folder).as_posix(), path.read_text())
    for path in sorted(folder.rglob('*.py'))
    if not set(path.relative_to(folder).parts) & set(_LEFT_OUT)
  ]


def _last_name(node: ast.AST) -> str:
  """'c' of `a.b.c`; '' of what is no name."""
  if isinstance(node, ast.Attribute):
    return node.attr
  return node.id if isinstance(node, ast.Name) else ''


def _own_nodes(function: ast.FunctionDef) -> list[ast.AST]:
  """Nodes of a function, without those of functions in it."""
  found, waiting = [], list(ast.iter_child_nodes(function))
  while waiting:
    node = waiting.pop(0)
    found.append(node)
    if not isinstance(node, ast.FunctionDef | ast.ClassDef):
      waiting += ast.iter_child_nodes(node)
  return found


def _is_plan(node: ast.AST) -> bool:
  name = _last_name(node)
  return name.lstrip('_') in _PLANS or name.endswith('_plan')


def _goes_over_later(iterable: ast.expr) -> bool:
  """`plan[1:]`, `pairwise(plan)` or `range(1, len(plan))`, of any nesting."""
  for node in ast.walk(iterable):
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
      if _is_plan(node.value):
        return True
    elif isinstance(node, ast.Call):
      name, plans = _last_name(node.func), [*map(_is_plan, node.args)]
      if name == 'pairwise' and any(plans):
        return True
      if name == 'range' and any(
        isinstance(part, ast.Call) and any(map(_is_plan, part.args))
        for part in node.args
      ):
        return True
  return False


def _goes_over_all(iterable: ast.expr) -> bool:
  """`plan`, `enumerate(plan)` or `cascade.stages(…)`."""
  return any(map(_is_plan, ast.walk(iterable)))
