"""Trainings that start from weights that are there already."""

from typing import Any

from magnet_jax.files import checkpoints, trees
from magnet_jax.files.atomic import PathLike
from magnet_jax.train.state import Variables
from magnet_jax.types import InputError


def frozen(path: PathLike, template: Any = None) -> Variables:
  """The segmenter that a refiner is trained with.

  Args:
    path: a run, a checkpoint or an exported model.
    template: shapes of the network that the config describes, to compare.

  Raises:
    InputError: it has no segmenter, or another one.
  """
  found = _load(path, ('segmenter',))
  return found if template is None else _fit(found, template, path)


def segmenter(variables: Variables, path: PathLike) -> Variables:
  """Puts a trained segmenter, or a trunk alone, in place of fresh weights.

  Args:
    variables: the fresh ones, for the shapes.
    path: a run, a checkpoint, an exported model, or a converted trunk.

  Raises:
    InputError: nothing fitting is there; names the first array that differs.
  """
  found = _load(path, ('segmenter', 'trunk'))
  if 'trunk' not in found:
    return _fit(found, variables, path)
  if 'trunk' not in variables['params']:
    raise InputError(
      f'{path}: is a trunk alone, and the segmenter has none of its own kind; '
      'choose a segmenter with a ResNet trunk, such as fpn, or leave out init'
    )
  parts = {
    name: {**tree, 'trunk': found['trunk'][name]}
    for name, tree in variables.items()
  }
  return _fit(parts, variables, path)


def refiner(variables: Variables, path: PathLike) -> Variables:
  """Puts a trained refiner in place of fresh weights; as `segmenter`."""
  return _fit(_load(path, ('refiner',)), variables, path)


def _fit(found: Any, variables: Variables, path: PathLike) -> Variables:
  fitted: Variables = trees.fit(found, variables, str(path))
  return fitted


def _load(path: PathLike, kinds: tuple[str, ...]) -> Variables:
  """Variables of the first kind that is there; a trunk's by that name."""
  loaded, _ = checkpoints.load(path)
  for kind in kinds:
    if kind in loaded:
      found: Variables = loaded[kind]
      return {kind: found} if kind == 'trunk' else found
  raise InputError(
    f'{path}: holds {", ".join(sorted(loaded))}, not a {" or a ".join(kinds)}; '
    'give a checkpoint that does'
  )
