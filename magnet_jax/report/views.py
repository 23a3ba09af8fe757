"""What a person looks at of an image: its layers as small PNG and JPEG files.

A folder an image: the photograph, and of the truth and of every stage the class
of each pixel as grey values, how unsure it was, and the points replaced.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
import dataclasses
import io
import json
import pathlib
import shutil
from typing import Any

import numpy as np
from PIL import Image

from magnet_jax.files import atomic, records
from magnet_jax.files.atomic import PathLike
from magnet_jax.predict.panel import StageView
from magnet_jax.types import InputError, Sample

_ABOUT = 'view.json'
_FOLDER = 'views'
_QUALITY = 88
SHRUNK = (1, 2, 4, 8)  # by what photograph and uncertainty may be divided
_MIMES = {'.png': 'image/png', '.jpg': 'image/jpeg'}


@dataclasses.dataclass(frozen=True)
class View:
  """The layers of an image, as files.

  Attributes:
    folder: where they are.
    about: name, size, and the names of the files; see `write`.
  """

  folder: pathlib.Path
  about: dict[str, Any]

  @property
  def name(self) -> str:
    """What the image is called."""
    return str(self.about['name'])

  def encoded(self, shrunk: int = 1) -> dict[str, Any]:
    """The layers in the page's own form, each file a data URL.

    Args:
      shrunk: by what the sides of the photograph and the uncertainties are
        divided. Classes and points stay as they are, to the pixel.

    Raises:
      InputError: if a file is missing or damaged.
    """
    stages = [
      {
        'title': stage['title'],
        'label': self._url(stage['label']),
        'uncertainty': self._url(stage.get('uncertainty'), shrunk),
        'points': self._url(stage.get('points')),
      }
      for stage in self.about['stages']
    ]
    return {
      'name': self.name,
      'size': self.about['size'],
      'shrunk': shrunk,
      'image': self._url(self.about['image'], shrunk),
      'truth': self._url(self.about.get('truth')),
      'stages': stages,
    }

  def _url(self, name: str | None, shrunk: int = 1) -> str | None:
    if name is None:
      return None
    path = self.folder / name
    try:
      data = path.read_bytes()
      with Image.open(io.BytesIO(data)) as picture:
        picture.load()
        if shrunk > 1:
          data = _encode(path.suffix, picture.reduce(shrunk))
    except OSError as error:
      raise InputError(
        f'{path}: is missing or damaged, but {_ABOUT} beside it names it; '
        'remove the folder to do without the picture, or evaluate again'
      ) from error
    text = base64.b64encode(data).decode()
    return f'data:{_MIMES[path.suffix]};base64,{text}'


def write(
  run: PathLike,
  number: int,
  sample: Sample,
  columns: Sequence[StageView],
) -> None:
  """Writes the layers of one image into a run's folder.

  Args:
    run: the folder.
    number: of the image among those shown.
    sample: the image, with its label or without.
    columns: the stages, coarse to fine.

  Raises:
    InputError: the system refuses to write.
  """
  folder = pathlib.Path(run) / _FOLDER / str(number)
  atomic.prepare_folder(folder)
  stages = []
  for index, view in enumerate(columns):
    stage = {'title': view.title, 'label': f'label_{index}.png'}
    _save(folder / stage['label'], view.label)
    if view.uncertainty is not None:
      stage['uncertainty'] = f'uncertainty_{index}.png'
      grey = np.round(np.clip(view.uncertainty, 0, 1) * 255).astype(np.uint8)
      _save(folder / stage['uncertainty'], grey)
    if view.points is not None:
      stage['points'] = f'points_{index}.png'
      _save(folder / stage['points'], view.points)
    stages.append(stage)
  about = {
    'name': sample.name,
    'size': sample.image.shape[:2],
    'image': 'image.jpg',
    'stages': stages,
  }
  _save(folder / 'image.jpg', sample.image)
  if sample.label is not None:
    about['truth'] = 'truth.png'
    _save(folder / 'truth.png', sample.label)
  records.write_json(folder / _ABOUT, about)


def clear(run: PathLike) -> None:
  """Removes all views of a run."""
  shutil.rmtree(pathlib.Path(run) / _FOLDER, ignore_errors=True)


def read(run: PathLike) -> list[View]:
  """The views of a run's folder, in their order; none if it has none.

  Raises:
    InputError: if one is damaged.
  """
  found = []
  for path in sorted(
    pathlib.Path(run).glob(f'{_FOLDER}/*/{_ABOUT}'),
    key=lambda path: (len(path.parent.name), path.parent.name),
  ):
    try:
      about = json.loads(path.read_bytes())
      _ = [stage['title'] + stage['label'] for stage in about['stages']]
      _ = about['name'] + about['image'], [int(side) for side in about['size']]
    except (OSError, ValueError, KeyError, TypeError) as error:
      raise InputError(
        f'{path}: does not describe a picture, as by a copy that was cut off; '
        'remove its folder, or evaluate again'
      ) from error
    found.append(View(path.parent, about))
  return found


def _save(path: pathlib.Path, pixels: np.ndarray) -> None:
  atomic.write_bytes(path, _encode(path.suffix, Image.fromarray(pixels)))


def _encode(suffix: str, picture: Image.Image) -> bytes:
  stream = io.BytesIO()
  if suffix == '.jpg':
    picture.save(stream, 'JPEG', quality=_QUALITY)
  else:
    picture.save(stream, 'PNG', optimize=True)
  return stream.getvalue()
