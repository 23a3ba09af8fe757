"""One image segmented, and what there is to look at: labels and pictures."""

from __future__ import annotations

from collections.abc import Sequence
import dataclasses
import pathlib

import numpy as np

from magnet_jax.evaluate import panel, pictures
from magnet_jax.evaluate.panel import StageView
from magnet_jax.io import atomic, images
from magnet_jax.ops.uncertainty import uncertainty
from magnet_jax.segment.model import AnyCascade, Model
from magnet_jax.segment.progressive import StageResult, predict
from magnet_jax.types import ClassTable, Stage


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
) -> Segmented:
  """Runs all stages over an image.

  Args:
    cascade: the networks.
    image: uint8 [H,W,3].
    plan: stages of the image's size.
    views: keep what the panel shows: 6 bytes a pixel of each stage.
  """
  kept, windows = [], 0
  for result in cascade.stages(image, plan):
    windows += len(result.windows)
    if views:
      kept.append(_view(result))
  label = kept[-1].label if views else predict(result.probabilities)
  return Segmented(label, result.probabilities, tuple(kept), windows)


def _view(result: StageResult) -> StageView:
  height, width = result.stage.size
  return StageView(
    title=f'stage {result.stage.index}, {width} x {height}',
    label=predict(result.probabilities),
    uncertainty=uncertainty(result.probabilities),
    points=result.chosen,
  )


def draw_panel(
  model: Model,
  cascade: AnyCascade,
  image: np.ndarray,
  truth: np.ndarray | None = None,
) -> np.ndarray:
  """The panel of an image, coarse to fine: uint8 [h,w,3]."""
  plan = model.plan((image.shape[0], image.shape[1]))
  found = segment(cascade, image, plan if model.refiners else plan[:1])
  return panel.panel(image, found.views, model.classes, truth=truth)


def file_names(name: str, *, panel: bool, probabilities: bool) -> list[str]:
  """The files that `write` makes for an image."""
  names = [f'{name}_label.png', f'{name}_overlay.jpg']
  if panel:
    names.append(f'{name}_panel.png')
  if probabilities:
    names.append(f'{name}_probabilities.npy')
  return names


def write(
  folder: pathlib.Path,
  name: str,
  image: np.ndarray,
  found: Segmented,
  classes: ClassTable,
  *,
  probabilities: bool = False,
) -> None:
  """Writes the label, the overlay and, if there are views, the panel.

  Args:
    folder: must exist.
    name: how the files' names begin.
    image: uint8 [H,W,3].
    found: its segmentation.
    classes: names and colours.
    probabilities: also the map of probabilities, as float16 [H,W,C].

  Raises:
    InputError: if the system refuses to write.
  """
  images.write_label(folder / f'{name}_label.png', found.label, classes)
  shown = pictures.overlay(image, found.label, classes)
  images.write_image(folder / f'{name}_overlay.jpg', shown)
  if found.views:
    picture = panel.panel(image, found.views, classes)
    images.write_image(folder / f'{name}_panel.png', picture)
  if probabilities:
    path = folder / f'{name}_probabilities.npy'
    with atomic.replacing(path) as temporary:
      np.save(temporary, found.probabilities.astype(np.float16))
