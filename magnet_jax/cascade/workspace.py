"""Where the images and maps of an image's stages live while it is segmented."""

from collections.abc import Callable, Sequence
import dataclasses
from typing import Any, Protocol

import numpy as np

from magnet_jax.cascade.parts import Part, Share
from magnet_jax.types import Plane, Size, Stage


class Progress(Protocol):
  """Progress callbacks of a run."""

  def says(self, text: str) -> None:
    """What is being done."""

  def done(self, windows: int) -> None:
    """So many more windows are refined."""

  def skipped(self, windows: int) -> None:
    """So many more windows need not be refined, or were by an earlier run."""


class Silent:
  """A progress that nobody watches."""

  def says(self, text: str) -> None:
    """Ignores it."""

  def done(self, windows: int) -> None:
    """Ignores it."""

  def skipped(self, windows: int) -> None:
    """Ignores it."""


class Workspace(Protocol):
  """What the loop over stages reads from and writes to."""

  def image(self, stage: Stage) -> Plane:
    """uint8 [H_s,W_s,3]."""

  def map(self, stage: Stage) -> Plane:
    """float32 [H_s,W_s,C], the segmentation after a stage."""

  def begin(self, stage: Stage, values: np.ndarray) -> None:
    """Takes the map of stage 0: float32 [H,W,C]."""

  def once(self, name: str, make: Callable[[], Any]) -> Any:
    """A JSON value that is made once, whoever asks and however often."""

  def share(
    self, stage: Stage, numbers: Sequence[int], expected: int, batch: int
  ) -> Share | None:
    """Begins a stage after the first.

    Args:
      stage: the stage.
      numbers: the windows to refine.
      expected: how many windows the progress expects of the stage.
      batch: windows at a time.

    Returns:
      What of it is to be done here and now; None if all is done.
    """

  def put(self, stage: Stage, part: Part) -> None:
    """Takes what a part has finished."""

  def end(self, stage: Stage) -> None:
    """Notes that a stage is complete."""


@dataclasses.dataclass(frozen=True)
class InMemory:
  """A plane as an array.

  Attributes:
    values: [H,W,...].
  """

  values: np.ndarray

  @property
  def size(self) -> Size:
    """(height, width)."""
    return self.values.shape[0], self.values.shape[1]

  def read(self, top: int, left: int, height: int, width: int) -> np.ndarray:
    """[height,width,...], a view."""
    return self.values[top : top + height, left : left + width]

  def write(self, top: int, left: int, values: np.ndarray) -> None:
    """Puts [h,w,...] in its place."""
    height, width = values.shape[:2]
    self.values[top : top + height, left : left + width] = values


class MemoryWorkspace:
  """The stages of one image as arrays; only the latest map is kept.

  Args:
    image: uint8 [H,W,3].
    shrink: (uint8 [H,W,3], size) -> the stage's image.
    progress: callbacks.

  Attributes:
    probabilities: float32 [H_s,W_s,C], after the latest stage.
    chosen: bool [H_s,W_s], the points replaced in it; None for a stage
      without windows to refine.
  """

  def __init__(
    self,
    image: np.ndarray,
    shrink: Callable[[np.ndarray, Size], np.ndarray],
    progress: Progress,
  ):
    self._image = image
    self._shrink = shrink
    self._progress = progress
    self.probabilities = np.zeros((0, 0, 0), np.float32)
    self.chosen: np.ndarray | None = None

  def image(self, stage: Stage) -> InMemory:
    """uint8 [H_s,W_s,3]."""
    return InMemory(self._shrink(self._image, stage.size))

  def map(self, stage: Stage) -> InMemory:
    """The latest map, float32 [H_s,W_s,C]."""
    del stage
    return InMemory(self.probabilities)

  def begin(self, stage: Stage, values: np.ndarray) -> None:
    """Takes the map of stage 0."""
    del stage
    self.probabilities = values

  def once(self, name: str, make: Callable[[], Any]) -> Any:
    """Makes the value: each is asked for once."""
    del name
    return make()

  def share(
    self, stage: Stage, numbers: Sequence[int], expected: int, batch: int
  ) -> Share:
    """All of a stage."""
    del batch
    self._progress.skipped(expected - len(numbers))
    shape = self.probabilities.shape[-1:]
    self.probabilities = np.empty((*stage.size, *shape), np.float32)
    self.chosen = np.zeros(stage.size, bool) if len(stage.grid) else None
    return Share(range(len(stage.grid)))

  def put(self, stage: Stage, part: Part) -> None:
    """Writes tiles and points in their places."""
    del stage
    for tile in part.tiles:
      InMemory(self.probabilities).write(tile.top, tile.left, tile.values)
    for mark in part.marks:
      assert self.chosen is not None
      height, width = mark.values.shape
      InMemory(self.chosen).read(mark.top, mark.left, height, width)[
        mark.values
      ] = True

  def end(self, stage: Stage) -> None:
    """Keeps nothing: the map stays until the next stage begins."""
