"""Storage for the images and maps of an image's stages during a run."""

from collections.abc import Callable, Sequence
import dataclasses
from typing import Any, Protocol

import numpy as np

from magnet_jax.cascade import tiling
from magnet_jax.cascade.parts import Part, Share
from magnet_jax.rasters import given_image
from magnet_jax.rasters.given_image import Given
from magnet_jax.types import InputError, Plane, Size, Stage


class Progress(Protocol):
  """Progress callbacks of a run."""

  def says(self, text: str) -> None:
    """Tells what is being done."""

  def done(self, windows: int) -> None:
    """Reports that so many more windows are refined."""

  def skipped(self, windows: int) -> None:
    """Reports windows that need no refining, or were refined earlier."""


class Silent:
  """Progress callbacks that do nothing."""

  def says(self, text: str) -> None:
    """Does nothing."""

  def done(self, windows: int) -> None:
    """Does nothing."""

  def skipped(self, windows: int) -> None:
    """Does nothing."""


SILENT = Silent()


class Workspace(Protocol):
  """What the loop over stages reads from and writes to."""

  def image(self, stage: Stage) -> Plane:
    """Returns a stage's image: uint8 [H_s,W_s,3]."""

  def map(self, stage: Stage) -> Plane:
    """Returns the segmentation after a stage: float32 [H_s,W_s,C]."""

  def once(self, name: str, make: Callable[[], Any]) -> Any:
    """Makes a JSON value once, however many processes and runs ask for it."""

  def share(
    self, stage: Stage, numbers: Sequence[int], expected: int, batch: int
  ) -> Share | None:
    """Begins a stage.

    Args:
      stage: the stage.
      numbers: the windows to compute.
      expected: the stage's number of windows in the progress.
      batch: number of windows computed at a time.

    Returns:
      What of it is to be done by this process now; None if all is done.
    """

  def put(self, stage: Stage, part: Part) -> None:
    """Stores what a part has finished."""

  def end(self, stage: Stage) -> None:
    """Notes that a stage is complete."""


@dataclasses.dataclass(frozen=True)
class InMemory:
  """An array as a plane.

  Attributes:
    values: [H,W,...].
  """

  values: np.ndarray

  @property
  def size(self) -> Size:
    """(height, width)."""
    return self.values.shape[0], self.values.shape[1]

  def read(self, top: int, left: int, height: int, width: int) -> np.ndarray:
    """Returns a rectangle, [height,width,...], as a view."""
    return self.values[top : top + height, left : left + width]

  def write(self, top: int, left: int, values: np.ndarray) -> None:
    """Writes [h,w,...] in its place."""
    height, width = values.shape[:2]
    self.values[top : top + height, left : left + width] = values


class MemoryWorkspace:
  """The stages of one image as arrays; only the latest map is kept.

  Args:
    image: anything that `given_image.as_raster` takes, of H x W pixels.
    size: (H, W), for which the stages were planned.
    shrink: (uint8 [H,W,3], size) -> the stage's image.
    progress: progress callbacks.

  Raises:
    InputError: it is no image, or one of another size.

  Attributes:
    probabilities: float32 [H_s,W_s,C], after the latest stage.
    chosen: bool [H_s,W_s], the points replaced in it; None for stage 0 and
      a stage without windows.
  """

  def __init__(
    self,
    image: Given,
    size: Size,
    shrink: Callable[[np.ndarray, Size], np.ndarray],
    progress: Progress,
  ):
    self._image = given_image.as_pixels(image)
    height, width = self._image.shape[:2]
    if (height, width) != size:
      raise InputError(
        f'image of {height}x{width} with a plan for {size[0]}x{size[1]} '
        "(height x width): must be the same; make a plan for the image's size"
      )
    self._shrink = shrink
    self._progress = progress
    self.probabilities = np.zeros((0, 0, 0), np.float32)
    self.chosen: np.ndarray | None = None
    self._begun = False

  def image(self, stage: Stage) -> InMemory:
    """Returns a stage's image: uint8 [H_s,W_s,3]."""
    return InMemory(self._shrink(self._image, stage.size))

  def map(self, stage: Stage) -> InMemory:
    """Returns the latest map: float32 [H_s,W_s,C]."""
    del stage
    return InMemory(self.probabilities)

  def once(self, name: str, make: Callable[[], Any]) -> Any:
    """Makes the value: here each is asked for once."""
    del name
    return make()

  def share(
    self, stage: Stage, numbers: Sequence[int], expected: int, batch: int
  ) -> Share:
    """Returns all of a stage."""
    del batch
    self._progress.skipped(expected - len(numbers))
    refined = len(stage.grid) and stage.index
    self.chosen = np.zeros(stage.size, bool) if refined else None
    self._begun = False
    return Share(range(len(tiling.tiled(stage.grid))))

  def put(self, stage: Stage, part: Part) -> None:
    """Writes tiles and points in their places."""
    for tile in part.tiles:
      if not self._begun:
        # Only the first tile tells how many classes there are. The map before
        # is still held by the caller: `map` gave it the array.
        shape = (*(part.size or stage.size), tile.values.shape[-1])
        self._begun = True
        if tile.values.shape == shape and _own(tile.values):
          self.probabilities = tile.values
          continue
        self.probabilities = np.empty(shape, np.float32)
      InMemory(self.probabilities).write(tile.top, tile.left, tile.values)
    for mark in part.marks:
      assert self.chosen is not None
      height, width = mark.values.shape
      InMemory(self.chosen).read(mark.top, mark.left, height, width)[
        mark.values
      ] = True

  def end(self, stage: Stage) -> None:
    """Keeps nothing: the map stays until the next stage begins."""


def _own(values: np.ndarray) -> bool:
  """Whether an array is no view and none of JAX's, which cannot be written."""
  return values.flags.owndata and values.flags.writeable
