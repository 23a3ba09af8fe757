"""Linear interpolation along an axis of a map, on the host.

By the rule of `resize`, but for any part of the result: what does not fit in
memory is enlarged piece by piece.
"""

import numpy as np

# int [n], lower neighbours; int [n], upper ones; float32 [n], share of these.
Samples = tuple[np.ndarray, np.ndarray, np.ndarray]

_ROWS = 32  # interpolated at a time


def samples(have: int, want: int, start: int, stop: int) -> Samples:
  """Computes where pixels start … stop-1 of `want` lie among `have` pixels.

  Returns:
    int [n], the lower neighbour; int [n], the upper one; float32 [n], the
    share of the upper one.
  """
  centres = (np.arange(start, stop) + 0.5) * (have / want) - 0.5
  centres = centres.clip(0, have - 1)
  low = np.floor(centres).astype(int)
  return low, np.minimum(low + 1, have - 1), (centres - low).astype(np.float32)


def interpolate(
  maps: np.ndarray,
  axis: int,
  low: np.ndarray,
  high: np.ndarray,
  share: np.ndarray,
) -> np.ndarray:
  """Interpolates along an axis: (1 - share) maps[low] + share maps[high].

  Args:
    maps: float32 [h,w,C].
    axis: 0 or 1.
    low: int [n]; like `high` and `share` from `samples`.
    high: int [n].
    share: float32 [n].

  Returns:
    float32, with n entries along the axis.
  """
  shape = list(maps.shape)
  shape[axis] = len(low)
  found = np.empty(shape, np.float32)
  # Rows that stay in the cache take less time than all at once.
  for start in range(0, len(found), _ROWS):
    rows = slice(start, start + _ROWS)
    if axis == 0:
      lower, upper = maps[low[rows]], maps[high[rows]]
      shares = share[rows, None, None]
    else:  # on rows of floats, as broadcasting along a few classes is slow
      lower, upper = maps[rows].take(low, 1), maps[rows].take(high, 1)
      shares = np.repeat(share, maps.shape[-1]).reshape(len(share), -1)
    mixed = np.subtract(upper, lower, out=found[rows])
    mixed *= shares
    mixed += lower
  return found
