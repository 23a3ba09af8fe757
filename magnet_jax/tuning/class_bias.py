"""A number per class that is added to the logits, fitted on labelled images.

Class weights in the loss and rare classes shift outlines; a few numbers shift
them back. They are judged by the IoU of pixels anywhere and by that of pixels
near outlines. Few images mislead such a fit, so it stays near 0 and is used
only if it also helps on images that it was not fitted on.
"""

from collections.abc import Sequence
import dataclasses

import numpy as np

from magnet_jax.metrics import boundary, confusion

LEAST_IMAGES = 3  # fewer cannot tell a gain from chance
PIXELS = 20_000  # of an image, anywhere and near outlines, that are kept
_PENALTY = 0.002  # score that a bias of 1 must gain, per class
_STEPS = (0.5, 0.25, 0.1)


@dataclasses.dataclass(frozen=True)
class Pixels:
  """Some pixels of an image, drawn anywhere, and as many near outlines.

  Attributes:
    logs: float32 [n,C], logarithms of the probabilities.
    labels: uint8 [n], the truth, in 0..C-1.
    anywhere: number of the former, which come first.
  """

  logs: np.ndarray
  labels: np.ndarray
  anywhere: int


@dataclasses.dataclass(frozen=True)
class Fitted:
  """A bias, and what it is worth on images left out of its fit.

  Attributes:
    bias: one number per class; all 0 if it does not help.
    gain: mean over images of the change of the mean of mean IoU and mean IoU
      near outlines, each with the bias fitted on the others.
    error: standard error of the gain.
  """

  bias: tuple[float, ...]
  gain: float
  error: float


def sample(
  probabilities: np.ndarray, label: np.ndarray, ignore_label: int, seed: int
) -> Pixels:
  """Draws labelled pixels of an image.

  Args:
    probabilities: float32 [H,W,C].
    label: uint8 [H,W].
    ignore_label: the label value that does not count.
    seed: of the draw.
  """
  known = label != ignore_label
  width = boundary.default_width((label.shape[0], label.shape[1]))
  near = boundary.band(label, width) == label
  rng = np.random.default_rng(seed)
  anywhere, outlines = (
    _draw(rng, np.flatnonzero(those)) for those in (known, near & known)
  )
  drawn = np.concatenate([anywhere, outlines])
  found = probabilities.reshape(-1, probabilities.shape[-1])[drawn]
  return Pixels(
    np.log(found + np.float32(1e-6)), label.reshape(-1)[drawn], len(anywhere)
  )


def _draw(rng: np.random.Generator, places: np.ndarray) -> np.ndarray:
  return np.sort(rng.choice(places, min(PIXELS, len(places)), replace=False))


def none(num_classes: int) -> Fitted:
  """Returns no bias for a number of classes."""
  return Fitted((0.0,) * num_classes, 0.0, 0.0)


def fit(
  images: Sequence[Pixels], num_classes: int, unscored: Sequence[int] = ()
) -> Fitted:
  """Fits a bias, and accepts it if cross-validation does.

  Each image is left out once. The bias is accepted if its mean gain over the
  images left out exceeds its standard error.

  Args:
    images: pixels of each.
    num_classes: C.
    unscored: classes left out of the mean IoU.
  """
  if len(images) < LEAST_IMAGES:
    return none(num_classes)
  gains = []
  for left_out, image in enumerate(images):
    others = [*images[:left_out], *images[left_out + 1 :]]
    bias = _search(others, unscored)
    gains.append(
      _score([image], bias, unscored)
      - _score([image], np.zeros_like(bias), unscored)
    )
  gain = float(np.mean(gains))
  error = float(np.std(gains, ddof=1) / np.sqrt(len(gains)))
  if not gain > error:
    return dataclasses.replace(none(num_classes), gain=gain, error=error)
  found = _search(images, unscored)
  return Fitted(tuple(round(float(b), 3) for b in found), gain, error)


def _search(images: Sequence[Pixels], unscored: Sequence[int]) -> np.ndarray:
  """Returns the bias float32 [C] of the best penalised score, by class."""
  bias = np.zeros(images[0].logs.shape[-1], np.float32)
  best = _score(images, bias, unscored)
  for step in _STEPS:
    improved = True
    while improved:
      improved = False
      for index in range(len(bias)):
        for change in (step, -step):
          tried = bias.copy()
          tried[index] += change
          score = _score(images, tried, unscored)
          if score > best + 1e-6:
            bias, best, improved = tried, score, True
            break
  # Only differences matter: those around their mean are the smallest.
  return bias - bias.mean()


def _score(
  images: Sequence[Pixels], bias: np.ndarray, unscored: Sequence[int]
) -> float:
  """The mean over images of both IoU, less a penalty of the bias."""
  scores = []
  for image in images:
    predicted = (image.logs + bias).argmax(-1).astype(np.uint8)
    for part in (slice(image.anywhere), slice(image.anywhere, None)):
      matrix = confusion.confusion_matrix(
        image.labels[part], predicted[part], len(bias), ignore_label=-1
      )
      scores.append(np.nan_to_num(confusion.mean_iou(matrix, unscored)))
  spread = float(np.abs(bias - bias.mean()).sum())
  return float(np.mean(scores)) - _PENALTY * spread
