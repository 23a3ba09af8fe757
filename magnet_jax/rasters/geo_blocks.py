"""Checks the blocks of a file before GDAL decodes any of them whole."""

from collections.abc import Callable
import pathlib
from typing import TYPE_CHECKING

import numpy as np

from magnet_jax.files import decoding, host_memory, tiff_blocks
from magnet_jax.rasters.rasters import Area, BadBlockError
from magnet_jax.types import InputError, Size

if TYPE_CHECKING:
  from rasterio import DatasetReader

_SAMPLES = 25  # blocks that are tried


def check_size(
  path: pathlib.Path,
  dataset: 'DatasetReader',
  max_pixels: int = decoding.MAX_PIXELS,
) -> None:
  """Checks that the blocks of an open dataset fit into memory.

  Args:
    path: for messages.
    dataset: of which no pixel has been read.
    max_pixels: largest height * width of what is decoded whole.

  Raises:
    TooManyPixelsError: a block has more pixels.
    InputError: it does not fit into the free memory.
  """
  sizes = [_bytes(kind) for kind in dataset.dtypes]
  # Otherwise a block holds all bands.
  apart = dataset.profile.get('interleave') == 'band'
  for (rows, columns), size in zip(dataset.block_shapes, sizes, strict=True):
    if rows * columns > max_pixels:
      raise decoding.TooManyPixelsError(
        f'{path}: its blocks of {rows} x {columns} pixels exceed the limit of '
        f'{max_pixels}, as a block is decoded whole; convert it, as with '
        'gdal_translate -co TILED=YES'
      )
    each = size if apart else sum(sizes)
    host_memory.check(str(path), rows * columns * each)


def _bytes(kind: str) -> int:
  """Returns the size of a pixel of one band; rasterio has a type of its own."""
  return np.dtype('complex64' if kind == 'complex_int16' else kind).itemsize


def check_data(
  path: pathlib.Path, size: Size, read: Callable[[Area], object]
) -> None:
  """Checks that a file of which blocks are left out has others to be read.

  Args:
    path: of the file.
    size: (H, W) of its image.
    read: reads an area; raises BadBlockError for a broken block.

  Raises:
    InputError: it has none, or of a sample none can be read.
  """
  found = tiff_blocks.check(path, path, all_of_them=False)
  if found is None or not found.missing:
    return
  width = size[1]
  rows, columns = found.size
  places = np.argwhere(found.held)
  chosen = np.unique(np.linspace(0, len(places) - 1, _SAMPLES).astype(int))
  errors = []
  for row, column in places[chosen].tolist():
    top, left = row * rows, column * columns
    try:
      read((top, left, 1, min(columns, width - left)))
      return
    except BadBlockError as error:
      errors.append(error)
  raise InputError(
    f'{errors[0]} (no other of {len(errors)} sampled blocks can be read, and '
    f'{found.missing} are left out)'
  )
