"""Refuses images that make GDAL open other files in formats of any kind.

Beside an image GDAL looks for overviews and masks, and inside it for the path
of a file of overviews. It opens them with all of its drivers, some of which
read any file or fetch from the network: whoever wrote the image would choose
which.
"""

import pathlib
import types

from magnet_jax.rasters import signatures
from magnet_jax.types import InputError

_IMAGES = ('.ovr', '.msk')  # after the name of the image
_DEPENDENT = '.aux'  # of ERDAS Imagine, refers to raw files
_IMAGINE = b'EHFA_HEADER_TAG'
_DOMAIN = 'OVERVIEWS'  # of metadata in the image or in .aux.xml


def check(rasterio: types.ModuleType, path: pathlib.Path, driver: str) -> None:
  """Raises InputError if GDAL would open more than TIFF files beside `path`.

  Args:
    rasterio: the package, in the environment of `geo_reader`.
    path: an image.
    driver: its format.

  Raises:
    InputError: names the file that is refused.
    rasterio.errors.RasterioIOError: the image or one beside it is damaged.
  """
  for end in _IMAGES:
    beside = path.with_name(path.name + end)
    if not beside.exists():
      continue
    found = beside.is_file() and signatures.image_format(beside)
    if found != 'GTiff':
      raise InputError(
        f'{beside}: lies beside the image as its overviews or mask: must be a '
        'TIFF; remove it'
      )
    check(rasterio, beside, found)
  for beside in {
    path.with_suffix(_DEPENDENT),
    path.with_name(path.name + _DEPENDENT),
  }:
    if beside.is_file() and _starts(beside, _IMAGINE):
      raise InputError(
        f'{beside}: lies beside the image and may refer to any other file; '
        'remove it, or put its overviews into the image with gdaladdo'
      )
  with rasterio.open(path, driver=driver) as dataset:
    named = dataset.tags(ns=_DOMAIN)
  if named:
    raise InputError(
      f'{path}: takes its overviews from the file '
      f'{next(iter(named.values()))!r:.200}, which its metadata names: only '
      'its own are read; convert it by gdal_translate'
    )


def _starts(path: pathlib.Path, sign: bytes) -> bool:
  with path.open('rb') as file:
    return file.read(len(sign)) == sign
