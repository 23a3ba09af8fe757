"""Reads images whole by Pillow, as all other images of the package."""

from collections.abc import Sequence
import importlib.util
import pathlib
import sys

import numpy as np
from PIL import Image, TiffImagePlugin

from magnet_jax.files import decoding, images
from magnet_jax.files.atomic import PathLike
from magnet_jax.rasters import signatures, world_files
from magnet_jax.rasters.rasters import ArrayRaster, check_bands

# The JPEG decoder of GDAL differs from that of Pillow by up to 27 grey levels
# where colours change from pixel to pixel, so it is used only for images whose
# memory matters (200 MB at this size).
PIXELS = 2**26

_ORIENTATION, _PHOTOMETRIC, _SEPARATED = 274, 262, 5  # of TIFF
_PLACES = (33550, 33922, 34264)  # tags of GeoTIFF


def reason(
  path: pathlib.Path,
  *,
  chosen: bool = False,
  stretched: bool = False,
  largest: int = sys.maxsize,
) -> str | None:
  """Returns why a file is read whole rather than in pieces by GDAL.

  Args:
    path: the file.
    chosen: whether some of its bands are chosen.
    stretched: whether its values are stretched.
    largest: height * width of a JPEG or PNG that is read whole, if it is not
      above `PIXELS` anyway.

  Returns:
    The reason; '' if it needs no mention, as for small images; None if the file
    is read by GDAL.

  Raises:
    InputError: as `images.read_image`.
  """
  kind = signatures.image_format(path)
  found = None
  if kind == 'GTiff':
    found = _reason_of_tiff(path)
    simple = not (chosen or stretched)
  elif kind in ('JPEG', 'PNG'):
    # Pillow does not tell that a PNG has 16 bits per colour.
    simple = kind == 'JPEG' or not stretched
    found = _reason_of_picture(path, min(PIXELS, largest)) if simple else None
  else:
    return None
  # Otherwise the reader of GDAL reports that rasterio is missing.
  if found is None and simple and not importlib.util.find_spec('rasterio'):
    return 'rasterio is not installed'
  return found


def _reason_of_picture(path: pathlib.Path, largest: int) -> str | None:
  """As `reason` for a JPEG or PNG."""
  with decoding.opened(path, sys.maxsize, decoded=False) as image:
    if image.width * image.height <= largest:
      return ''
    if image.mode == 'CMYK':
      return 'its colours are CMYK'
    return _turned(images.exif_orientation(image))


def _reason_of_tiff(path: pathlib.Path) -> str | None:
  """As `reason` for a TIFF, from its tags alone, whatever its pixels are."""
  try:
    with decoding.quiet, path.open('rb') as file:
      head = file.read(8)
      head += file.read(8) if b'+' in head[:4] else b''
      tags = TiffImagePlugin.ImageFileDirectory_v2(head)
      file.seek(tags.next)
      tags.load(file)
      if tags.get(_PHOTOMETRIC) == _SEPARATED:
        return 'its colours are CMYK'
      # A georeference refers to the pixels as they are stored.
      if any(tag in tags for tag in _PLACES):
        return None
      return _turned(int(tags.get(_ORIENTATION, 1)))
  except Exception:  # damaged: GDAL reports what it cannot read
    return None


def _turned(orientation: int) -> str | None:
  if orientation not in range(2, 9):
    return None
  return f'its EXIF orientation is {orientation}'


def read(
  path: pathlib.Path,
  why: str = '',
  *,
  bands: Sequence[int] | None = None,
  stretched: bool = False,
  max_pixels: int = decoding.MAX_PIXELS,
) -> ArrayRaster:
  """Reads an image into memory.

  The place of a world file refers to the pixels as they are stored, which are
  then not turned.

  Args:
    path: a JPEG, PNG or TIFF.
    why: the reason to mention in its notes; '' for none.
    bands: one or three of its three, from 1.
    stretched: whether a stretch was requested, which it does not need.
    max_pixels: largest height * width.

  Raises:
    InputError: as `images.read_image`, it has no such bands, or its world file
      is damaged.
  """
  place = world_files.read(path)
  with decoding.opened(path, max_pixels) as image:
    found = of_pillow(image, path, turned=place is None)
  pixels = found.pixels
  if bands is not None:
    check_bands(bands, 3, path)
    pixels = np.repeat(
      pixels[..., [b - 1 for b in bands]], 3 // len(bands), axis=-1
    )
  notes = [f'{path.name}: read whole into memory: {why}'] if why else []
  if stretched:
    notes.append(f'{path.name}: the stretch is ignored: the pixels have 8 bits')
  return ArrayRaster(pixels, found.mask, place, tuple(notes))


def of_pillow(
  image: Image.Image, name: PathLike, *, turned: bool = True
) -> ArrayRaster:
  """Returns an image of Pillow as 8-bit RGB.

  Args:
    image: of any kind; it is not changed.
    name: in messages.
    turned: apply its EXIF orientation.

  Raises:
    InputError: its pixels have 32 bits.
  """
  orientation = images.exif_orientation(image) if turned else 1
  mask = _mask(image)
  pixels = images.decode(image, name)
  if mask is not None:
    pixels = np.where(mask[..., None], pixels, np.uint8(0))
    mask = images.turn(mask.view(np.uint8), orientation) > 0
  return ArrayRaster(images.turn(pixels, orientation), mask)


def _mask(image: Image.Image) -> np.ndarray | None:
  """Returns bool [H,W], True where alpha is not 0; None if it never is 0."""
  if not image.has_transparency_data or image.mode.startswith('I;16'):
    return None
  mask = np.asarray(image.convert('RGBA').getchannel('A')) > 0
  return None if mask.all() else mask
