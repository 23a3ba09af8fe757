"""A few numbers per class, fitted on labelled images: trends and a bias.

Trends say from which stages a class is taken: its outlines may follow the fine
ones while what it is, is told from the coarse ones. A bias takes back what
class weights in the loss and rare classes do to outlines. Both are judged by
the IoU of pixels anywhere and by that of pixels near outlines. Few images
mislead such a fit, so the numbers stay near 0 and are used only if they also
help on images that they were not fitted on.
"""

from collections.abc import Callable, Iterable, Sequence
import dataclasses

import numpy as np

from magnet_jax.cascade.options import Options
from magnet_jax.metrics import boundary, confusion
from magnet_jax.ops import resize
from magnet_jax.tuning import stage_maps
from magnet_jax.tuning.stage_maps import Step

LEAST_IMAGES = 3  # fewer cannot tell a gain from chance
PIXELS = 20_000  # of an image, anywhere and near outlines, that are kept
_PENALTY = 0.002  # score that a number of 1 must gain, per class
_STEPS = (0.5, 0.25, 0.1)
_MOST = 2.0  # of a number


@dataclasses.dataclass(frozen=True)
class Pixels:
  """Some pixels of an image, drawn anywhere, and as many near outlines.

  Attributes:
    own: float32 [S,n,C], probabilities of each stage's own windows.
    covered: float32 [S,n] in [0, 1], the share of these that are computed.
    weights: of the stages.
    indices: of the stages in the plan; one without windows is left out.
    labels: uint8 [n], the truth, in 0..C-1.
    anywhere: number of pixels drawn anywhere, which come first.
  """

  own: np.ndarray
  covered: np.ndarray
  weights: tuple[float, ...]
  indices: tuple[int, ...]
  labels: np.ndarray
  anywhere: int

  def fused(self, trends: np.ndarray) -> np.ndarray:
    """Returns the running mean of the stages with trends: float32 [n,C]."""
    mean = self.own[0].copy()
    depth = np.full_like(mean, self.weights[0])
    stages = zip(
      self.own, self.covered, self.weights, self.indices, strict=True
    )
    next(stages)  # the mean so far
    for own, covered, weight, index in stages:
      weights = weight * np.exp(trends * index)
      stage_maps.add(mean, depth, own, covered, weights)
    return mean


@dataclasses.dataclass(frozen=True)
class Fitted:
  """Numbers of the classes, and what they are worth on images left out.

  Attributes:
    values: one per class; all 0 if they do not help.
    gain: mean over images of the change of the mean of mean IoU and mean IoU
      near outlines, each with the numbers fitted on the others.
    error: standard error of the gain.
  """

  values: tuple[float, ...]
  gain: float
  error: float


def draw(
  label: np.ndarray, ignore_label: int, seed: int
) -> tuple[np.ndarray, int]:
  """Draws labelled pixels of an image.

  Args:
    label: uint8 [H,W].
    ignore_label: the label value that does not count.
    seed: of the draw.

  Returns:
    int [n], their places in the flat map, those near outlines last; how many
    were drawn anywhere.
  """
  known = label != ignore_label
  width = boundary.default_width((label.shape[0], label.shape[1]))
  near = boundary.band(label, width) == label
  rng = np.random.default_rng(seed)
  anywhere, outlines = (
    np.sort(rng.choice(those, min(PIXELS, len(those)), replace=False))
    for those in map(np.flatnonzero, (known, near & known))
  )
  return np.concatenate([anywhere, outlines]), len(anywhere)


def of_steps(
  steps: Iterable[Step],
  options: Options,
  label: np.ndarray,
  ignore_label: int,
  seed: int,
) -> Pixels:
  """Draws pixels of a running mean.

  Args:
    steps: its stages.
    options: the weights of these, without trends.
    label: as for `draw`, with ignore_label and seed.
    ignore_label: as label.
    seed: as label.
  """
  places, anywhere = draw(label, ignore_label, seed)
  size = (label.shape[0], label.shape[1])
  own, covered, indices = [], [], []
  for step in steps:
    whole = resize.probabilities(step.own, size)
    own.append(whole.reshape(-1, whole.shape[-1])[places])
    share = resize.probabilities(step.covered[..., None], size)
    covered.append(share.reshape(-1)[places])
    indices.append(step.stage.index)
  return Pixels(
    np.stack(own),
    np.stack(covered),
    tuple(options.stage_weight(index)[0] for index in indices),
    tuple(indices),
    label.reshape(-1)[places],
    anywhere,
  )


def of_map(
  probabilities: np.ndarray, label: np.ndarray, ignore_label: int, seed: int
) -> Pixels:
  """Draws pixels of a finished map, float32 [H,W,C]; otherwise `of_steps`."""
  places, anywhere = draw(label, ignore_label, seed)
  found = probabilities.reshape(-1, probabilities.shape[-1])[places]
  return Pixels(
    found[None],
    np.ones((1, len(places)), np.float32),
    (1.0,),
    (0,),
    label.reshape(-1)[places],
    anywhere,
  )


def none(num_classes: int) -> Fitted:
  """Returns zeros for a number of classes."""
  return Fitted((0.0,) * num_classes, 0.0, 0.0)


def fit_trends(
  images: Sequence[Pixels], num_classes: int, unscored: Sequence[int] = ()
) -> Fitted:
  """Fits trends, and accepts them if cross-validation does.

  Each image is left out once. They are accepted if the mean gain over the
  images left out exceeds its standard error.

  Args:
    images: pixels of each.
    num_classes: C.
    unscored: classes left out of the mean IoU.
  """
  if not images or len(images[0].own) == 1:
    return none(num_classes)
  return _fit(images, lambda image, t: image.fused(t), num_classes, unscored)


def fit_bias(
  images: Sequence[Pixels],
  trends: Sequence[float],
  num_classes: int,
  unscored: Sequence[int] = (),
) -> Fitted:
  """Fits a bias to what trends give, and accepts it as `fit_trends`."""
  steep = np.asarray(trends, np.float32)
  logs = {
    id(image): np.log(image.fused(steep) + np.float32(1e-6)) for image in images
  }
  found = _fit(
    images, lambda image, b: logs[id(image)] + b, num_classes, unscored
  )
  # Only differences matter: those around their mean are the smallest.
  mean = float(np.mean(found.values))
  values = tuple(round(value - mean, 3) for value in found.values)
  return dataclasses.replace(found, values=values)


Evidence = Callable[[Pixels, np.ndarray], np.ndarray]  # -> [n,C]


def _fit(
  images: Sequence[Pixels],
  evidence: Evidence,
  num_classes: int,
  unscored: Sequence[int],
) -> Fitted:
  nothing = none(num_classes)
  if len(images) < LEAST_IMAGES:
    return nothing
  gains = []
  for left_out, image in enumerate(images):
    others = [*images[:left_out], *images[left_out + 1 :]]
    values = _search(others, evidence, num_classes, unscored)
    before, after = (
      _score(image, evidence, each, unscored)
      for each in (np.zeros_like(values), values)
    )
    gains.append(after - before)
  gain = float(np.mean(gains))
  error = float(np.std(gains, ddof=1) / np.sqrt(len(gains)))
  if not gain > error:
    return dataclasses.replace(nothing, gain=gain, error=error)
  found = _search(images, evidence, num_classes, unscored)
  return Fitted(tuple(round(float(v), 3) for v in found), gain, error)


def _search(
  images: Sequence[Pixels],
  evidence: Evidence,
  num_classes: int,
  unscored: Sequence[int],
) -> np.ndarray:
  """Returns the numbers float32 [C] of the best penalised score, by class."""

  def judged(values: np.ndarray) -> float:
    scores = [_score(image, evidence, values, unscored) for image in images]
    return float(np.mean(scores)) - _PENALTY * float(np.abs(values).sum())

  values = np.zeros(num_classes, np.float32)
  best = judged(values)
  for step in _STEPS:
    improved = True
    while improved:
      improved = False
      for index in range(num_classes):
        for change in (step, -step):
          tried = values.copy()
          tried[index] = np.clip(tried[index] + change, -_MOST, _MOST)
          score = judged(tried)
          if score > best + 1e-6:
            values, best, improved = tried, score, True
            break
  return values


def _score(
  image: Pixels,
  evidence: Evidence,
  values: np.ndarray,
  unscored: Sequence[int],
) -> float:
  """The mean of the mean IoU anywhere and near outlines."""
  predicted = evidence(image, values).argmax(-1).astype(np.uint8)
  scores = []
  for part in (slice(image.anywhere), slice(image.anywhere, None)):
    matrix = confusion.confusion_matrix(
      image.labels[part], predicted[part], len(values), ignore_label=-1
    )
    scores.append(np.nan_to_num(confusion.mean_iou(matrix, unscored)))
  return float(np.mean(scores))
