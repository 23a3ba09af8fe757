"""Converts pixels of any type to 8 bits by an explicit range.

    wanted = stretching.parse('2-98')
    pixels = stretching.estimate(wanted, samples)(raw)

Eight bits stay as they are. Of unsigned 16 bits 'none' takes the upper eight,
as `images.read_image` does; other types have no natural range, so one must be
given: percentiles such as '2-98', 'min-max', or two values.
"""

import dataclasses
import math
import re

import numpy as np

from magnet_jax.types import InputError

Wanted = str | tuple[float, float]
_PERCENTILES = re.compile(r'(\d+(?:\.\d*)?)-(\d+(?:\.\d*)?)')
_ROWS = 256
_FORMS = (
  "choose 'none', 'min-max', percentiles such as '2-98', or two values LOW,HIGH"
)


@dataclasses.dataclass(frozen=True)
class Stretch:
  """Maps [low, high] of each band linearly to 0..255 and clips the rest.

  Attributes:
    low: float64 [bands].
    high: float64 [bands].
  """

  low: np.ndarray
  high: np.ndarray

  def __call__(self, pixels: np.ndarray) -> np.ndarray:
    """Scales [bands,h,w] of any real numbers to uint8 [bands,h,w]."""
    scaled = np.empty(pixels.shape, np.uint8)
    for band, out, low, high in zip(
      pixels, scaled, self.low, self.high, strict=True
    ):
      # A few rows at a time, as they are eight times as large in between.
      for top in range(0, len(band), _ROWS):
        rows = slice(top, top + _ROWS)
        out[rows] = _scaled(band[rows], float(low), float(high))
    return scaled


def _scaled(pixels: np.ndarray, low: float, high: float) -> np.ndarray:
  if not low < high:
    return np.zeros(pixels.shape, np.uint8)
  # Values that are not finite are not valid: no warnings about them.
  with np.errstate(invalid='ignore', over='ignore'):
    # float64: float32 has too few digits for 32-bit integers.
    values = (pixels.astype(np.float64) - low) / (high - low) * 255
    return np.rint(np.clip(np.nan_to_num(values), 0, 255)).astype(np.uint8)


def parse(text: str) -> Wanted:
  """Parses a stretch as it is written on a command line.

  Args:
    text: 'none', 'min-max', 'LOW-HIGH' percentiles or 'LOW,HIGH' values.

  Returns:
    The text itself, or the two values.

  Raises:
    InputError: it is none of these, or low is not below high.
  """
  text = text.strip().lower()
  if text in ('none', 'min-max'):
    return text
  if ',' in text:
    try:
      low, high = (float(part) for part in text.split(','))
    except ValueError as error:
      raise InputError(f'stretch {text!r}: unknown; {_FORMS}') from error
    return check((low, high))
  return check(text)


def check(wanted: Wanted) -> Wanted:
  """Raises InputError unless `wanted` is a stretch; returns it."""
  if isinstance(wanted, str):
    if wanted not in ('none', 'min-max'):
      _percentiles(wanted)
    return wanted
  low, high = wanted
  if not (math.isfinite(low) and math.isfinite(high) and low < high):
    raise InputError(
      f'stretch {low:g},{high:g}: low must be below high, both finite; {_FORMS}'
    )
  return wanted


def _percentiles(text: str) -> tuple[float, float]:
  found = _PERCENTILES.fullmatch(text)
  if not found:
    raise InputError(f'stretch {text!r}: unknown; {_FORMS}')
  low, high = float(found[1]), float(found[2])
  if not low < high <= 100:
    raise InputError(
      f'stretch {text!r}: percentiles must ascend, up to 100; {_FORMS}'
    )
  return low, high


def between(low: float, high: float, bands: int) -> Stretch:
  """Returns a stretch with the same range for all bands."""
  return Stretch(np.full(bands, low), np.full(bands, high))


def estimate(wanted: str, samples: np.ndarray) -> Stretch:
  """Estimates the range of each band from samples.

  Args:
    wanted: 'min-max' or percentiles.
    samples: [bands,n] of valid pixels; n is 0 if there are none.

  Raises:
    InputError: `wanted` is not a stretch.
  """
  # If nothing is valid, no pixel uses the range.
  if not samples.size:
    return between(0, 1, len(samples))
  points = (0.0, 100.0) if wanted == 'min-max' else _percentiles(wanted)
  low, high = np.percentile(samples.astype(np.float64), points, axis=1)
  return Stretch(low, high)
