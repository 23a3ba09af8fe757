"""Random changes to samples that keep their labels valid."""

from collections.abc import Mapping
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

_TONES = ('brightness', 'contrast', 'gamma', 'channels', 'saturation')

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
    brightness: j >= 1; a factor of all values, drawn in the same way.
    contrast: j >= 1; a factor of the distance from mid-grey.
    gamma: j >= 1; an exponent of the values in 0..1.
    channels: j >= 1; a factor of red, green and blue, each drawn on its own.
    saturation: j >= 1; a factor of the distance from grey.
    hue: largest rotation of the hue, in degrees.
  """

  flip_horizontal: bool = False
  flip_vertical: bool = False
  rotate: bool = False
  scale_jitter: float = 1.0
  brightness: float = 1.0
  contrast: float = 1.0
  gamma: float = 1.0
  channels: float = 1.0
  saturation: float = 1.0
  hue: float = 0.0

  def __post_init__(self) -> None:
    for name in ('scale_jitter', *_TONES):
      limit = getattr(self, name)
      if not 1 <= limit <= 4:
        raise InputError(
          f'{name} {limit}: must lie in [1, 4]; give 1 for none, or for '
          'example 1.3 for factors of 1/1.3 to 1.3'
        )
    if not 0 <= self.hue <= 180:
      raise InputError(
        f'hue {self.hue}: must lie in [0, 180] degrees; give 0 for none'
      )


def from_jitter(strength: float) -> dict[str, float]:
  """Converts `colour_jitter`, a setting of earlier versions, to the new ones.

  Args:
    strength: in [0, 1].

  Returns:
    Fields of `Augmentation` that draw the same changes of colour.

  Raises:
    InputError: the strength is out of range.
  """
  if not 0 <= strength <= 1:
    raise InputError(
      f'colour_jitter {strength}: must lie in [0, 1]; better, replace it by '
      f'{", ".join(_TONES)} and hue, see configs/default.py'
    )
  powers: Mapping[str, float] = {
    'brightness': 0.3,
    'contrast': 0.4,
    'gamma': 0.4,
    'channels': 0.0,
    'saturation': 0.5,
  }
  # Rounded, so that a message that asks for them can be followed.
  return {
    'hue': round(18 * strength, 2),
    **{
      name: round(math.exp(power * strength), 4)
      for name, power in powers.items()
    },
  }


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
    contrast: factor for the distance from mid-grey.
    gamma: exponent of the brightness in 0..1.
    channels: factors of red, green and blue.
    saturation: factor.
    hue: rotation of the hue in radians.
  """

  brightness: float = 1.0
  contrast: float = 1.0
  gamma: float = 1.0
  channels: tuple[float, float, float] = (1.0, 1.0, 1.0)
  saturation: float = 1.0
  hue: float = 0.0

  def apply(self, image: np.ndarray) -> np.ndarray:
    """Changes uint8 [H,W,3]; returns the same array if nothing changes."""
    if self == Colours():
      return image
    mixed = cv2.transform(image, self._mixture())
    return np.asarray(cv2.LUT(mixed, self._tones()))

  def _mixture(self) -> np.ndarray:
    """Returns the matrix [3,3] of hue, saturation and the channels' gains."""
    cos, sin = math.cos(self.hue), math.sin(self.hue)
    chroma = np.eye(3)
    chroma[1:, 1:] = np.array([[cos, -sin], [sin, cos]]) * self.saturation
    # At most 1, as the result is clipped; the table has the common factor.
    gains = np.asarray(self.channels) / max(self.channels)
    return np.asarray(gains[:, None] * (_RGB @ chroma @ _YIQ))

  def _tones(self) -> np.ndarray:
    """Returns the lookup table of all channels, uint8 [256]."""
    tones = np.arange(256) / 255 * max(self.channels)
    tones = tones**self.gamma * self.brightness
    tones = (tones - 0.5) * self.contrast + 0.5
    return np.clip(np.rint(tones * 255), 0, 255).astype(np.uint8)


def draw_colours(rng: np.random.Generator, options: Augmentation) -> Colours:
  """Draws a change of colours, each factor j log-uniformly from [1/j, j].

  Args:
    rng: advanced by eight numbers whatever the options.
    options: the limits.

  Returns:
    The change; `Colours()` where all limits are 1 and the hue is 0.
  """
  brightness, contrast, gamma, saturation, hue, *channels = rng.uniform(
    -1, 1, 8
  )
  red, green, blue = (options.channels**power for power in channels)
  return Colours(
    brightness=options.brightness**brightness,
    contrast=options.contrast**contrast,
    gamma=options.gamma**gamma,
    channels=(red, green, blue),
    saturation=options.saturation**saturation,
    hue=math.radians(options.hue * hue),
  )
