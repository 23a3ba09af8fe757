"""The record of one image and method: a line of records.jsonl."""

from typing import NotRequired, TypedDict, cast

import numpy as np

from magnet_jax.files import records
from magnet_jax.files.atomic import PathLike
from magnet_jax.types import InputError

_REMEDY = 'give records that magnet-jax evaluate wrote'
_NAMES = ('image', 'method')
_NUMBERS = (
  'miou',
  'boundary_iou',
  'boundary_f',
  'pixel_accuracy',
  'fwiou',
  'category_iou',
  'miou_known',
  'seconds',
  'peak_host_mb',
  'index',
  'height',
  'width',
  'windows',
)
_WHOLE = _NUMBERS[-4:]
_COUNTS = ('confusion', 'boundary')
_MOST = 2**40  # pixels: sums over many images stay within 64 bits


class Scores(TypedDict, total=False):
  """How well a prediction agrees with its label; None where nothing counts.

  Fractions in 0..1, and the pixel counts that they come from, which can be
  summed over images.
  """

  miou: float | None
  iou: list[float | None]  # by class
  boundary_iou: float | None
  boundary_f: float | None
  pixel_accuracy: float | None
  fwiou: float | None
  category_iou: float | None
  miou_known: float | None
  confusion: list[list[int]]
  boundary: list[list[int]]


class Record(Scores):
  """One image and method; records of older versions may have fewer fields."""

  image: str
  method: str
  index: NotRequired[int]  # of the image in the run
  height: NotRequired[int]
  width: NotRequired[int]
  seconds: NotRequired[float | None]
  windows: NotRequired[int | None]
  peak_host_mb: NotRequired[float | None]


def read(path: PathLike) -> list[Record]:
  """Reads the lines of a file as records, unchecked; see `records.read`."""
  return cast(list[Record], records.read(path))


def check(name: str, record: Record) -> None:
  """Raises InputError unless the fields of a record have their types.

  Args:
    name: of the record, for the message.
    record: as a file holds it.
  """
  values = cast(dict[str, object], record)
  for key in _NAMES:
    if not isinstance(values.get(key), str):
      raise _wrong(name, key, values.get(key), 'a name')
  for key in _NUMBERS:
    value = values.get(key)
    if value is not None and not _is_number(value):
      raise _wrong(name, key, value, 'a number or null')
    if key in _WHOLE and value is not None and not _is_count(value):
      raise _wrong(name, key, value, 'a whole number, at least 0')
  shares = values.get('iou')
  if shares is not None and not (
    isinstance(shares, list)
    and all(each is None or _is_number(each) for each in shares)
  ):
    raise _wrong(name, 'iou', shares, 'a list of numbers or null')
  for key in _COUNTS:
    if values.get(key) is not None and counts(values[key]) is None:
      raise _wrong(name, key, values[key], 'a table of counts of pixels')


def counts(value: object) -> np.ndarray | None:
  """Returns int64 [n,m] of a table of counts, None if it is not one."""
  try:
    table = np.asarray(value, np.float64)
  except (TypeError, ValueError, OverflowError):
    return None
  if table.ndim != 2 or not table.size:
    return None
  right = (table >= 0) & (table <= _MOST) & (table == np.round(table))
  return table.astype(np.int64) if right.all() else None


def _is_number(value: object) -> bool:
  return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: object) -> bool:
  return isinstance(value, int) and 0 <= value <= _MOST


def _wrong(name: str, key: str, value: object, rule: str) -> InputError:
  return InputError(
    f'{name}: has the {key} {value!r:.60}: it must be {rule}; {_REMEDY}'
  )
