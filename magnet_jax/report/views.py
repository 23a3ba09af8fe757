"""Keeps the pictures of an image for the viewer, as small PNG and JPEG files.

One folder per image: the photograph, the truth, and one folder per method with
the results of its stages: the class of each pixel as grey values, its
uncertainty, and the points that were replaced.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
import dataclasses
import io
import pathlib
import re
import shutil
from typing import TypedDict

import numpy as np
from PIL import Image

from magnet_jax.files import atomic, decoding, records
from magnet_jax.files.atomic import PathLike
from magnet_jax.predict.panel import StageView
from magnet_jax.report import view_json
from magnet_jax.report.view_json import About, Stage
from magnet_jax.types import InputError, Sample

_FOLDER = 'views'
_QUALITY = 88
# Divisors of the sides of the photograph and of uncertainties, to try in order.
SHRUNK = ((1, 1), (1, 2), (1, 4), (2, 4), (4, 8), (8, 8))


class EncodedStage(TypedDict):
  """A stage in the page's own form; files are data URLs."""

  method: str
  title: str
  label: str | None
  uncertainty: str | None
  points: str | None


class Encoded(TypedDict):
  """An image in the page's own form; files are data URLs."""

  name: str
  size: list[int]
  shrunk: int
  image: str | None
  truth: str | None
  start: int  # the stage that is shown first
  stages: list[EncodedStage]


@dataclasses.dataclass(frozen=True)
class View:
  """The layers of an image, as files.

  Attributes:
    folder: where they are.
    about: which layers there are.
    reference: the method that is shown first.
  """

  folder: pathlib.Path
  about: About
  reference: str = ''

  @property
  def name(self) -> str:
    """Name of the image."""
    return self.about['name']

  def encoded(self, shrunk: tuple[int, int] = (1, 1)) -> Encoded:
    """Returns the layers in the page's own form, each file a data URL.

    Args:
      shrunk: divisors of the sides of the photograph, and of the uncertainties.
        Classes and points keep every pixel.

    Raises:
      InputError: a file is missing or damaged.
    """
    stages = self.about['stages']
    own = [n for n, s in enumerate(stages) if s.get('method') == self.reference]
    return {
      'name': self.name,
      'size': self.about['size'],
      'shrunk': shrunk[0],
      'image': self._url(self.about['image'], shrunk[0]),
      'truth': self._url(self.about.get('truth')),
      'start': own[-1] if own else len(stages) - 1,
      'stages': [
        {
          'method': stage.get('method', ''),
          'title': stage['title'],
          'label': self._url(stage['label']),
          'uncertainty': self._url(stage.get('uncertainty'), shrunk[1]),
          'points': self._url(stage.get('points')),
        }
        for stage in stages
      ],
    }

  def _url(self, name: str | None, shrunk: int = 1) -> str | None:
    if name is None:
      return None
    path = self.folder / name
    try:
      if not path.resolve().is_relative_to(self.folder.resolve()):
        raise InputError(f'{path}: is a link out of its folder; remove it')
      data = decoding.read_file(path)
      with decoding.opened(decoding.Encoded(str(path), data)) as picture:
        picture.load()
        if shrunk > 1:
          data = _encode(path.suffix, picture.reduce(shrunk))
    except (OSError, InputError) as error:
      raise InputError(
        f'{path}: is missing or damaged, but {view_json.NAME} names it; remove '
        'the folder to do without the picture, or evaluate again'
      ) from error
    text = base64.b64encode(data).decode()
    return f'data:{view_json.MIMES[path.suffix]};base64,{text}'


def add(
  run: PathLike,
  number: int,
  sample: Sample,
  method: str,
  columns: Sequence[StageView],
  *,
  panel: bool = False,
) -> None:
  """Adds a method's results for an image to the pictures of a run.

  Args:
    run: its folder.
    number: of the image among those shown.
    sample: the image, with or without its label.
    method: its name; its earlier pictures are replaced.
    columns: its stages, coarse to fine.
    panel: whether the panel of the image shows this method.

  Raises:
    InputError: writing fails.
  """
  folder = _folder(run, number)
  about = _known(folder)
  if about is None:
    shutil.rmtree(folder, ignore_errors=True)  # from an older version
    atomic.prepare_folder(folder)
    about = _begin(folder, sample)
  inside = _safe(method)
  atomic.prepare_folder(folder / inside)
  stages = [stage for stage in about['stages'] if stage.get('method') != method]
  for index, view in enumerate(columns):
    stage: Stage = {
      'method': method,
      'title': view.title,
      'label': f'{inside}/label_{index}.png',
    }
    _save(folder / stage['label'], view.label)
    if view.uncertainty is not None:
      stage['uncertainty'] = f'{inside}/uncertainty_{index}.png'
      grey = np.round(np.clip(view.uncertainty, 0, 1) * 255).astype(np.uint8)
      _save(folder / stage['uncertainty'], grey)
    if view.points is not None:
      stage['points'] = f'{inside}/points_{index}.png'
      _save(folder / stage['points'], view.points)
    stages.append(stage)
  about['stages'] = stages
  if panel:
    about['panel'] = method
  records.write_json(folder / view_json.NAME, about)


def _begin(folder: pathlib.Path, sample: Sample) -> About:
  """Writes the photograph and the truth."""
  about: About = {
    'name': sample.name,
    'size': list(sample.image.shape[:2]),
    'image': 'image.jpg',
    'stages': [],
  }
  _save(folder / about['image'], sample.image)
  if sample.label is not None:
    about['truth'] = 'truth.png'
    _save(folder / about['truth'], sample.label)
  return about


def shown(run: PathLike, number: int) -> tuple[set[str], str]:
  """Returns the methods shown for an image, and the one in its panel."""
  about = _known(_folder(run, number))
  if about is None:
    return set(), ''
  return {s['method'] for s in about['stages']}, about.get('panel', '')


def clear(run: PathLike, first: int = 0) -> None:
  """Removes the views of a run from image `first` on."""
  for folder in (pathlib.Path(run) / _FOLDER).glob('*'):
    if folder.name.isdecimal() and int(folder.name) >= first:
      shutil.rmtree(folder, ignore_errors=True)


def read(
  run: PathLike, methods: Sequence[str] = (), reference: str = ''
) -> list[View]:
  """Reads the views of a run's folder, in their order; none if it has none.

  Args:
    run: the folder.
    methods: the order in which they are listed.
    reference: the method that is shown first.

  Raises:
    InputError: one of them is damaged.
  """
  place = {method: number for number, method in enumerate(methods)}
  found = []
  for path in sorted(
    pathlib.Path(run).glob(f'{_FOLDER}/*/{view_json.NAME}'),
    key=lambda path: (len(path.parent.name), path.parent.name),
  ):
    about = view_json.read(path)
    about['stages'].sort(
      key=lambda stage: place.get(stage.get('method', ''), len(place))
    )
    found.append(View(path.parent, about, reference))
  return found


def _folder(run: PathLike, number: int) -> pathlib.Path:
  return pathlib.Path(run) / _FOLDER / str(number)


def _known(folder: pathlib.Path) -> About | None:
  """The contents of a view.json; None if the folder must be made again."""
  try:
    about = view_json.read(folder / view_json.NAME)
  except InputError:
    return None
  return about if all('method' in s for s in about['stages']) else None


def _safe(method: str) -> str:
  """A method's name as a folder name: letters, digits, '.', '_' and '-'."""
  return re.sub(r'[^\w.-]', '_', method)


def _save(path: pathlib.Path, pixels: np.ndarray) -> None:
  atomic.write_bytes(path, _encode(path.suffix, Image.fromarray(pixels)))


def _encode(suffix: str, picture: Image.Image) -> bytes:
  stream = io.BytesIO()
  if suffix == '.jpg':
    picture.save(stream, 'JPEG', quality=_QUALITY)
  else:
    picture.save(stream, 'PNG', optimize=True)
  return stream.getvalue()
