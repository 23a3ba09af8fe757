"""Training batches of windows, each with the mask of a class that is wrong."""

from collections.abc import Iterator
import dataclasses

import numpy as np

from magnet_jax.data import cutting, mask_perturbation, pipeline
from magnet_jax.data.augment import Augmentation
from magnet_jax.data.schedule import Batch, Schedule
from magnet_jax.data.sources import Source
from magnet_jax.types import IGNORE, Size

_TRIES = 5  # to draw a window that shows an outline


def mask_batches(
  source: Source,
  schedule: Schedule,
  *,
  plan_for: pipeline.PlanFor,
  network: Size,
  augmentation: Augmentation = pipeline.NO_AUGMENTATION,
  least: float = mask_perturbation.LEAST,
  band: int = 0,
) -> Iterator[Batch]:
  """Yields random windows from all stages, and masks of one class of each.

  The class is drawn from those that a window shows. A window of one class alone
  has no outline to correct: another one is drawn, a few times.

  Args:
    source: labelled images.
    schedule: of batches of B windows.
    plan_for: (height, width) of an image -> its stages.
    network: (h, w) of the windows.
    augmentation: of the windows.
    least: smallest intersection over union of a mask with the truth.
    band: pixels on both sides of outlines within which it is measured; 0 for
      the whole window.

  Returns:
    Iterator of {'images': uint8 [B,h,w,3], 'labels': uint8 [B,h,w], 1 inside,
    0 outside or IGNORE, 'masks': uint8 [B,h,w], 1 inside and 0 outside of what
    is to be corrected}.

  Raises:
    InputError: as `pipeline.segmenter_batches`.
  """
  plans = pipeline.make_plans(source, plan_for, augmentation)
  draw = _Masks(source, plans, network, augmentation, least, band)
  return schedule.run(len(source), draw)


@dataclasses.dataclass(frozen=True)
class _Masks:
  """Draws a window of image `index` and one of its classes."""

  source: Source
  plans: pipeline.Plans
  network: Size
  augmentation: Augmentation
  least: float
  band: int

  def __call__(self, index: int, rng: np.random.Generator) -> Batch:
    sample = self.source[index]
    for _ in range(_TRIES):
      image, label = cutting.draw_window(
        rng,
        sample,
        self.plans,
        network=self.network,
        options=self.augmentation,
      )
      present = np.unique(label[label != IGNORE])
      if present.size > 1:
        break
    inside = np.zeros(label.shape, bool)
    if present.size:
      inside = label == rng.choice(present)
    wrong = mask_perturbation.perturb(
      rng, inside, least=self.least, band=self.band
    )
    truth = np.where(label == IGNORE, IGNORE, inside).astype(np.uint8)
    return {'images': image, 'labels': truth, 'masks': wrong.astype(np.uint8)}
