"""A look at one pair of files: everything that later decisions need."""

import dataclasses
import pathlib

import cv2
import numpy as np
from PIL import Image

from magnet_jax.files import decoding, images
from magnet_jax.rasters import geo_reader, signatures, whole
from magnet_jax.survey import alike, label_counts
from magnet_jax.survey.label_counts import Counts
from magnet_jax.survey.layout import Pair
from magnet_jax.types import InputError, Size

_SIDE = 1000  # of the picture by which images are compared
_BANDS = {'1': 1, 'L': 1, 'LA': 1, 'I;16': 1, 'I;16B': 1, 'I': 1, 'F': 1}


@dataclasses.dataclass(frozen=True)
class Look:
  """What was found about a pair.

  Attributes:
    pair: the files.
    size: (height, width) of the image as stored.
    label_size: (height, width) of the label.
    orientation: EXIF orientation of the image, 1..8.
    bands: of the image, without alpha.
    bits: of a band.
    known: whether the data type has a natural range: 0..255 or 0..65535.
    lowest: the smallest 0.1th percentile of the valid pixels of a band.
    highest: the largest 99.9th percentile.
    counts: of the label's pixels.
    traits: by which images are compared.
  """

  pair: Pair
  size: Size
  label_size: Size
  orientation: int
  bands: int
  bits: int
  known: bool
  lowest: float
  highest: float
  counts: Counts
  traits: alike.Traits

  def shown_size(self, turned: bool) -> Size:
    """Returns (height, width) after EXIF orientation, or as stored."""
    if turned and self.orientation >= 5:
      return self.size[1], self.size[0]
    return self.size

  def fits(self, turned: bool) -> bool:
    """Tells whether image and label have the same size."""
    return self.shown_size(turned) == self.label_size


def look(pair: Pair) -> Look:
  """Reads both files of a pair.

  Raises:
    InputError: one of them cannot be read.
  """
  with decoding.guarded(pair.label):
    counts = label_counts.count(pair.label)
    label_size = images.read_size(pair.label, turned=False)
  with decoding.guarded(pair.image):
    size, orientation, bands, bits, picture = _see(pair.image)
  if picture.dtype.kind not in 'uifb':
    raise InputError(
      f'{pair.image}: holds {picture.dtype.name} numbers; convert them to '
      'real ones'
    )
  lowest, highest = _range(picture)
  return Look(
    pair=pair,
    size=size,
    label_size=label_size,
    orientation=orientation,
    bands=bands,
    bits=bits,
    known=picture.dtype in (np.bool_, np.uint8, np.uint16),
    lowest=lowest,
    highest=highest,
    counts=counts,
    traits=alike.traits(_grey(picture)),
  )


def _range(picture: np.ma.MaskedArray) -> tuple[float, float]:
  """Returns the 0.1th and 99.9th percentiles of valid pixels; 0, 0: none."""
  flat = picture.reshape(-1, picture.shape[2] if picture.ndim == 3 else 1)
  bands = [np.ma.compressed(band) for band in flat.T]
  ends = [np.percentile(b, (0.1, 99.9)) for b in bands if b.size]
  if not ends:
    return 0.0, 0.0
  return float(np.min(ends)), float(np.max(ends))


_Seen = tuple[Size, int, int, int, np.ma.MaskedArray]


def _see(path: pathlib.Path) -> _Seen:
  """Uses the reader that `open_image.open_image` chooses for this file."""
  decoding.check_file(path)
  if signatures.image_format(path) != 'GTiff':
    return _with_pillow(path)
  if whole.reason(path) is None:
    return _with_rasterio(path)
  try:
    return _with_pillow(path)
  except InputError as error:
    raise InputError(
      f"{path}: Pillow cannot read it; try pip install 'magnet-jax[geo]'"
    ) from error


def _with_pillow(path: pathlib.Path) -> _Seen:
  with decoding.opened(path) as image:
    size = (image.height, image.width)
    orientation = images.exif_orientation(image)
    bands = _BANDS.get(image.mode, 3)
    # At an eighth of its side, a JPEG takes a tenth of the time and memory.
    image.draft('RGB' if bands == 3 else 'L', (_SIDE, _SIDE))
    image.load()
    if image.mode == 'RGBA' and _is_colour(image.getchannel('A')):
      bands = 4
    bits = 16 if image.mode.startswith('I;16') else 8
    bits = 32 if image.mode in ('I', 'F') else bits
    if bits == 8:
      image.info.pop('transparency', None)
      pixels = np.asarray(image.convert('RGB' if bands > 1 else 'L'))
    else:
      pixels = np.asarray(image)
  return size, orientation, bands, bits, _data(_small(pixels))


def _is_colour(alpha: Image.Image) -> bool:
  """Tells whether a fourth band holds more than alpha does: all or nothing."""
  return len(np.unique(_small(np.asarray(alpha)))) > 16


def _with_rasterio(path: pathlib.Path) -> _Seen:
  rasterio = geo_reader.rasterio_for(path)
  try:
    with geo_reader.open_dataset(path) as file:
      size = (file.height, file.width)
      # Trainings read it whole.
      decoding.check_whole(path, size)
      scale = min(1.0, _SIDE / max(size))
      shape = [max(1, round(side * scale)) for side in size]
      kinds = [kind.name for kind in file.colorinterp]
      if kinds[0] == 'palette':
        return _with_pillow(path)
      bands = [i for i in file.indexes if kinds[i - 1] != 'alpha']
      pixels = file.read(bands, out_shape=(len(bands), *shape), masked=True)
      bits = 8 * np.dtype(file.dtypes[0]).itemsize
  except rasterio.errors.RasterioError as error:
    raise InputError(
      f'{path}: cannot be read; copy or export it again'
    ) from error
  return size, 1, len(bands), bits, _data(np.moveaxis(pixels, 0, -1))


def _data(pixels: np.ndarray) -> np.ma.MaskedArray:
  """Masks pixels without data: masked already, or not finite."""
  return np.ma.masked_invalid(pixels, copy=False)


def _small(pixels: np.ndarray) -> np.ndarray:
  """Resizes to at most `_SIDE` a side."""
  scale = _SIDE / max(pixels.shape[:2])
  if scale >= 1 or pixels.dtype == bool:
    return pixels
  height, width = (max(1, round(s * scale)) for s in pixels.shape[:2])
  kind = pixels if pixels.dtype != np.int32 else pixels.astype(np.float32)
  return cv2.resize(kind, (width, height), interpolation=cv2.INTER_AREA)


def _grey(picture: np.ma.MaskedArray) -> np.ndarray:
  """Returns uint8 [h,w], stretched to its own range; 0 without data."""
  grey = picture.astype(np.float32)
  if grey.ndim == 3:
    grey = grey[..., :3].mean(-1)
  valid = np.ma.compressed(grey)
  if not valid.size or not valid.max() > valid.min():
    return np.zeros(grey.shape, np.uint8)
  low, high = float(valid.min()), float(valid.max())
  scaled = (grey - low) / (high - low) * 255
  return np.ma.filled(scaled, 0).astype(np.uint8)
