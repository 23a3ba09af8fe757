"""The models that the package carries, by name."""

import os
import pathlib

from magnet_jax.files.atomic import PathLike
from magnet_jax.types import InputError

AERIAL, SCENES = 'aerial', 'scenes'
# What each was trained on; docs/publishing.md has their recipes and licences.
MODELS = {
  AERIAL: 'aerial images of Dubai: building, land, road, vegetation, water',
  SCENES: 'generated aerial scenes',
}
_FOLDER = pathlib.Path(__file__).parents[1] / 'embedded'


def file(name: str) -> pathlib.Path:
  """Returns the file of a name, whatever is in the current folder."""
  return _FOLDER / f'{name}.npz'


def find(path: PathLike) -> pathlib.Path:
  """Returns a path if something is there, else the embedded model of this name.

  Raises:
    InputError: it is neither.
  """
  name = os.fspath(path)
  if is_name(name):
    return file(name)
  if os.path.lexists(path):
    return pathlib.Path(path)
  raise InputError(
    f'{name}: no such file or folder; check the path, or choose an embedded '
    f'model: {" or ".join(MODELS)}'
  )


def is_name(path: PathLike) -> bool:
  """Returns whether `find` takes it as the name of an embedded model."""
  return os.fspath(path) in MODELS and not os.path.lexists(path)


def told(path: str) -> str:
  """Returns 'embedded model NAME' for the name of one, else the path."""
  return f'embedded model {path}' if path in MODELS else path
