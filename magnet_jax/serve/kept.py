"""The images that were dropped into the page, and what was made of each."""

from __future__ import annotations

from collections.abc import Sequence
import dataclasses
import pathlib

import numpy as np

from magnet_jax import checked
from magnet_jax.data import tones
from magnet_jax.data.tones import Tones
from magnet_jax.files import atomic, images, plain_json, records
from magnet_jax.files.atomic import PathLike
from magnet_jax.files.decoding import Encoded
from magnet_jax.predict import pictures
from magnet_jax.predict.panel import StageView
from magnet_jax.rasters.rasters import ArrayRaster
from magnet_jax.report import views
from magnet_jax.report.views import View
from magnet_jax.types import ClassTable, InputError, Sample, Size

_ABOUT = 'image.json'
_UPLOAD = 'upload'


@dataclasses.dataclass(frozen=True)
class Done:
  """One way in which an image was segmented.

  Attributes:
    title: the method and its settings.
    windows: that the segmenter has seen.
    seconds: what it took, without compiling.
    label: name of the file of class indices.
    overlay: name of the tinted image's file.
  """

  title: str
  windows: int
  seconds: float
  label: str
  overlay: str


@dataclasses.dataclass(frozen=True)
class _About:
  """The contents of image.json."""

  name: str
  size: Size
  unlike: str = ''
  done: tuple[Done, ...] = ()


@dataclasses.dataclass(frozen=True)
class Kept:
  """An image and its results, in a folder of its own.

  Attributes:
    folder: of its files.
    name: of the file that was given.
    size: (height, width).
    unlike: a line about how it differs from the images of the training; '' if
      it does not.
    done: what was made of it, the first way first.
  """

  folder: pathlib.Path
  name: str
  size: Size
  unlike: str
  done: tuple[Done, ...]

  @property
  def number(self) -> int:
    """Its number among the images."""
    return int(self.folder.name)

  def pixels(self, most: int) -> np.ndarray:
    """Reads the image: uint8 [H,W,3].

    Args:
      most: pixels that may be decoded.
    """
    return images.read_image(self.folder / _UPLOAD, max_pixels=most)

  def views(self) -> list[View]:
    """Returns its layers for the viewer; none before it was segmented."""
    titles = [each.title for each in self.done]
    return views.read(self.folder, titles, titles[-1] if titles else '')

  def add(
    self,
    image: np.ndarray,
    columns: Sequence[StageView],
    classes: ClassTable,
    done: Done,
  ) -> None:
    """Writes the results of one way, instead of those of the same title.

    Args:
      image: uint8 [H,W,3].
      columns: its stages, coarse to fine.
      classes: names and colours.
      done: about the way; its files are written here.
    """
    label = columns[-1].label
    images.write_label(self.folder / done.label, label, classes)
    tinted = pictures.overlay(image, label, classes)
    images.write_image(self.folder / done.overlay, tinted)
    sample = Sample(self.name, image)
    views.add(self.folder, 0, sample, done.title, columns)
    about = _read(self.folder)
    others = [each for each in about.done if each.title != done.title]
    _write(self.folder, dataclasses.replace(about, done=(*others, done)))


def add(
  folder: pathlib.Path, name: str, data: bytes, trained: Tones, most: int
) -> Kept:
  """Keeps an image in a new folder.

  Args:
    folder: of all images.
    name: of its file.
    data: the file's bytes.
    trained: of the images that the model was trained on.
    most: pixels that it may have.

  Raises:
    InputError: it is none that can be read, too large, or cannot be kept.
  """
  name = pathlib.PurePath(name).name or 'image'
  # Decoded whole: what is damaged is refused before it is kept.
  pixels = images.read_image(Encoded(name, data), max_pixels=most)
  numbers = [kept.number for kept in read(folder)]
  own = atomic.prepare_folder(folder / str(max(numbers, default=0) + 1))
  atomic.write_bytes(own / _UPLOAD, data)
  traits = tones.measure(ArrayRaster(pixels)) if trained else None
  unlike = tones.remark(trained, [(name, traits)]) if traits else ''
  _write(own, _About(name, (pixels.shape[0], pixels.shape[1]), unlike))
  return find(own)


def find(folder: pathlib.Path) -> Kept:
  """Returns the image that was kept in a folder.

  Raises:
    InputError: there is none, or its description is damaged.
  """
  about = _read(folder)
  return Kept(folder, about.name, about.size, about.unlike, about.done)


def read(folder: PathLike) -> list[Kept]:
  """Returns the images that were kept in the folder of all, in their order.

  Raises:
    InputError: the description of one is damaged.
  """
  found = [
    find(path.parent)
    for path in pathlib.Path(folder).glob(f'*/{_ABOUT}')
    if path.parent.name.isdecimal()
  ]
  return sorted(found, key=lambda kept: kept.number)


def _read(folder: pathlib.Path) -> _About:
  path = folder / _ABOUT
  try:
    return checked.call(_About, plain_json.read(path, 'remove its folder'), '')
  except InputError as error:
    raise InputError(
      f'{path}: does not describe an image ({error}); remove its folder'
    ) from error


def _write(folder: pathlib.Path, about: _About) -> None:
  records.write_json(folder / _ABOUT, dataclasses.asdict(about))
