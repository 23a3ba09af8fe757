"""Stages and window grids for any image size and any network input."""

from collections.abc import Sequence
import itertools
import math

from magnet_jax.ops import windows
from magnet_jax.types import InputError, Size, Stage

# The total growth may exceed the factors by this share before a stage is added:
# an image of 2 * 306 + 1 pixels should not cost a stage more than 2 * 306.
_TOLERANCE = 1.05


def fit(size: Size, box: Size) -> Size:
  """Returns the largest size of the same aspect ratio that fits in a box.

  At least 1 pixel, and never larger than `size` itself.
  """
  # Compared as integer products, so rounding cannot decide which side touches.
  if size[0] <= box[0] and size[1] <= box[1]:
    return size
  if box[0] * size[1] <= box[1] * size[0]:
    return box[0], max(1, min(box[1], round(size[1] * box[0] / size[0])))
  return max(1, min(box[0], round(size[0] * box[1] / size[1]))), box[1]


def _automatic(
  size: Size, window: Size, factor: float, count: int | None
) -> list[Size]:
  """Sizes from the window up to the image, in equal geometric steps."""
  first = fit(size, window)
  if first == size:
    return [size]
  growth = max(size[0] / window[0], size[1] / window[1])
  if count is None:
    steps = math.log(growth / _TOLERANCE) / math.log(factor)
    count = 1 + max(1, math.ceil(steps))
  if count < 2:
    raise InputError(
      f'{count} stage(s) for an image of {size[0]}x{size[1]} and windows of '
      f'{window[0]}x{window[1]}: an image larger than a window needs at least '
      '2; raise the number of stages'
    )
  sizes = [first]
  for s in range(1, count - 1):
    shrink = growth ** (s / (count - 1) - 1)
    sizes.append(
      (
        max(1, round(size[0] * shrink)),
        max(1, round(size[1] * shrink)),
      )
    )
  # Tiny images can round two stages to the same size: one of them is enough.
  return [*dict.fromkeys([*sizes, size])]


def _explicit(size: Size, window: Size, scales: Sequence[Size]) -> list[Size]:
  """Sizes of the given boxes below the image's own size, then that."""
  for smaller, larger in itertools.pairwise(scales):
    if smaller[0] > larger[0] or smaller[1] > larger[1]:
      raise InputError(
        f'scales {smaller} then {larger}: must grow from coarse to fine; '
        'reorder them'
      )
  if not scales or min(min(scale) for scale in scales) < 1:
    raise InputError(
      f'scales {tuple(scales)}: need at least one (height, width) of positive '
      'sizes; leave them out for automatic stages'
    )
  if scales[0][0] > window[0] or scales[0][1] > window[1]:
    raise InputError(
      f'first scale {scales[0]}: must fit in one window of {window}, as stage '
      '0 sees the whole image at once; put a smaller scale first'
    )
  sizes = [fit(size, scale) for scale in scales]
  return [*dict.fromkeys([*sizes, size])]


def make_plan(
  size: Size,
  *,
  window: Size,
  scales: Sequence[Size] | None = None,
  factor: float = 2.0,
  stages: int | None = None,
  overlap: float = 0.0,
) -> tuple[Stage, ...]:
  """Plans the stages of one image, coarse to fine.

  Stage 0 is the whole image fitted in one window, the last stage the image
  at full size; all keep the image's aspect ratio. An image that fits in one
  window has a single stage.

  Args:
    size: (height, width) of the image in pixels.
    window: (height, width) of the windows in pixels of their stage.
    scales: boxes (height, width) into which the stages before the last are
      fitted, coarse to fine; those not below the image's size are dropped.
    factor: without `scales`, the largest growth of a side from one stage to
      the next (up to 5 % in total is tolerated); the steps are equal.
    stages: without `scales`, the number of stages, instead of `factor`.
    overlap: least shared fraction of neighbouring windows, in [0, 1).

  Returns:
    Stages 0 … S-1.

  Raises:
    InputError: for a value out of its range.

  >>> [stage.size for stage in make_plan((2448, 2448), window=(306, 306))]
  [(306, 306), (612, 612), (1224, 1224), (2448, 2448)]
  """
  if min(size) < 1 or min(window) < 1:
    raise InputError(
      f'image {size} and window {window}: sizes must be at least 1 pixel; '
      'give positive sizes'
    )
  if not factor > 1:
    raise InputError(
      f'factor {factor}: stages must grow; give a factor above 1, such as 2'
    )
  if scales is None:
    sizes = _automatic(size, window, factor, stages)
  else:
    sizes = _explicit(size, window, scales)
  return tuple(
    Stage(index, windows.make_grid(each, window, overlap))
    for index, each in enumerate(sizes)
  )
