"""Zoom paths: nested windows of an image, one per stage, coarse to fine."""

from collections.abc import Callable
import dataclasses

import numpy as np

from magnet_jax.data import cutting
from magnet_jax.types import IGNORE, Size, Stage

Corner = tuple[int, int]
Images = Callable[[Size], tuple[np.ndarray, np.ndarray]]


@dataclasses.dataclass(frozen=True)
class Path:
  """Corners of nested windows, each inside the previous one.

  Attributes:
    stages: of the image, coarse to fine.
    corners: (top, left) of each stage's window, in pixels of its stage.
  """

  stages: tuple[Stage, ...]
  corners: tuple[Corner, ...]


def _parent_range(
  corner: int, *, window: int, length: int, around: int, whole: int
) -> tuple[int, int]:
  """Returns the least and largest start of a window around a finer one.

  Args:
    corner: start of the finer window in its stage, on one axis.
    window: its pixels.
    length: pixels of its stage.
    around: pixels of the coarser window.
    whole: pixels of the coarser stage.
  """
  # In integers: the finer window covers [corner, end) * whole / length.
  end = min(corner + window, length)
  largest = min(corner * whole // length, max(whole - around, 0))
  least = max(0, -(-end * whole // length) - around)
  # Stages of nearly the same size may leave no integer in between: then less
  # than a pixel of the finer window sticks out at its end.
  return min(least, largest), largest


def draw_path(rng: np.random.Generator, stages: tuple[Stage, ...]) -> Path:
  """Draws a window of the last stage, then ever coarser ones around it.

  Each is uniform over all possible integer corners.

  Args:
    rng: the random generator.
    stages: of one image, coarse to fine.
  """
  last = stages[-1]
  corner = tuple(
    int(rng.integers(max(last.size[axis] - last.grid.window[axis], 0) + 1))
    for axis in (0, 1)
  )
  corners = [corner]
  for coarser, finer in zip(stages[-2::-1], stages[:0:-1], strict=True):
    ranges = [
      _parent_range(
        corners[0][axis],
        window=finer.grid.window[axis],
        length=finer.size[axis],
        around=coarser.grid.window[axis],
        whole=coarser.size[axis],
      )
      for axis in (0, 1)
    ]
    top, left = (int(rng.integers(low, high + 1)) for low, high in ranges)
    corners.insert(0, (top, left))
  return Path(stages, tuple((top, left) for top, left in corners))


def places(path: Path, network: Size) -> tuple[np.ndarray, np.ndarray]:
  """Computes where each window lies in the previous one, at network size.

  Args:
    path: the windows.
    network: (h, w) that every window is resized to.

  Returns:
    float32 [S,2], the corner (y, x) in pixels of the previous window;
    float32 [S,2], how many of these make up a pixel of the window. 0 and 1
    for stage 0.
  """
  offsets, ratios = [np.zeros(2)], [np.ones(2)]
  for s in range(1, len(path.stages)):
    coarser, finer = path.stages[s - 1], path.stages[s]
    ratio = np.divide(coarser.size, finer.size)
    offset = np.multiply(path.corners[s], ratio) - path.corners[s - 1]
    # From pixels of the coarser stage to those of its window's input.
    offsets.append(offset * np.divide(network, coarser.grid.window))
    ratios.append(ratio * np.divide(finer.grid.window, coarser.grid.window))
  return (
    np.stack(offsets).astype(np.float32),
    np.stack(ratios).astype(np.float32),
  )


def cut_path(
  path: Path, images: Images, *, network: Size
) -> tuple[np.ndarray, np.ndarray]:
  """Cuts the windows of a path.

  Args:
    path: the windows.
    images: (height, width) of a stage -> its image [H_s,W_s,3] and label
      [H_s,W_s].
    network: (h, w) that every window is resized to.

  Returns:
    uint8 [S,h,w,3] and uint8 [S,h,w].
  """
  pieces, labels = [], []
  for stage, corner in zip(path.stages, path.corners, strict=True):
    image, label = images(stage.size)
    piece, part = cutting.cut_window(
      image, label, corner, window=stage.grid.window, network=network
    )
    pieces.append(piece)
    labels.append(part)
  return np.stack(pieces), np.stack(labels)


def extend(arrays: dict[str, np.ndarray], count: int) -> dict[str, np.ndarray]:
  """Pads to `count` stages by repeating the last window, labels ignored.

  Args:
    arrays: images, labels, offsets and ratios of at most `count` stages.
    count: S.
  """
  missing = count - len(arrays['images'])
  if not missing:
    return arrays
  fill = {
    'images': arrays['images'][-1],
    'labels': np.full_like(arrays['labels'][-1], IGNORE),
    'offsets': np.zeros(2, np.float32),
    'ratios': np.ones(2, np.float32),
  }
  return {
    name: np.concatenate([array, np.stack([fill[name]] * missing)])
    for name, array in arrays.items()
  }
