"""Scores of the windows of a stage, among them what only the truth can tell."""

from collections.abc import Callable, Iterator, Mapping
import dataclasses

import numpy as np

from magnet_jax.cascade import stage_windows
from magnet_jax.ops import resize
from magnet_jax.ops.uncertainty import uncertainty
from magnet_jax.types import WindowGrid


@dataclasses.dataclass(frozen=True)
class Seen:
  """What is known of a stage before any of its windows is computed.

  Attributes:
    grid: the windows.
    map: float32 [H_s,W_s,C], the segmentation so far.
    before: the same without the stage before; None in the first later stage.
    image: uint8 [H_s,W_s,3].
    coarse_image: uint8 [H,W,3] of the stage before.
    full: float32 [H_s,W_s,C] after all windows; the truth's eyes only.
    label: uint8 [H_s,W_s]; likewise.
  """

  grid: WindowGrid
  map: np.ndarray
  before: np.ndarray | None
  image: np.ndarray
  coarse_image: np.ndarray
  full: np.ndarray
  label: np.ndarray

  def windows(self, values: np.ndarray) -> Iterator[np.ndarray]:
    """Yields the part of a map in each window."""
    for number in range(len(self.grid)):
      yield values[stage_windows.inside(self.grid, number)]

  def means(self, values: np.ndarray) -> np.ndarray:
    """Returns the mean of a map in each window."""
    return np.array([part.mean() for part in self.windows(values)])


def _outlines(maps: np.ndarray) -> np.ndarray:
  """Whether a pixel's class is another one than below or to the right."""
  classes = maps.argmax(-1)
  found = np.zeros(classes.shape, np.float32)
  found[:-1] = classes[1:] != classes[:-1]
  found[:, :-1] += classes[:, 1:] != classes[:, :-1]
  return found.clip(0, 1)


def _change(seen: Seen) -> np.ndarray:
  if seen.before is None:
    return uncertainty(seen.map)
  return np.abs(seen.map - seen.before).sum(-1) / 2


def _texture(seen: Seen) -> np.ndarray:
  """What of the image the stage before could not see, in [0, 1]."""
  size = (seen.image.shape[0], seen.image.shape[1])
  known = resize.image(seen.coarse_image, size).astype(np.float32)
  return np.abs(seen.image - known).mean(-1) / 255


def _rare(seen: Seen) -> np.ndarray:
  """Variance of the probabilities, of rare classes more."""
  frequency = seen.map.mean((0, 1)) + 1e-6
  found: np.ndarray = (seen.map * (1 - seen.map) / frequency).sum(-1)
  return found


def _share(limit: float) -> Callable[[Seen], np.ndarray]:
  return lambda seen: seen.means(uncertainty(seen.map) > limit)


def _quantile(level: float) -> Callable[[Seen], np.ndarray]:
  return lambda seen: np.array(
    [np.quantile(x, level) for x in seen.windows(uncertainty(seen.map))]
  )


def _corrected(seen: Seen, weights: np.ndarray) -> np.ndarray:
  """Sum of the weights of corrected pixels, less those of spoilt ones."""
  known = seen.label < len(weights)
  right = (seen.full.argmax(-1) == seen.label).astype(np.float32)
  right -= seen.map.argmax(-1) == seen.label
  gain = right * weights[np.where(known, seen.label, 0)] * known
  return np.array([part.sum() for part in seen.windows(gain)])


def _by_class(seen: Seen) -> np.ndarray:
  num_classes = seen.map.shape[-1]
  counts = np.bincount(seen.label.ravel(), minlength=num_classes)
  return _corrected(seen, 1 / counts[:num_classes].clip(1))


SCORES: Mapping[str, Callable[[Seen], np.ndarray]] = {
  'mean uncertainty': lambda seen: seen.means(uncertainty(seen.map)),
  'maximum': _quantile(1.0),
  '99th percentile': _quantile(0.99),
  'share above .2': _share(0.2),
  'share above .5': _share(0.5),
  'share above .8': _share(0.8),
  'change': lambda seen: seen.means(_change(seen)),
  'share of change above .5': lambda seen: seen.means(_change(seen) > 0.5),
  'uncertainty + change': lambda seen: seen.means(
    uncertainty(seen.map) + _change(seen)
  ),
  'texture': lambda seen: seen.means(_texture(seen)),
  'texture x uncertainty': lambda seen: seen.means(
    _texture(seen) * uncertainty(seen.map)
  ),
  'rare classes': lambda seen: seen.means(_rare(seen)),
  'outlines': lambda seen: seen.means(_outlines(seen.map)),
  'outlines x uncertainty': lambda seen: (
    seen.means(_outlines(seen.map)) * seen.means(uncertainty(seen.map))
  ),
  'chance': lambda seen: np.random.default_rng(0).random(len(seen.grid)),
  'truth: pixels corrected': lambda seen: _corrected(
    seen, np.ones(seen.map.shape[-1])
  ),
  'truth: the same, classes alike': _by_class,
}
