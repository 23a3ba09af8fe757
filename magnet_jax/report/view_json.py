"""The description of an image's pictures, which may come from elsewhere."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import NotRequired, TypedDict, cast

from magnet_jax import checked
from magnet_jax.files import plain_json
from magnet_jax.types import InputError

NAME = 'view.json'
MIMES = {'.png': 'image/png', '.jpg': 'image/jpeg'}
_LONGEST = 2**24  # side of an image


class Stage(TypedDict):
  """The result of one stage: a title and the names of its files."""

  method: NotRequired[str]  # older pictures were of one method
  title: str
  label: str
  uncertainty: NotRequired[str]
  points: NotRequired[str]


class About(TypedDict):
  """The contents of view.json: the image's name, (height, width) and files."""

  name: str
  size: list[int]
  image: str
  truth: NotRequired[str]
  stages: list[Stage]
  panel: NotRequired[str]  # the method shown in the panel beside it


def read(path: pathlib.Path) -> About:
  """Reads a view.json, whose files are all in its folder.

  Raises:
    InputError: it is missing, damaged, or names other files.
  """
  try:
    about = plain_json.read(path, 'evaluate again')
    checked.call(_check, about, 'it')
  except InputError as error:
    raise InputError(
      f'{path}: does not describe a picture ({error}), perhaps because a copy '
      'was cut off; remove its folder, or evaluate again'
    ) from error
  return cast(About, about)


@dataclasses.dataclass(frozen=True)
class _Stage:
  """The types of a stage in view.json, all of whose files are beside it."""

  title: str
  label: str
  method: str = ''
  uncertainty: str | None = None
  points: str | None = None

  def __post_init__(self) -> None:
    _beside(self.label, self.uncertainty, self.points)


def _check(
  *,
  name: str,
  size: tuple[int, int],
  image: str,
  stages: tuple[_Stage, ...],
  truth: str | None = None,
  panel: str = '',
) -> None:
  """Takes what view.json must be; raises InputError for what does not fit."""
  if not all(0 < side <= _LONGEST for side in size):
    raise InputError(f'size {size}: must be from 1 to {_LONGEST}; correct it')
  _beside(image, truth)


def _beside(*names: str | None) -> None:
  """Raises InputError for a file that is not in the folder of the view."""
  for name in names:
    if name is None:
      continue
    path = pathlib.PurePath(name)
    inside = not path.is_absolute() and '..' not in path.parts
    if not (inside and path.suffix in MIMES and name.isprintable()):
      raise InputError(
        f'{name!r:.60}: must be a file of {", ".join(MIMES)} in its folder; '
        'correct it'
      )
