"""Initial weights of trainings from models that exist already."""

from collections.abc import Mapping
import functools
from typing import Any

from magnet_jax import parallel
from magnet_jax.files import checkpoints, trees
from magnet_jax.files.atomic import PathLike
from magnet_jax.train.state import Variables
from magnet_jax.types import InputError, Section
from magnet_jax.weights import pretrained

TRUNK = 'trunk:'  # before a model of whose segmenter the trunk alone is used


def check(path: PathLike, *kinds: str, trunk: str = '') -> None:
  """Checks that there is something to start from, before anything is written.

  Args:
    path: a run, a checkpoint or an exported model; such after TRUNK, of which
      a trunk is used; or 'imagenet'.
    *kinds: 'segmenter', 'trunk' or 'refiner', one of which it must hold.
    trunk: name of the trunk for 'imagenet'.

  Raises:
    InputError: it is missing or damaged, or holds nothing of these kinds.
  """
  if path == 'imagenet':
    pretrained.file(trunk)
  elif str(path).startswith(TRUNK):
    _load(str(path).removeprefix(TRUNK), ('trunk', 'segmenter'))
  else:
    _load(path, kinds)


def any_of(variables: Variables, init: str, settings: Section) -> Variables:
  """Replaces a fresh segmenter's weights by those that a config names.

  Args:
    variables: the fresh weights.
    init: 'imagenet', what `segmenter` takes, or such after TRUNK; '' for
      nothing.
    settings: of the segmenter; names its trunk.

  Raises:
    InputError: nothing there fits.
  """
  if init == 'imagenet':
    return imagenet(variables, settings.get('trunk', 'none'))
  if init.startswith(TRUNK):
    return trunk_of(variables, init.removeprefix(TRUNK))
  return segmenter(variables, init, settings) if init else variables


def frozen(path: PathLike, template: Any = None) -> Variables:
  """Loads the segmenter that a refiner is trained with.

  Args:
    path: a run, a checkpoint or an exported model.
    template: shapes of the network that the config describes, to check them.

  Raises:
    InputError: it has no segmenter, or one with other shapes.
  """
  found = _load(path, ('segmenter',))
  return found if template is None else _fit(found, template, path)


def broadcast(path: PathLike, shapes: Variables) -> Variables:
  """Returns in all processes what `frozen` loads in process 0.

  Args:
    path: as for `frozen`; only process 0 needs it.
    shapes: of the segmenter that the config describes.

  Raises:
    InputError: as `frozen`.
  """
  load = functools.partial(frozen, path, shapes)
  return parallel.from_main(load, lambda: shapes)


def segmenter(
  variables: Variables, path: PathLike, settings: Section
) -> Variables:
  """Replaces fresh weights by a trained segmenter, or by a trunk only.

  Args:
    variables: the fresh weights, for their shapes.
    path: a run, a checkpoint, an exported model, or a converted trunk.
    settings: of the segmenter.

  Raises:
    InputError: nothing there fits; names the settings that fit it, or the
      first array that differs.
  """
  found = _load(path, ('segmenter', 'trunk'))
  whole = 'trunk' not in found
  if not whole and 'trunk' not in variables['params']:
    raise InputError(
      f'{path}: is only a trunk, which this segmenter cannot use; choose a '
      'segmenter that has one, such as fpn, or leave out init'
    )
  try:
    if whole:
      return _fit(found, variables, path)
    return _with_trunk(variables, found['trunk'], path)
  except InputError as error:
    flags = _flags_for(path, settings)
    if not flags:
      raise
    raise InputError(
      f'{path}: is another {"network" if whole else "trunk"} than that of the '
      f'config; add {flags}'
    ) from error


def _flags_for(path: PathLike, settings: Section) -> str:
  """Returns the flags that give a segmenter the networks of a path."""
  _, meta = checkpoints.load(path)
  wanted = meta.config.get('segmenter')
  if not isinstance(wanted, Mapping):
    return ''
  # What the config does not set is the default of the trunk that is named.
  return ' '.join(
    f'--config.segmenter.{name}={value}'
    for name, value in wanted.items()
    if settings.get(name, value if name != 'trunk' else '') != value
  )


def imagenet(variables: Variables, trunk: str) -> Variables:
  """Replaces a fresh segmenter's trunk by one with ImageNet weights.

  Args:
    variables: the fresh weights.
    trunk: its name, one of `pretrained.PACKAGES`; 'none' without one.

  Raises:
    InputError: there are no such weights, or they cannot be read.
  """
  fresh = {name: tree.get('trunk') for name, tree in variables.items()}
  found = pretrained.trunk(trunk, fresh)
  return _with_trunk(variables, found, f'ImageNet weights of {trunk}')


def trunk_of(variables: Variables, path: PathLike) -> Variables:
  """Replaces a fresh network's trunk by that of a trained segmenter.

  Args:
    variables: the fresh weights, for their shapes.
    path: a run, a checkpoint, an exported model, or a converted trunk.

  Raises:
    InputError: nothing there fits; names the first array that differs.
  """
  found = _load(path, ('trunk', 'segmenter'))
  trunks = found.get('trunk') or {
    name: tree.get('trunk', {}) for name, tree in found.items()
  }
  if not all('trunk' in tree for tree in variables.values()):
    raise InputError(
      f'{TRUNK}{path}: the network has no trunk; choose one that has, or leave '
      'out init'
    )
  # What a shorter trunk lacks is left out.
  parts = {
    name: {
      **tree,
      'trunk': {
        part: weights
        for part, weights in trunks.get(name, {}).items()
        if part in tree['trunk']
      },
    }
    for name, tree in variables.items()
  }
  return _fit(parts, variables, path)


def network(
  variables: Variables, path: PathLike, kind: str = 'refiner'
) -> Variables:
  """Replaces fresh weights by a trained refiner or another kind of network."""
  return _fit(_load(path, (kind,)), variables, path)


def _with_trunk(
  variables: Variables, trunks: Section, path: PathLike
) -> Variables:
  """Replaces the trunk of fresh weights, by kind of variables."""
  parts = {
    kind: {**tree, 'trunk': trunks.get(kind, {})}
    for kind, tree in variables.items()
  }
  return _fit(parts, variables, path)


def _fit(found: Any, variables: Variables, path: PathLike) -> Variables:
  fitted: Variables = trees.fit(found, variables, str(path))
  return fitted


def _load(path: PathLike, kinds: tuple[str, ...]) -> Variables:
  """Variables of the first kind that is there; those of a trunk by name."""
  loaded, _ = checkpoints.load(path)
  for kind in kinds:
    if kind in loaded:
      found: Variables = loaded[kind]
      return {kind: found} if kind == 'trunk' else found
  raise InputError(
    f'{path}: holds {", ".join(sorted(loaded))}, not a {" or a ".join(kinds)}; '
    'give a checkpoint that does'
  )
