"""Offsets of SegFix for one image: found by a network, or found before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
import pathlib

import numpy as np

from magnet_jax.cascade import segfix
from magnet_jax.cascade.workspace import InMemory
from magnet_jax.files import offset_files
from magnet_jax.files.atomic import PathLike
from magnet_jax.filters import bands
from magnet_jax.filters.table import Filter
from magnet_jax.predict import correctors

NAME = 'segfix'
Find = Callable[[np.ndarray], np.ndarray]  # uint8 [H,W,3] -> codes [H,W]


def of_model(path: PathLike) -> Find:
  """Returns what finds the offsets of an image.

  The model needs no segmenter, and may be of any classes.

  Args:
    path: as for `correctors.read`.

  Raises:
    InputError: it has no such network, or is damaged.
  """
  corrects, _ = correctors.read(path, NAME)
  correction = corrects.apply
  assert isinstance(correction, segfix.Correction)
  maps = correction.offsets
  return lambda image: maps.find(InMemory(image))


def as_filter(find: Find, keep: pathlib.Path | None) -> Filter:
  """Returns the filter that applies offsets to maps of any classes.

  Args:
    find: finds them.
    keep: the file that they are written to, if any.
  """

  def in_bands(image: np.ndarray, read: bands.Read) -> Iterator[np.ndarray]:
    codes = find(image)
    if keep:
      offset_files.write(keep, codes)
    return segfix.bands(codes, read)

  def apply(image: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    read = bands.reader(image, probabilities)
    return bands.joined(in_bands(image, read), probabilities.shape)

  return Filter(apply, correctors.CORRECTORS[NAME].about, bands=in_bands)
