"""Corrects a finished map of one image by a filter and writes the result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import pathlib

import numpy as np

from magnet_jax.cascade.workspace import InMemory
from magnet_jax.files import images
from magnet_jax.filters.table import Filter
from magnet_jax.predict import outputs as files
from magnet_jax.predict import panel, pictures
from magnet_jax.predict.finished_maps import FinishedMap
from magnet_jax.predict.panel import StageView
from magnet_jax.rasters.rasters import Raster
from magnet_jax.types import ClassTable


def refine(
  source: Raster,
  given: FinishedMap,
  corrects: Filter,
  classes: ClassTable,
  *,
  path: pathlib.Path,
  title: str,
  settings: Mapping[str, object],
) -> tuple[float, str]:
  """Filters a map and writes label, overlay and a picture of both.

  Args:
    source: the image.
    given: its map.
    corrects: the filter.
    classes: names and colours.
    path: of the outputs, without their ends such as '_label.png'.
    title: of the result in the picture.
    settings: keyword arguments of the filter.

  Returns:
    The share of the pixels that have another label than before, and a note to
    the user about the image, or ''.

  Raises:
    InputError: a setting is out of range, the image cannot be read, or writing
      fails.
  """
  image = source.read(0, 0, *source.size)
  valid = source.valid(0, 0, *source.size)
  label, top = np.empty_like(given.label), 0
  for band in _bands(image, given, corrects, settings):
    label[top : top + len(band)] = given.result(band, top)
    top += len(band)
  if valid is not None:
    label[~valid] = classes.ignore_label

  def file(end: str) -> pathlib.Path:
    return path.with_name(path.name + end)

  files.write_plane(
    file(f'_label{files.suffix(source)}'), InMemory(label), source, classes
  )
  images.write_image(
    file('_overlay.jpg'), pictures.overlay(image, label, classes)
  )
  views = [StageView('before', given.label), StageView(title, label)]
  images.write_image(file('_panel.png'), panel.panel(image, views, classes))
  return float(np.mean(label != given.label)), corrects.note(image)


def _bands(
  image: np.ndarray,
  given: FinishedMap,
  corrects: Filter,
  settings: Mapping[str, object],
) -> Iterator[np.ndarray]:
  """Yields bands of the filtered map, or the whole if it must be one."""
  if corrects.bands:
    yield from corrects.bands(image, given.read, **settings)
  else:
    yield corrects.apply(image, given.read(0, len(image)), **settings)
