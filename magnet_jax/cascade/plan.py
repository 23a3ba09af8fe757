"""Stages and window grids for any image size and any network input."""

from collections.abc import Sequence
import itertools
import math

from magnet_jax.ops import windows
from magnet_jax.types import InputError, Size, Stage, WindowGrid

# The total growth may exceed the factors by this share before a stage is added:
# an image of 2 * 306 + 1 pixels should not cost a stage more than 2 * 306.
_TOLERANCE = 1.05

# Growth of a side from stage to stage, by name.
FACTORS = {'octave': 2.0, 'half-octave': 2**0.5}


def growth(factor: float | str) -> float:
  """Returns a factor by its name, or the factor itself.

  Raises:
    InputError: an unknown name, or stages would not grow.

  >>> growth('octave'), growth(1.5)
  (2.0, 1.5)
  """
  if isinstance(factor, str):
    if factor not in FACTORS:
      raise InputError(
        f'factor {factor!r}: unknown; give one of {", ".join(FACTORS)}, or a '
        'number above 1'
      )
    return FACTORS[factor]
  if not 1 < factor < math.inf:
    raise InputError(
      f'factor {factor}: stages must grow; give a factor above 1, such as 2'
    )
  return factor


def check_scales(first: float, last: float) -> None:
  """Checks the scales of the first and last stage.

  Raises:
    InputError: one is not a scale in (0, 1], or they do not grow.
  """
  for name, scale in (('first', first), ('last', last)):
    if not 0 <= scale <= 1 or (name == 'last' and not scale):
      raise InputError(
        f'{name} {scale}: must be a scale in (0, 1], the share of a side of '
        f'the image at which the {name} stage works'
        + ('; 0 starts with the whole image' if name == 'first' else '')
      )
  if first > last:
    raise InputError(
      f'first {first} and last {last}: stages go from coarse to fine; raise '
      'last, or lower first'
    )


def by_stage(overlap: float | Sequence[float], index: int) -> float:
  """Returns the overlap of a stage; the last given one serves all further."""
  if isinstance(overlap, Sequence):
    return overlap[min(index, len(overlap) - 1)] if overlap else 0.0
  return overlap


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


def least_scale(size: Size, window: Size) -> float:
  """Returns the scale at which an image fills one window, at most 1."""
  return min(1.0, window[0] / size[0], window[1] / size[1])


def _scaled(size: Size, scale: float) -> Size:
  """Returns the size of an image at a scale, at least 1 pixel."""
  return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _between(
  size: Size, factor: float, ratio: float, count: int | None
) -> list[Size]:
  """Sizes that grow by `ratio` up to `size` in equal geometric steps.

  Args:
    size: of the last stage.
    factor: largest growth of a step, where no count is given.
    ratio: total growth; of the first size, which is not in the result.
    count: number of stages with the first.
  """
  if count is None:
    count = 1 + max(1, math.ceil(math.log(ratio / _TOLERANCE, factor)))
  scales = [ratio ** (s / (count - 1) - 1) for s in range(1, count - 1)]
  return [*(_scaled(size, scale) for scale in scales), size]


def _automatic(
  size: Size, window: Size, factor: float, count: int | None
) -> list[Size]:
  """Sizes from the window up to the image, in equal geometric steps."""
  first = fit(size, window)
  if first == size:
    return [size]
  if count is not None and count < 2:
    raise InputError(
      f'{count} stage(s) for an image of {size[0]}x{size[1]} and windows of '
      f'{window[0]}x{window[1]}: an image larger than a window needs at least '
      '2; raise the number of stages'
    )
  ratio = max(size[0] / window[0], size[1] / window[1])
  # Tiny images can round two stages to the same size: one of them is enough.
  return [*dict.fromkeys([first, *_between(size, factor, ratio, count)])]


def _from_scale(
  size: Size,
  window: Size,
  *,
  first: float,
  last: float,
  factor: float,
  count: int | None,
) -> list[Size]:
  """Sizes from one scale of the image up to another, in equal steps."""
  if fit(size, window) == size:
    return [size]
  start = _scaled(size, first)
  if start[0] < window[0] and start[1] < window[1]:
    least = math.ceil(least_scale(size, window) * 1000) / 1000
    raise InputError(
      f'first {first}: reduces an image of {size[0]}x{size[1]} to {start[0]}x'
      f'{start[1]}, less than a window of {window[0]}x{window[1]}; give at '
      f'least {least:g}, or 0 to start with the whole image in one window'
    )
  if first == last:
    return [_scaled(size, last)]
  if count is not None and count < 2:
    raise InputError(
      f'{count} stage(s) from scale {first} to {last}: needs at least 2; raise '
      'the number of stages, or give both the same scale'
    )
  end = _scaled(size, last)
  return [*dict.fromkeys([start, *_between(end, factor, last / first, count)])]


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


def _sizes(
  size: Size,
  window: Size,
  *,
  scales: Sequence[Size] | None,
  factor: float,
  count: int | None,
  first: float,
  last: float,
) -> list[Size]:
  """Sizes of the stages with windows; the arguments are those of a plan."""
  if min(size) < 1 or min(window) < 1:
    raise InputError(
      f'image {size} and window {window}: sizes must be at least 1 pixel; '
      'give positive sizes'
    )
  check_scales(first, last)
  if first:
    if scales is not None:
      raise InputError(
        f'first {first} and scales {tuple(scales)}: both say where the stages '
        'begin; leave one of them out'
      )
    return _from_scale(
      size, window, first=first, last=last, factor=factor, count=count
    )
  # An image whose last stage fits in one window is enlarged from that.
  end = max(_scaled(size, last), fit(size, window))
  if scales is None:
    return _automatic(end, window, factor, count)
  return _explicit(end, window, scales)


def make_plan(
  size: Size,
  *,
  window: Size,
  scales: Sequence[Size] | None = None,
  factor: float | str = 2.0,
  stages: int | None = None,
  overlap: float | Sequence[float] = 0.0,
  first: float = 0.0,
  last: float = 1.0,
) -> tuple[Stage, ...]:
  """Plans the stages of one image, coarse to fine.

  Stage 0 is the whole image fitted in one window, or with `first` the image
  reduced to that scale, seen through windows. The last stage is the image at
  full size; if it would be computed at a smaller scale, `last`, a stage without
  windows follows, to which the result is enlarged. All stages keep the image's
  aspect ratio. An image that fits in one window has a single stage.

  Args:
    size: (height, width) of the image in pixels.
    window: (height, width) of the windows in pixels of their stage.
    scales: boxes (height, width) into which the stages before the last are
      fitted, coarse to fine; those not below the image's size are dropped.
    factor: without `scales`, the largest growth of a side from one stage to
      the next (up to 5 % in total is tolerated), or its name, one of FACTORS;
      the steps are equal.
    stages: without `scales`, the number of stages, instead of `factor`.
    overlap: least shared fraction of neighbouring windows, in [0, 1); one for
      all stages, or one per stage, the last of which serves further stages.
    first: scale of the first stage, in (0, 1]; 0 for the whole image in one
      window.
    last: scale of the last stage with windows, in (0, 1].

  Returns:
    Stages 0 … S-1.

  Raises:
    InputError: for a value out of its range, or a first stage smaller than a
      window.

  >>> [stage.size for stage in make_plan((2448, 2448), window=(306, 306))]
  [(306, 306), (612, 612), (1224, 1224), (2448, 2448)]
  >>> plan = make_plan(
  ...   (1000, 2000), window=(306, 306), first=0.5, factor='half-octave'
  ... )
  >>> [stage.size for stage in plan]
  [(500, 1000), (707, 1414), (1000, 2000)]
  """
  sizes = _sizes(
    size,
    window,
    scales=scales,
    factor=growth(factor),
    count=stages,
    first=first,
    last=last,
  )
  grids = [
    windows.make_grid(each, window, by_stage(overlap, index))
    for index, each in enumerate(sizes)
  ]
  if sizes[-1] != size:
    grids.append(WindowGrid(size, window, (), ()))
  return tuple(Stage(index, grid) for index, grid in enumerate(grids))
