"""A Gaussian along one axis of an image, on the vertices of a spline.

Unser, Splines: A Perfect Fit for Signal and Image Processing, IEEE Signal
Processing Magazine 1999. With cubic B-splines, vertices one sigma apart hold as
much of a Gaussian as vertices half a sigma apart do with linear weights.
"""

import numpy as np

TAPS = 4


class SplineAxis:
  """Tiles of pixels between vertices, and a blur of these.

  The blur is the one that makes the product of splat, blur and slice nearest to
  exp(-d²/2) for the centres of all tiles, by least squares.

  Args:
    length: of the axis, in pixels.
    side: of a tile, in pixels; the last may be smaller.
    sigma: of the Gaussian, in pixels.
    spacing: of the vertices, in sigmas.

  Attributes:
    side: of a tile.
    count: of vertices.
    firsts: int [tiles], the first of the four vertices around each.
    weights: float32 [tiles,4], of these.
    blur: float32 [count,count].
  """

  def __init__(self, length: int, *, side: int, sigma: float, spacing: float):
    self.side = side
    self._length = length
    starts = np.arange(0, length, side)
    centres = (starts + np.minimum(starts + side, length) - 1) / (2 * sigma)
    self.firsts = (centres / spacing).astype(np.int32)
    self.count = int(self.firsts[-1]) + TAPS
    weights = _cubic(centres / spacing - self.firsts)
    self.weights = weights.astype(np.float32)
    spread = np.zeros((len(centres), self.count))
    places = self.firsts[:, None] + np.arange(TAPS)
    np.put_along_axis(spread, places, weights, axis=1)
    fitted = np.linalg.pinv(spread)
    kernel = np.exp(-((centres[:, None] - centres) ** 2) / 2)
    self.blur = (fitted @ kernel @ fitted.T).astype(np.float32)

  def pixels(self, tile: int) -> slice:
    """Returns the pixels of a tile."""
    return slice(tile * self.side, min((tile + 1) * self.side, self._length))


def _cubic(places: np.ndarray) -> np.ndarray:
  """Returns the weights [n,4] of the B-splines around places [n] in a cell."""
  rest = 1 - places
  return np.stack(
    [
      rest**3 / 6,
      2 / 3 - places**2 * (2 - places) / 2,
      2 / 3 - rest**2 * (2 - rest) / 2,
      places**3 / 6,
    ],
    axis=-1,
  )
