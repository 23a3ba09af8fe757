"""Random changes to samples that keep their labels valid."""

import dataclasses
import math

import cv2
import numpy as np

from magnet_jax.types import InputError, Size

# RGB to luma and two chroma axes (YIQ); rotating the latter turns the hue.
_YIQ = np.array(
  [
    [0.299, 0.587, 0.114],
    [0.596, -0.274, -0.322],
    [0.211, -0.523, 0.312],
  ]
)
_RGB = np.linalg.inv(_YIQ)

Region = tuple[int, int, int, int]  # first row, end row, first column, end


@dataclasses.dataclass(frozen=True)
class Augmentation:
  """Which changes a sample may undergo; the defaults change nothing.

  Attributes:
    flip_horizontal: mirror left and right with probability 1/2.
    flip_vertical: mirror top and bottom with probability 1/2.
    rotate: by 0, 90, 180 or 270 degrees.
    scale_jitter: j >= 1; the scale of a window is multiplied by a factor
      drawn log-uniformly from [1/j, j].
    colour_jitter: strength of the colour changes, in [0, 1].
  """

  flip_horizontal: bool = False
  flip_vertical: bool = False
  rotate: bool = False
  scale_jitter: float = 1.0
  colour_jitter: float = 0.0

  def __post_init__(self) -> None:
    if not 1 <= self.scale_jitter <= 4:
      raise InputError(
        f'scale_jitter {self.scale_jitter}: must lie in [1, 4]; give 1 for '
        'none, or for example 1.3 for scales of 1/1.3 to 1.3'
      )
    if not 0 <= self.colour_jitter <= 1:
      raise InputError(
        f'colour_jitter {self.colour_jitter}: must lie in [0, 1]; give 0 for '
        'none'
      )


@dataclasses.dataclass(frozen=True)
class Symmetry:
  """One of the eight symmetries of an image: transpose, then flip."""

  transpose: bool = False
  flip_rows: bool = False
  flip_columns: bool = False

  def apply(self, array: np.ndarray) -> np.ndarray:
    """Applies it to [H,W,...]; a view, H and W swapped if transposed."""
    if self.transpose:
      array = array.swapaxes(0, 1)
    if self.flip_rows:
      array = array[::-1]
    if self.flip_columns:
      array = array[:, ::-1]
    return array

  def size(self, size: Size) -> Size:
    """Converts the (height, width) of an image to the result's, or back."""
    return (size[1], size[0]) if self.transpose else size

  def source(self, region: Region, size: Size) -> Region:
    """Returns the region of the original that a region of the result shows.

    Args:
      region: rows and columns of the result, ends exclusive.
      size: (height, width) of the result.
    """
    top, bottom, left, right = region
    if self.flip_rows:
      top, bottom = size[0] - bottom, size[0] - top
    if self.flip_columns:
      left, right = size[1] - right, size[1] - left
    if self.transpose:
      return left, right, top, bottom
    return top, bottom, left, right


def draw_symmetry(rng: np.random.Generator, options: Augmentation) -> Symmetry:
  """Draws uniformly among the symmetries that the options allow."""
  turns = int(rng.integers(4)) if options.rotate else 0
  mirror = rng.integers(2, size=2).astype(bool)
  return Symmetry(
    transpose=turns in (1, 3),
    flip_rows=(turns in (1, 2)) ^ bool(options.flip_vertical and mirror[0]),
    flip_columns=(turns in (2, 3))
    ^ bool(options.flip_horizontal and mirror[1]),
  )


def draw_scale(rng: np.random.Generator, options: Augmentation) -> float:
  """Draws a factor log-uniformly from [1/j, j]."""
  limit = math.log(options.scale_jitter)
  return math.exp(rng.uniform(-limit, limit))


@dataclasses.dataclass(frozen=True)
class Colours:
  """A pixel-wise change of colours; the defaults change nothing.

  Attributes:
    brightness: factor.
    contrast: factor for the distance from mid grey.
    gamma: exponent of the brightness in 0..1.
    saturation: factor.
    hue: rotation of the hue in radians.
  """

  brightness: float = 1.0
  contrast: float = 1.0
  gamma: float = 1.0
  saturation: float = 1.0
  hue: float = 0.0

  def apply(self, image: np.ndarray) -> np.ndarray:
    """Changes uint8 [H,W,3]; returns the same array if nothing changes."""
    if self == Colours():
      return image
    cos, sin = math.cos(self.hue), math.sin(self.hue)
    chroma = np.eye(3)
    chroma[1:, 1:] = np.array([[cos, -sin], [sin, cos]]) * self.saturation
    turned = cv2.transform(image, _RGB @ chroma @ _YIQ)
    return np.asarray(cv2.LUT(turned, self._tones()))

  def _tones(self) -> np.ndarray:
    """Returns the lookup table of a channel, uint8 [256]."""
    tones = (np.arange(256) / 255) ** self.gamma * self.brightness
    tones = (tones - 0.5) * self.contrast + 0.5
    return np.clip(np.rint(tones * 255), 0, 255).astype(np.uint8)


def draw_colours(rng: np.random.Generator, strength: float) -> Colours:
  """Draws a change of colours.

  Args:
    rng: advanced by five numbers whatever the strength.
    strength: 0 changes nothing, 1 is about the variation of outdoor light.

  Returns:
    The change; `Colours()` for a strength of 0.
  """
  brightness, contrast, gamma, saturation, hue = rng.uniform(
    -strength, strength, 5
  )
  return Colours(
    brightness=math.exp(0.3 * brightness),
    contrast=math.exp(0.4 * contrast),
    gamma=math.exp(0.4 * gamma),
    saturation=math.exp(0.5 * saturation),
    hue=0.1 * math.pi * hue,
  )
