"""Reads whole-slide microscope images through OpenSlide at full magnification.

Needs `pip install 'magnet-jax[slides]'`.
"""

from collections.abc import Sequence
import pathlib
import threading
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from magnet_jax import outside
from magnet_jax.rasters import rasters
from magnet_jax.rasters.rasters import Area, BadBlockError, Place
from magnet_jax.rasters.unchanged import Unchanged
from magnet_jax.types import InputError, Size

if TYPE_CHECKING:
  from openslide import OpenSlide

SUFFIXES = (
  '.bif',
  '.dcm',
  '.mrxs',
  '.ndpi',
  '.scn',
  '.svs',
  '.svslide',
  '.vms',
  '.vmu',
)
_TILE = 256  # if the format does not tell its tiles


class Slide:
  """A slide, opened by `open_slide`; what was not scanned is not valid."""

  in_rows = False
  place: Place | None = None

  def __init__(
    self, path: pathlib.Path, openslide: ModuleType, level: int = 0
  ) -> None:
    """Takes the main file, the package openslide and the level."""
    self._path, self._openslide = path, openslide
    self._check_unchanged = Unchanged(path)
    self._lock = threading.Lock()
    self._last: tuple[Area, np.ndarray, np.ndarray] | None = None
    self._slide = self._opened()
    self._level = level
    self._levels: dict[int, Slide] = {}
    self._sizes = [(h, w) for w, h in self._slide.level_dimensions]
    self.size: Size = self._sizes[level]
    self._zoom = self._slide.level_downsamples[level]
    told = self._slide.properties
    self.block: Size = (
      int(told.get(f'openslide.level[{level}].tile-height', _TILE)),
      int(told.get(f'openslide.level[{level}].tile-width', _TILE)),
    )
    power = told.get('openslide.objective-power', 'unknown')
    self.notes = (f'{path.name}: a slide, magnification {power}',)

  def _opened(self) -> 'OpenSlide':
    with outside.reading(
      self._path,
      'cannot be opened as a slide',
      'copy it again with all the files that belong to it, or convert it to a '
      'tiled TIFF',
    ):
      return self._openslide.OpenSlide(self._path)

  def read(self, top: int, left: int, height: int, width: int) -> np.ndarray:
    """Reads uint8 [height,width,3] of an area inside; 0 where not valid.

    Raises:
      BadBlockError: a tile there is broken; names the first.
      InputError: the file was changed or removed since it was opened.
    """
    return self._both((top, left, height, width))[0]

  def valid(self, top: int, left: int, height: int, width: int) -> np.ndarray:
    """Reads bool [height,width], what was scanned; raises as `read`."""
    return self._both((top, left, height, width))[1]

  def reduced(self, size: Size) -> 'Slide | None':
    """Returns the smallest overview of at least (height, width), if any."""
    level = rasters.smallest(self._sizes[1:], size)
    if level is None:
      return None
    if level not in self._levels:
      self._levels[level] = Slide(self._path, self._openslide, level + 1)
    return self._levels[level]

  def close(self) -> None:
    """Closes the file."""
    for each in self._levels.values():
      each.close()
    self._last = None
    self._slide.close()

  def _both(self, area: Area) -> tuple[np.ndarray, np.ndarray]:
    """Returns pixels and validity; cached, as both are read in turn."""
    with self._lock:
      if self._last is None or self._last[0] != area:
        try:
          pixels = self._region(area)
        except self._openslide.OpenSlideError as error:
          self._check_unchanged()
          raise self._located(area, error) from error
        self._check_unchanged()
        valid = pixels[..., 3] > 0
        # Some files store colours under an alpha of 0.
        colours = np.where(valid[..., None], pixels[..., :3], np.uint8(0))
        self._last = area, colours, valid
      return self._last[1:]

  def _region(self, area: Area) -> np.ndarray:
    """Reads uint8 [h,w,4]."""
    top, left, height, width = area
    try:
      # The corner is in pixels of the first level, whatever the level.
      corner = round(left * self._zoom), round(top * self._zoom)
      image = self._slide.read_region(corner, self._level, (width, height))
      return np.asarray(image)
    except self._openslide.OpenSlideError:
      # After an error OpenSlide refuses all further reads.
      self._slide.close()
      self._slide = self._opened()
      raise

  def _located(self, area: Area, error: Exception) -> BadBlockError:
    """Returns an error that names the first broken tile of an area."""
    for block in rasters.blocks_in(area, self.block, self.size):
      try:
        self._region(block)
      except self._openslide.OpenSlideError as broken:
        top, left, height, width = block
        return BadBlockError(
          f'{self._path}: the tile of {height} x {width} pixels at row {top}, '
          f'column {left} is broken ({broken}); copy the slide again',
          block,
        )
    return BadBlockError(
      f'{self._path}: cannot be read at row {area[0]}, column {area[1]} '
      f'({error}); copy the slide again',
      area,
    )


def open_slide(
  path: pathlib.Path, *, bands: Sequence[int] | None = None
) -> Slide:
  """Opens a slide; reads its header.

  Args:
    path: the slide's main file.
    bands: must be None, as slides are in colour.

  Raises:
    InputError: OpenSlide cannot read it or is missing, or bands are given.
  """
  if bands is not None:
    raise InputError(
      f'{path}: bands {",".join(map(str, bands))}: a slide has red, green and '
      'blue only; leave bands out'
    )
  try:
    import openslide
  except ImportError as error:
    raise InputError(
      f'{path}: slides need OpenSlide, which is not installed; pip install '
      '"magnet-jax[slides]"'
    ) from error
  return Slide(path, openslide)
