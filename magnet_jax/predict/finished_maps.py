"""Maps of an image that come from elsewhere: a label or probabilities."""

from __future__ import annotations

from collections.abc import Callable
import dataclasses
import pathlib

import numpy as np

from magnet_jax import outside
from magnet_jax.cascade import labels
from magnet_jax.files import array_files, decoding, images
from magnet_jax.rasters import geo_reader, signatures
from magnet_jax.types import IGNORE, ClassTable, InputError, Size

_ROWS = 256  # checked at a time
_MOST = 254  # classes
_TOLERANCE = 0.01  # of a sum of 1: float16 is not exact
_NPY = np.lib.format.MAGIC_PREFIX  # with which a .npy file begins
_NAME = 'probabilities'  # of an array beside others in a .npz file


@dataclasses.dataclass(frozen=True)
class FinishedMap:
  """A map of a whole image, as a filter takes it.

  Attributes:
    label: uint8 [H,W], the most probable class, or 255.
    classes: uint8 [n], the class of each channel.
    read: returns rows first … last - 1 of the probabilities, float32 [m,W,n],
      which sum to 1.
  """

  label: np.ndarray
  classes: np.ndarray
  read: Callable[[int, int], np.ndarray]

  def result(self, filtered: np.ndarray, top: int) -> np.ndarray:
    """Returns labels of filtered rows; where there was no label, none is made.

    Args:
      filtered: float32 [m,W,n].
      top: the first of the rows.
    """
    found = self.classes[labels.predict(filtered)]
    before = self.label[top : top + len(found)]
    unlabelled = ~np.isin(before, self.classes)
    found[unlabelled] = before[unlabelled]
    return found


def of_label(
  path: pathlib.Path,
  classes: ClassTable,
  image: pathlib.Path,
  size: Size,
  *,
  every: bool = False,
) -> FinishedMap:
  """Reads a label of an image.

  A pixel without a label can be of any class.

  Args:
    path: of the label, in indices or colours of the classes.
    classes: those that may occur.
    image: its path, for messages.
    size: of the image.
    every: whether classes that do not occur in it have a channel, too.

  Raises:
    InputError: it cannot be read, has another size or other classes, or labels
      no pixel.
  """
  label = images.read_label(path, classes, colours=holds_colours(path))
  images.check_sizes(image, size, path, (label.shape[0], label.shape[1]))
  found = np.unique(label)
  found = found[found < len(classes)]
  if not found.size:
    raise InputError(
      f'{path}: all pixels are {classes.ignore_label}, without a label: at '
      'least one must have a class; give another label'
    )

  if every:
    found = np.arange(len(classes), dtype=np.uint8)

  def read(first: int, last: int) -> np.ndarray:
    rows = label[first:last, :, None]
    maps = (rows == found).astype(np.float32)
    maps += (rows >= len(classes)) / np.float32(len(found))
    return maps

  return FinishedMap(label, found, read)


def of_probabilities(
  path: pathlib.Path, image: pathlib.Path, size: Size
) -> FinishedMap:
  """Reads probabilities of an image.

  Args:
    path: of a .npy or .npz file of floats [H,W,C] that sum to 1, or of a TIFF
      with a band per class, such as `magnet-jax segment --probabilities`
      writes. Where all of a pixel are NaN, it has no label.
    image: its path, for messages.
    size: of the image.

  Raises:
    InputError: it cannot be read, has another size or kind of values, they do
      not sum to 1, or no pixel has any.
  """
  array = _load(decoding.check_file(path))
  if array.dtype.kind != 'f':
    raise InputError(
      f'{path}: holds {array.dtype}: probabilities are floats in [0, 1]; give '
      'class indices by --label'
    )
  shape: tuple[int, ...] = array.shape
  if len(shape) != 3 or shape[:2] != size:
    remedy = 'give those of this image'
    if shape[1:] == size:
      remedy = 'move the classes to the end by numpy.moveaxis'
    raise InputError(
      f'{path}: has the shape {shape} for {image} of {size[0]} x '
      f'{size[1]}: must be (height, width, classes); {remedy}'
    )
  if not 0 < shape[-1] <= _MOST:
    raise InputError(
      f'{path}: has {shape[-1]} classes: must be 1 to {_MOST}, as labels '
      'have 8 bits; leave some out'
    )

  def read(first: int, last: int) -> np.ndarray:
    rows = array[first:last]
    # Any class alike where there is none.
    even = np.where(_missing(rows)[..., None], 1 / shape[-1], rows)
    return _checked(even, path, first)

  label = np.empty(size, np.uint8)
  for top in range(0, size[0], _ROWS):
    rows = slice(top, min(top + _ROWS, size[0]))
    label[rows] = labels.predict(read(rows.start, rows.stop))
    label[rows][_missing(array[rows])] = IGNORE
  if (label == IGNORE).all():
    raise InputError(
      f'{path}: all pixels are NaN, without a label: at least one must have '
      'probabilities; give others'
    )
  return FinishedMap(label, np.arange(shape[-1], dtype=np.uint8), read)


def holds_colours(path: pathlib.Path) -> bool:
  """Returns whether an image file stores colours rather than indices."""
  with decoding.opened(path) as image:
    return image.mode in ('RGB', 'RGBA')


def _missing(rows: np.ndarray) -> np.ndarray:
  """Returns bool [m,W], True where all of a pixel's probabilities are NaN."""
  found: np.ndarray = np.isnan(rows).all(-1)
  return found


def _load(path: pathlib.Path) -> np.ndarray:
  """Loads the array of a file, of a .npy file without reading it yet."""
  if signatures.image_format(path) == 'GTiff':
    return geo_reader.read_layers(path)
  with (
    outside.reading(
      path,
      'cannot be read as a .npy, .npz or TIFF file',
      'write it by numpy.save or magnet-jax segment --probabilities',
    ),
    path.open('rb') as file,
  ):
    if file.read(len(_NPY)) == _NPY:
      array: np.ndarray = np.load(path, mmap_mode='r', allow_pickle=False)
      return array
    array_files.check(path)
    file.seek(0)
    # Opened here: np.load leaves files open that are not archives.
    with np.load(file, allow_pickle=False) as found:
      if len(found.files) == 1 or _NAME in found.files:
        name = _NAME if _NAME in found.files else found.files[0]
        return np.asarray(found[name])
      raise InputError(
        f'{path}: holds the arrays {", ".join(found.files) or "none"}: needs '
        f'a single one, or one named {_NAME}; save it alone'
      )


def _checked(rows: np.ndarray, path: pathlib.Path, top: int) -> np.ndarray:
  """Returns rows as float32 that sum to 1 exactly."""
  with np.errstate(over='ignore', invalid='ignore'):  # refused below
    maps = rows.astype(np.float32)
    sums = maps.sum(-1, keepdims=True)
  right = (np.abs(sums[..., 0] - 1) <= _TOLERANCE) & (maps >= 0).all(-1)
  if not right.all():
    row, column = np.argwhere(~right)[0]
    raise InputError(
      f'{path}: at row {top + row}, column {column} the sum is '
      f'{sums[row, column, 0]:.4g}, the least {maps[row, column].min():.4g}: '
      'must be probabilities, at least 0 and summing to 1; apply the softmax'
    )
  return np.divide(maps, sums, out=maps)
