"""Writes labels and confidence of any size to a TIFF or PNG, top down.

    geo_labels.check_path(path)  # before the work
    geo_labels.export_labels(
      path, strips, size=raster.size, place=raster.place, classes=classes
    )

A TIFF keeps the georeference of the image, a PNG cannot.
"""

from collections.abc import Iterable, Iterator, Sequence
import pathlib

import numpy as np

from magnet_jax.files import atomic
from magnet_jax.files.atomic import PathLike
from magnet_jax.rasters import geo_reader, geo_tiff, png_rows
from magnet_jax.rasters.rasters import Place
from magnet_jax.types import ClassTable, InputError, Size

SUFFIXES = ('.tif', '.tiff', '.png')


def check_path(path: PathLike) -> pathlib.Path:
  """Raises InputError unless a file of that name can be written."""
  path = pathlib.Path(path)
  suffix = path.suffix.lower()
  if suffix not in SUFFIXES:
    raise InputError(
      f'{path}: cannot be written as {suffix or "no suffix"}; name a file that '
      f'ends in {", ".join(SUFFIXES)}'
    )
  if suffix != '.png':
    geo_reader.rasterio_for(path)
  return path


def export_labels(
  path: PathLike,
  strips: Iterable[np.ndarray],
  *,
  size: Size,
  place: Place | None = None,
  classes: ClassTable | None = None,
) -> None:
  """Writes labels, or grey values such as confidence, whole or not at all.

  The same pixels give the same bytes, however they are cut into strips. If
  the iterator raises, nothing is written.

  Args:
    path: a name that ends in one of `SUFFIXES`.
    strips: uint8 [rows,W] from the top down, H rows in all.
    size: (H, W).
    place: the georeference of the image, if it has one.
    classes: the colours of labels; None for grey values.

  Raises:
    InputError: another suffix, rasterio is missing, or the system refuses to
      write.
  """
  path = check_path(path)
  with atomic.replacing(path) as temporary:
    whole = rows_of(_checked(strips, size, np.uint8), geo_tiff.TILE)
    try:
      if path.suffix.lower() == '.png':
        palette = None if classes is None else classes.palette
        png_rows.write(temporary, whole, size, palette)
      else:
        geo_tiff.write(temporary, whole, size, place=place, classes=classes)
    except InputError as error:
      # The caller knows the file under its final name.
      raise InputError(str(error).replace(str(temporary), str(path))) from error


def export_probabilities(
  path: PathLike,
  strips: Iterable[np.ndarray],
  *,
  size: Size,
  place: Place,
  names: Sequence[str],
) -> None:
  """Writes probabilities as a TIFF with a band per class.

  Like `export_labels`, with half precision.

  Args:
    path: a name that ends in .tif or .tiff.
    strips: float32 [rows,W,C] from the top down, NaN where there is no data.
    size: (H, W).
    place: the georeference of the image.
    names: of the C classes.

  Raises:
    InputError: as `export_labels`.
  """
  path = check_path(path)
  whole = (*size, len(names))
  with atomic.replacing(path) as temporary:
    halves = (
      strip.astype(np.float16).astype(np.float32)
      for strip in rows_of(_checked(strips, whole, np.float32), geo_tiff.TILE)
    )
    try:
      geo_tiff.write(temporary, halves, size, place=place, bands=names)
    except InputError as error:
      raise InputError(str(error).replace(str(temporary), str(path))) from error


def _checked(
  strips: Iterable[np.ndarray], size: tuple[int, ...], dtype: type
) -> Iterator[np.ndarray]:
  """Yields the strips; raises ValueError unless they make up the size."""
  rows = 0
  for strip in strips:
    rows += len(strip)
    if strip.dtype != dtype or strip.shape[1:] != size[1:]:
      raise ValueError(f'strip of {strip.dtype}{list(strip.shape)} for {size}')
    if rows > size[0]:
      raise ValueError(f'strips of {rows} rows and more for {size}')
    yield strip
  if rows != size[0]:
    raise ValueError(f'strips of {rows} rows for {size}')


def rows_of(strips: Iterable[np.ndarray], rows: int) -> Iterator[np.ndarray]:
  """Yields strips of any height as strips of `rows`, the last one shorter."""
  waiting: list[np.ndarray] = []
  count = 0
  for strip in strips:
    start = 0
    while count + len(strip) - start >= rows:
      end = start + rows - count
      yield np.concatenate([*waiting, strip[start:end]])
      start, waiting, count = end, [], 0
    if start < len(strip):
      # A copy, as the iterator may reuse the array.
      waiting.append(strip[start:].copy())
      count += len(strip) - start
  if waiting:
    yield np.concatenate(waiting)
