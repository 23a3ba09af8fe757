"""One image segmented in memory, and what there is to look at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
import dataclasses

import numpy as np

from magnet_jax.cascade.cascade import Cascade, StageResult, predict
from magnet_jax.ops.uncertainty import uncertainty
from magnet_jax.predict import thumbnails
from magnet_jax.predict.model import AnyCascade
from magnet_jax.predict.panel import StageView
from magnet_jax.types import Stage


@dataclasses.dataclass(frozen=True)
class Segmented:
  """An image's segmentation.

  Attributes:
    label: uint8 [H,W].
    probabilities: float32 [H,W,C].
    views: what every stage saw, doubted and changed; empty if not asked for.
    windows: that the segmenter saw.
  """

  label: np.ndarray
  probabilities: np.ndarray
  views: tuple[StageView, ...]
  windows: int


def segment(
  cascade: AnyCascade,
  image: np.ndarray,
  plan: Sequence[Stage],
  *,
  views: bool = True,
  done: Callable[[int], None] = lambda windows: None,
  seen: Callable[[StageResult], None] = lambda result: None,
) -> Segmented:
  """Runs all stages over an image.

  Args:
    cascade: the networks.
    image: uint8 [H,W,3].
    plan: stages of the image's size.
    views: keep what the panel shows: 6 bytes a pixel of each stage.
    done: told how many windows more are refined, after each batch of them.
    seen: is shown the result of each stage.
  """
  kept, windows = [], 0
  aligned = isinstance(cascade, Cascade)
  settings = {'done': done} if aligned else {}
  for result in cascade.stages(image, plan, **settings):
    windows += len(result.windows)
    if not aligned:
      done(len(result.windows))
    if views:
      kept.append(view(result))
    seen(result)
  label = kept[-1].label if views else predict(result.probabilities)
  return Segmented(label, result.probabilities, tuple(kept), windows)


def view(result: StageResult) -> StageView:
  """Returns what a panel shows of a stage: 6 bytes a pixel."""
  return StageView(
    title=thumbnails.title(result.stage),
    label=predict(result.probabilities),
    uncertainty=uncertainty(result.probabilities),
    points=result.chosen,
  )
