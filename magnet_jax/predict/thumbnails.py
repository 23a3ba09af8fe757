"""Small pictures of maps and images of any size, in memory or on disk."""

from collections.abc import Sequence
import dataclasses

import numpy as np

from magnet_jax.cascade.disk_workspace import StreamedStage
from magnet_jax.cascade.labels import predict
from magnet_jax.cascade.workspace import InMemory
from magnet_jax.ops import area
from magnet_jax.ops.uncertainty import uncertainty
from magnet_jax.predict import pictures
from magnet_jax.predict.panel import StageView
from magnet_jax.predict.panel_cells import fit
from magnet_jax.types import IGNORE, ClassTable, Plane, Size, Stage

LONGEST = 1024  # pixels of the longer side
_AT_ONCE = 512  # side of the pieces that are read, in pixels


def photograph(images: Sequence[Plane], longest: int = LONGEST) -> np.ndarray:
  """Shrinks an image: uint8 [h,w,3].

  Args:
    images: uint8 [H_s,W_s,3], the same image in growing sizes.
    longest: pixels of the longer side, at most those of the image.
  """
  size = fit(images[-1].size, min(longest, max(images[-1].size)))
  # Of the smallest stage that is large enough: far less to read.
  large = [each for each in images if max(each.size) >= max(size)]
  if max(large[0].size) > 2 * longest:
    return sample(large[0], size)
  return area.shrink(large[0].read(0, 0, *large[0].size), size)


def sample(plane: Plane, size: Size) -> np.ndarray:
  """Picks the pixels nearest to a smaller grid: [h,w,...]."""
  rows, columns = (
    ((np.arange(want) + 0.5) * have / want).astype(int)
    for have, want in zip(plane.size, size, strict=True)
  )
  return np.concatenate(
    [
      np.concatenate([_picked(plane, r, c) for c in _parts(columns)], axis=1)
      for r in _parts(rows)
    ]
  )


def _parts(places: np.ndarray) -> list[np.ndarray]:
  """Groups of places so close together that all between them can be read."""
  groups = places // _AT_ONCE
  return np.split(places, np.flatnonzero(np.diff(groups)) + 1)


def _picked(plane: Plane, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
  top, left = int(rows[0]), int(columns[0])
  height, width = int(rows[-1]) - top + 1, int(columns[-1]) - left + 1
  found = plane.read(top, left, height, width)
  return found[rows - top][:, columns - left]


def view(streamed: StreamedStage) -> StageView:
  """Returns what a panel shows of a stage on disk."""
  stage = streamed.stage
  size = fit(stage.size, min(LONGEST, max(stage.size)))
  if streamed.label is None:
    assert streamed.probabilities is not None
    found = _of_maps(stage, sample(streamed.probabilities, size))
  else:
    doubt = None
    if streamed.confidence is not None:
      doubt = 1 - sample(streamed.confidence, size) / np.float32(255)
    found = StageView(title(stage), sample(streamed.label, size), doubt)
  if streamed.invalid is None:
    return found
  return masked(found, sample(streamed.invalid, size) == 0)


def masked(view: StageView, valid: np.ndarray) -> StageView:
  """Returns a view with neither class nor doubt where the image has no data.

  Args:
    view: of any size.
    valid: bool [H,W], False where the image has no data.
  """
  near = sample(InMemory(valid), (view.label.shape[0], view.label.shape[1]))
  doubt = view.uncertainty
  return dataclasses.replace(
    view,
    label=np.where(near, view.label, np.uint8(IGNORE)),
    uncertainty=None if doubt is None else np.where(near, doubt, np.float32(0)),
  )


def _of_maps(stage: Stage, maps: np.ndarray) -> StageView:
  return StageView(title(stage), predict(maps), uncertainty(maps))


def tinted(
  image: np.ndarray,
  maps: np.ndarray,
  classes: ClassTable,
  valid: np.ndarray | None = None,
) -> np.ndarray:
  """Draws a small picture of an image, tinted by its classes so far.

  Args:
    image: uint8 [H,W,3].
    maps: float32 [h,w,C], of any size.
    classes: names and colours.
    valid: bool [H,W], False where the image has no data; None: nowhere.

  Returns:
    uint8 [h',w',3].
  """
  small = photograph([InMemory(image)])
  label = predict(sample(InMemory(maps), small.shape[:2]))
  if valid is not None:
    near = sample(InMemory(valid), small.shape[:2])
    label = np.where(near, label, np.uint8(IGNORE))
  return pictures.overlay(small, label, classes)


def title(stage: Stage) -> str:
  """Returns the title of a stage in pictures."""
  height, width = stage.size
  return f'{stage.name}, {width} x {height}'


def preview(
  photograph: np.ndarray, label: Plane, classes: ClassTable
) -> np.ndarray:
  """Blends a label of any size with a small picture of its image.

  Args:
    photograph: uint8 [h,w,3].
    label: uint8 [H,W].
    classes: names and colours.

  Returns:
    uint8 [h,w,3].
  """
  size = photograph.shape[0], photograph.shape[1]
  return pictures.overlay(photograph, sample(label, size), classes)
