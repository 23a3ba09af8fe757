"""How the files of a sample are read: bands, value range, orientation."""

from collections.abc import Mapping
import dataclasses
import pathlib
from typing import Any

import numpy as np

from magnet_jax.files import decoding, images
from magnet_jax.files.atomic import PathLike
from magnet_jax.rasters import open_image, rasters, stretching
from magnet_jax.types import ClassTable, InputError, Sample, Size


@dataclasses.dataclass(frozen=True)
class Reading:
  """How images become 8-bit RGB; the defaults suit photographs.

  Attributes:
    bands: one or three bands, counted from 1, as red, green and blue; () takes
      the one or three that the file has besides alpha.
    stretch: how values of more than 8 bits become 8, see `rasters.stretching`.
    turn: whether to apply the EXIF orientation of images; False for labels
      that were drawn on the pixels as stored.
  """

  bands: tuple[int, ...] = ()
  stretch: str = 'none'
  turn: bool = True

  def __post_init__(self) -> None:
    stretching.parse(self.stretch)

  def size(self, path: PathLike) -> Size:
    """Returns (height, width) of what `image` returns, from the header.

    Raises:
      InputError: missing, empty, damaged or of another format.
    """
    try:
      return images.read_size(path, turned=self.turn)
    except InputError:
      # Pillow does not open TIFF files with four or more plain bands.
      if not self._special:
        raise
    raster = self._open(path)
    try:
      return raster.size
    finally:
      raster.close()

  def image(self, path: PathLike) -> tuple[np.ndarray, np.ndarray | None]:
    """Reads a whole image.

    Returns:
      uint8 [H,W,3], RGB; bool [H,W], False where alpha is 0 or the file
      declares no data, or None if there is data everywhere.

    Raises:
      InputError: missing, damaged, or without the requested bands or range.
    """
    if not self.turn and not self._special:
      return images.read_image(path, turned=False), None
    raster = self._open(path)
    try:
      decoding.check_whole(pathlib.Path(path), raster.size)
      area = (0, 0, *raster.size)
      return raster.read(*area), raster.valid(*area)
    finally:
      raster.close()

  @property
  def _special(self) -> bool:
    return bool(self.bands) or self.stretch != 'none'

  def _open(self, path: PathLike) -> rasters.Raster:
    return open_image.open_image(
      path,
      bands=self.bands or None,
      stretch=stretching.parse(self.stretch),
    )


PLAIN = Reading()
Settings = Mapping[str, Any]  # the section `data` of a config, or part of it


def from_settings(data: Settings) -> Reading:
  """Returns how a config reads images; older configs lack these settings.

  Raises:
    InputError: the stretch is invalid.
  """
  plain = dataclasses.asdict(PLAIN)
  found = {name: data.get(name, value) for name, value in plain.items()}
  return Reading(**{**found, 'bands': tuple(found['bands'])})


def read_sample(
  image_path: PathLike,
  label_path: PathLike | None,
  classes: ClassTable,
  *,
  colours: bool = False,
  reading: Reading = PLAIN,
) -> Sample:
  """Reads an image and its label, which must have the same size.

  Args:
    image_path: the image.
    label_path: see `images.read_label`; None where there is no label.
    classes: the classes that may occur.
    colours: whether the label holds the colours of `classes`.
    reading: how the image is read.

  Returns:
    The sample, named after the image file without folder and suffix. Its
    label is ignored where the image has no data.

  Raises:
    InputError: as the two readers, or the sizes differ.
  """
  name = pathlib.Path(image_path).stem
  with decoding.guarded(image_path):
    image, valid = reading.image(image_path)
  if label_path is None:
    return Sample(name, image)
  with decoding.guarded(label_path):
    label = images.read_label(label_path, classes, colours=colours)
  images.check_sizes(image_path, image.shape[:2], label_path, label.shape)
  if valid is not None:
    label = np.where(valid, label, np.uint8(classes.ignore_label))
  return Sample(name, image, label)
