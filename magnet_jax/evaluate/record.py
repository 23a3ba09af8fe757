"""The record of one image and method: a line of records.jsonl."""

from typing import NotRequired, TypedDict, cast

from magnet_jax.files import records
from magnet_jax.files.atomic import PathLike


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
