"""Reads blocks through GDAL in bounded memory; errors name the block."""

from collections.abc import Iterator
import contextlib
import logging
import os
import pathlib
import sys
import threading
import types
from typing import TYPE_CHECKING
import warnings

import numpy as np

from magnet_jax import outside
from magnet_jax.files import decoding, host_memory
from magnet_jax.files.atomic import PathLike
from magnet_jax.rasters import (
  geo_bands,
  geo_blocks,
  rasters,
  sidecars,
  signatures,
)
from magnet_jax.rasters.rasters import Area, BadBlockError
from magnet_jax.rasters.unchanged import Unchanged
from magnet_jax.types import InputError, Size

if TYPE_CHECKING:
  from rasterio import DatasetReader

# GDAL's lines are in what is raised; other packages log all that is passed on.
logging.getLogger('rasterio').propagate = False
logging.getLogger('rasterio').addHandler(logging.NullHandler())
_KINDS = {'GTiff': 'TIFF', 'JP2OpenJPEG': 'JPEG 2000'}  # elsewhere
_SEQUENTIAL = ('JPEG', 'PNG')  # an error in these spoils all that follows
_CACHE = 48 * 2**20  # bytes of decoded blocks, for all files together
# Nothing that is opened here is remote; a file may name what is.
_OFFLINE: dict[str, bool | int | str] = {
  'GDAL_HTTP_PROXY': '127.0.0.1:1',
  'GDAL_HTTPS_PROXY': '127.0.0.1:1',
  'CPL_VSIL_CURL_ALLOWED_FILENAME': '-',
  'GDAL_HTTP_MAX_RETRY': 0,
}


def rasterio_for(name: PathLike) -> types.ModuleType:
  """Returns the package rasterio; InputError if it is not installed."""
  try:
    import rasterio
  except ImportError as error:
    raise InputError(
      f'{os.fspath(name)}: needs rasterio, which is not installed; pip install '
      '"magnet-jax[geo]"'
    ) from error
  return rasterio


@contextlib.contextmanager
def environment(rasterio: types.ModuleType) -> Iterator[None]:
  """Applies the settings of GDAL in this thread."""
  settings: dict[str, bool | int | str] = {
    **_OFFLINE,
    # Otherwise GDAL fills what a damaged stream has lost with grey or black.
    'GDAL_ERROR_ON_LIBJPEG_WARNING': True,
    'GDAL_PNG_WHOLE_IMAGE_OPTIM': False,
  }
  if 'GDAL_CACHEMAX' not in os.environ:
    # In bytes here, but in megabytes in the environment variable.
    settings['GDAL_CACHEMAX'] = _CACHE
  with rasterio.Env(**settings):
    yield


def open_dataset(
  path: pathlib.Path,
  overview: int | None = None,
  *,
  max_pixels: int = decoding.MAX_PIXELS,
) -> 'DatasetReader':
  """Opens an image of `signatures.FORMATS` with rasterio.

  Args:
    path: the file.
    overview: opens this overview, from 0, in place of the image itself.
    max_pixels: largest height * width of its blocks, which are decoded whole.

  Raises:
    InputError: it has another format or is damaged, its blocks are too large,
      or rasterio is missing.
  """
  # The other drivers of GDAL read any file or the network for a file that asks.
  driver = signatures.image_format(path)
  if driver is None:
    raise InputError(
      f'{path}: not one of the formats {", ".join(signatures.FORMATS)}; '
      'convert it to a GeoTIFF, for example with gdal_translate'
    )
  rasterio = rasterio_for(path)
  with (
    outside.reading(
      path,
      'cannot be opened as an image',
      'convert it to a GeoTIFF, or copy it again',
      why=reason,
    ),
    environment(rasterio),
    warnings.catch_warnings(),
  ):
    # It warns of images that are not georeferenced.
    warnings.simplefilter('ignore')
    sidecars.check(rasterio, path, driver)
    level = {} if overview is None else {'OVERVIEW_LEVEL': overview}
    found = rasterio.open(path, driver=driver, **level)
    kind = _KINDS.get(driver, driver)
    size = (found.height, found.width)
    stored = path.stat().st_size
    decoding.check_pixels(path, size, kind, stored=stored, limit=sys.maxsize)
    geo_blocks.check_size(path, found, max_pixels)
    return found


def read_layers(path: pathlib.Path) -> np.ndarray:
  """Reads all bands of a TIFF as they are stored: [H,W,bands].

  Raises:
    InputError: as `open_dataset`, it is broken, or does not fit into memory.
  """
  with contextlib.closing(open_dataset(path)) as dataset:
    pixel = sum(np.dtype(each).itemsize for each in dataset.dtypes)
    host_memory.check(str(path), dataset.height * dataset.width * pixel)
    with (
      outside.reading(path, 'cannot be read', 'copy it again', why=reason),
      environment(rasterio_for(path)),
    ):
      layers: np.ndarray = dataset.read()
  return np.moveaxis(layers, 0, -1)


def reason(error: BaseException) -> str:
  """Returns the message of GDAL on one line."""
  return ' '.join(str(error.__cause__ or error).split())


class Reader:
  """Raw pixels of an open file; safe to call from any thread."""

  def __init__(
    self, path: pathlib.Path, dataset: 'DatasetReader', choice: geo_bands.Choice
  ) -> None:
    """Takes the path, the open dataset of it and the bands to read."""
    self.path, self.dataset, self.choice = path, dataset, choice
    self.size: Size = (dataset.height, dataset.width)
    height, width = dataset.block_shapes[choice.indexes[0] - 1]
    self.block: Size = (int(height), int(width))
    self._rasterio = rasterio_for(path)
    self._check_unchanged = Unchanged(path)
    self._lock = threading.Lock()
    self._spoilt: int | None = None  # first row that a damaged stream lost

  @property
  def overviews(self) -> list[Size]:
    """Returns (height, width) of the overviews in the order of GDAL."""
    factors = self.dataset.overviews(self.choice.indexes[0])
    return [
      (-(-self.size[0] // factor), -(-self.size[1] // factor))
      for factor in factors
    ]

  def overview(self, level: int) -> 'Reader':
    """Returns a reader of an overview, with a dataset of its own."""
    return Reader(self.path, open_dataset(self.path, level), self.choice)

  def __call__(self, area: Area) -> tuple[np.ndarray, np.ndarray | None]:
    """Reads [bands,h,w] as stored; bool [h,w] of what is valid, None for all.

    Raises:
      BadBlockError: a tile or strip there is broken; names the first.
      InputError: the file was changed or removed since it was opened.
    """
    with self._lock:
      top, _, height, _ = area
      if self._spoilt is not None and top + height > self._spoilt:
        raise self._rest_lost(self._spoilt)
      try:
        found = self._read(self.dataset, area)
      except self._rasterio.errors.RasterioIOError as error:
        self._check_unchanged()
        raise self._located(area, error) from error
      self._check_unchanged()
      return found

  def _read(
    self, dataset: 'DatasetReader', area: Area
  ) -> tuple[np.ndarray, np.ndarray | None]:
    with environment(self._rasterio):
      return self.choice.read(dataset, area)

  def _located(self, area: Area, error: Exception) -> InputError:
    """Returns an error that names the first broken block of an area."""
    if self.dataset.driver in _SEQUENTIAL:
      self._spoilt = self._first_lost(area)
      return self._rest_lost(self._spoilt)
    for block in rasters.blocks_in(area, self.block, self.size):
      try:
        self._read(self.dataset, block)
      except self._rasterio.errors.RasterioIOError as broken:
        top, left, height, width = block
        return BadBlockError(
          f'{self.path}: the block of {height} x {width} pixels at row {top}, '
          f'column {left} is broken ({reason(broken)}); copy or export the '
          'file again',
          block,
        )
    return InputError(
      f'{self.path}: cannot be read at row {area[0]}, column {area[1]} '
      f'({reason(error)}); check the disk, and run it again'
    )

  def _first_lost(self, area: Area) -> int:
    """Returns the first row that the stream of a JPEG or PNG has lost.

    Searches from the top, as after an error GDAL continues with grey rows.
    """
    with contextlib.closing(open_dataset(self.path)) as dataset:
      for row in range(area[0] + area[2]):
        try:
          self._read(dataset, (row, 0, 1, self.size[1]))
        except self._rasterio.errors.RasterioIOError:
          return row
    return area[0]

  def _rest_lost(self, row: int) -> BadBlockError:
    height, width = self.size
    return BadBlockError(
      f'{self.path}: broken from row {row} to its end at row {height - 1}; '
      'copy or export the file again',
      (row, 0, height - row, width),
    )
