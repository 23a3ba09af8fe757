"""Which bands of a file are red, green and blue, and which pixels are valid."""

from collections.abc import Sequence
import dataclasses
import os
from typing import TYPE_CHECKING

import numpy as np

from magnet_jax.files.atomic import PathLike
from magnet_jax.rasters import rasters
from magnet_jax.rasters.rasters import Area
from magnet_jax.types import InputError

if TYPE_CHECKING:
  from rasterio import DatasetReader

Window = tuple[tuple[int, int], tuple[int, int]]  # rows, columns; rasterio's


@dataclasses.dataclass(frozen=True)
class Choice:
  """How pixels are read from a file.

  Attributes:
    indexes: one or three bands, from 1.
    dtype: of their pixels.
    bits: used by their pixels; fewer than those of the type in files of 1, 4
      or 12 bits.
    alpha: the band that is 0 where there is no image.
    masked: whether the file has a mask.
    nodata: the value of each band that stands for no data.
    palette: uint8 [values,3] if the band holds indices of colours.
  """

  indexes: tuple[int, ...]
  dtype: np.dtype
  bits: int
  alpha: int | None
  masked: bool
  nodata: tuple[float | None, ...]
  palette: np.ndarray | None

  @property
  def partial(self) -> bool:
    """Returns whether there may be pixels without data."""
    return bool(
      self.alpha
      or self.masked
      or any(value is not None for value in self.nodata)
      or self.dtype.kind == 'f'
    )

  def read(
    self, dataset: 'DatasetReader', area: Area
  ) -> tuple[np.ndarray, np.ndarray | None]:
    """Reads an area of a rasterio dataset.

    Returns:
      [bands,h,w] as stored, or the colours of a palette; bool [h,w], True where
      there is data, or None if that is everywhere.
    """
    top, left, height, width = area
    window = ((top, top + height), (left, left + width))
    pixels = dataset.read(self.indexes, window=window)
    valid = self._valid(dataset, window, pixels) if self.partial else None
    if self.palette is not None:
      pixels = np.moveaxis(self.palette[pixels[0]], -1, 0)
    return pixels, valid

  def _valid(
    self, dataset: 'DatasetReader', window: Window, pixels: np.ndarray
  ) -> np.ndarray:
    valid = np.ones(pixels.shape[1:], bool)
    if self.alpha:
      valid &= dataset.read(self.alpha, window=window) > 0
    if self.masked:
      valid &= dataset.read_masks(self.indexes[0], window=window) > 0
    if any(value is not None for value in self.nodata):
      # A single band may hold the value by chance: a blue without any red.
      valid &= np.any(
        [
          band != value if value is not None else np.ones(band.shape, bool)
          for band, value in zip(pixels, self.nodata, strict=True)
        ],
        axis=0,
      )
    if self.dtype.kind == 'f':
      valid &= np.isfinite(pixels).all(0)
    return valid


def choose(
  dataset: 'DatasetReader', bands: Sequence[int] | None, path: PathLike
) -> Choice:
  """Chooses the bands of an open dataset.

  Args:
    dataset: the open file.
    bands: one or three, from 1; None: those that the file has besides alpha.
    path: the name of the file in messages.

  Raises:
    InputError: there are no such bands, it is ambiguous which to take, or they
      do not hold real numbers.
  """
  from rasterio.enums import ColorInterp

  name = os.fspath(path)
  alphas = [
    i
    for i, kind in enumerate(dataset.colorinterp, 1)
    if kind == ColorInterp.alpha
  ]
  colours = [i for i in dataset.indexes if i not in alphas]
  indexes = _indexes(bands, colours, dataset.count, name)
  # GDAL takes the fourth of four bands for alpha unless told otherwise.
  alphas = [i for i in alphas if i not in indexes]
  dtype = _dtype([dataset.dtypes[i - 1] for i in indexes], name)
  first = indexes[0]
  tags = dataset.tags(first, ns='IMAGE_STRUCTURE')
  palette = None
  if bands is None and dataset.colorinterp[first - 1] == ColorInterp.palette:
    palette = _palette(dataset.colormap(first), dtype)
  return Choice(
    indexes=indexes,
    dtype=dtype,
    bits=int(tags.get('NBITS', dtype.itemsize * 8)) if palette is None else 8,
    alpha=alphas[0] if alphas else None,
    masked=_masked(dataset.mask_flag_enums[first - 1]),
    nodata=tuple(_nodata(dataset.nodatavals[i - 1], dtype) for i in indexes),
    palette=palette,
  )


def _masked(flags: Sequence[object]) -> bool:
  """Returns whether a mask, not alpha or a value, marks valid pixels."""
  from rasterio.enums import MaskFlags

  others = {MaskFlags.alpha, MaskFlags.nodata}
  return MaskFlags.per_dataset in flags and not others.intersection(flags)


def _indexes(
  bands: Sequence[int] | None, colours: list[int], count: int, name: str
) -> tuple[int, ...]:
  if bands is None:
    if len(colours) not in (1, 3):
      raise InputError(
        f'{name}: has {len(colours)} bands, and a network takes three; choose '
        f'three or one of 1..{count} with bands (--bands), such as 3,2,1'
      )
    return tuple(colours)
  rasters.check_bands(bands, count, name)
  return tuple(bands)


def _dtype(names: Sequence[str], name: str) -> np.dtype:
  kinds = sorted(set(names))
  if len(kinds) > 1 or kinds[0].startswith('complex'):
    raise InputError(
      f'{name}: its bands hold {" and ".join(kinds)}: must be real numbers of '
      'one type; choose other bands, or convert it with gdal_translate -ot'
    )
  return np.dtype(kinds[0])


def _nodata(value: float | None, dtype: np.dtype) -> float | None:
  """Returns a value that can occur, else None; NaN is never data anyway."""
  if value is None or np.isnan(value):
    return None
  if dtype.kind in 'iu':
    limits = np.iinfo(dtype)
    inside = limits.min <= value <= limits.max and value == int(value)
    return int(value) if inside else None
  # Rounded as in the file, which matters for 1e-40 or -3.4e38.
  return float(dtype.type(value))


def _palette(
  table: dict[int, tuple[int, int, int, int]], dtype: np.dtype
) -> np.ndarray:
  palette = np.zeros((np.iinfo(dtype).max + 1, 3), np.uint8)
  for value, colour in table.items():
    palette[value] = colour[:3]
  return palette
