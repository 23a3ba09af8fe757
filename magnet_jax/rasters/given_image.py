"""Images as people have them: files, Pillow's images, arrays."""

from collections.abc import Sequence
import contextlib
import os

import jax
import numpy as np
from PIL import Image

from magnet_jax import outside
from magnet_jax.files.atomic import PathLike
from magnet_jax.rasters import open_image, stretching, whole
from magnet_jax.rasters.rasters import ArrayRaster
from magnet_jax.types import InputError

Given = PathLike | Image.Image | np.ndarray | jax.Array

_TAKEN = (
  'must be a path, an image of Pillow, or an array [H,W,3] or [H,W] of uint8, '
  'or of floating-point numbers in 0..1'
)


def read_image(
  path: PathLike,
  *,
  bands: Sequence[int] | None = None,
  stretch: stretching.Wanted = 'none',
) -> np.ndarray:
  """Reads an image file as 8-bit RGB, as `magnet-jax segment` does.

  Upright according to EXIF, unless it is georeferenced. Pixels without data
  (nodata, transparent) are 0. Of 16 bits the upper eight are taken, unless
  there is a stretch.

  Args:
    path: a JPEG, PNG or TIFF; with magnet-jax[geo] also other formats of GDAL,
      with magnet-jax[slides] whole-slide images.
    bands: one or three of its bands, from 1, as red, green, blue; None: the
      one or three that it has besides alpha.
    stretch: how values of more than 8 bits become 8: 'none', 'min-max',
      percentiles such as '2-98', or two values (low, high).

  Returns:
    uint8 [H,W,3].

  Raises:
    InputError: as `open_image.open_image`, or a block of it is broken.
  """
  return _read(path, bands=bands, stretch=stretch).pixels


def as_raster(given: Given) -> ArrayRaster:
  """Returns an image in memory, whatever it was given as.

  Args:
    given: a path; an image of Pillow, which is turned upright according to
      EXIF; or an array [H,W,3], or [H,W] or [H,W,1] for grey, of uint8 or of
      floating-point numbers in 0..1.

  Raises:
    InputError: it is none of these, or the file cannot be read.
  """
  if isinstance(given, str | os.PathLike):
    return _read(given)
  if isinstance(given, Image.Image):
    name = getattr(given, 'filename', '') or 'image of Pillow'
    with outside.reading(name, 'cannot be decoded', 'open it again'):
      return whole.of_pillow(given, name)
  if not hasattr(given, '__array__'):
    raise InputError(f'image of type {type(given).__name__}: {_TAKEN}')
  with outside.reading('image', 'is no array', 'convert it to one of NumPy'):
    array = np.asarray(given)
  return ArrayRaster(_eight_bits(_three_channels(array)))


def as_pixels(given: Given) -> np.ndarray:
  """Returns uint8 [H,W,3] of an image; arguments and errors of `as_raster`."""
  return as_raster(given).pixels


def _read(
  path: PathLike,
  *,
  bands: Sequence[int] | None = None,
  stretch: stretching.Wanted = 'none',
) -> ArrayRaster:
  """Reads a whole file."""
  raster = open_image.open_image(path, bands=bands, stretch=stretch)
  with contextlib.closing(raster):
    valid = raster.valid(0, 0, *raster.size)
    pixels = raster.read(0, 0, *raster.size)
    return ArrayRaster(pixels, valid, raster.place, raster.notes)


def _three_channels(array: np.ndarray) -> np.ndarray:
  """Returns [H,W,3] of an array; grey is repeated."""
  shape = array.shape
  found = f'image of shape {shape}: must be [H,W,3], or [H,W] for grey; '
  if 0 in shape:
    raise InputError(f'{found}it has no pixels, check how it was cut')
  if len(shape) == 4:
    raise InputError(f'{found}give several to segment_all')
  if len(shape) == 2 or (len(shape) == 3 and shape[2] == 1):
    return np.repeat(array.reshape(*shape[:2], 1), 3, axis=-1)
  if len(shape) != 3:
    raise InputError(f'{found}give an array of two or three dimensions')
  if shape[2] == 3:
    return array
  if shape[0] in (1, 3):
    raise InputError(
      f'{found}move the channels to the end: np.moveaxis(image, 0, -1)'
    )
  raise InputError(f'{found}choose red, green and blue, as by image[..., :3]')


def _eight_bits(array: np.ndarray) -> np.ndarray:
  """Returns uint8 of an array of colours."""
  if array.dtype == np.uint8:
    return array
  # Not by np.floating, to which bfloat16 does not belong.
  if not jax.numpy.issubdtype(array.dtype, jax.numpy.floating):
    raise InputError(
      f'image of {array.dtype}: must be uint8, or floating-point in 0..1; '
      'scale it to 0..255 and convert it by .astype(np.uint8)'
    )
  values = array.astype(np.float32)
  low, high = values.min(), values.max()
  if not (low >= 0 and high <= 1):
    raise InputError(
      f'image of {array.dtype} from {low:g} to {high:g}: floating-point '
      'colours must be finite and lie in 0..1; divide them by their maximum, '
      'such as 255'
    )
  return np.rint(values * 255).astype(np.uint8)
