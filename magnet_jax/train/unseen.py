"""Segmenters that predict for images which they were not trained on.

A segmenter knows the few images of a small set by heart, so a refiner that is
trained on its predictions for them never sees the errors of a new image. It is
trained on those of other segmenters instead, each of which was trained, for a
shorter time, without the images that it predicts.
"""

import dataclasses
import pathlib
from typing import Any

from magnet_jax.data import folds
from magnet_jax.data.folds import Indices
from magnet_jax.data.splits import Splits
from magnet_jax.types import InputError

Config = Any  # ml_collections.ConfigDict, whose fields have no types
WAYS = ('folds', 'holdout', 'none')
FOLDER = 'folds'  # in that of the run


@dataclasses.dataclass(frozen=True)
class Part:
  """Images of the training split, and a segmenter that has not seen them.

  Attributes:
    images: their indices.
    segmenter: its folder.
  """

  images: Indices
  segmenter: pathlib.Path


def left_out(config: Config, images: Splits) -> tuple[Indices, ...]:
  """Returns the images that each further segmenter is trained without.

  Args:
    config: with train.refiner.unseen: 'folds', one segmenter for each of
      `folds` parts of the images; 'holdout', one for the last of them, the
      only images of the refiner; 'none', no further segmenter.
    images: of the run.

  Raises:
    InputError: a setting is out of range, there are too few images, or they
      are generated.
  """
  training = config.train.refiner
  if training.unseen not in WAYS:
    raise InputError(
      f'train.refiner.unseen {training.unseen!r}: unknown; choose one of '
      f'{", ".join(WAYS)}'
    )
  if not 2 <= training.folds <= 5:
    raise InputError(
      f'train.refiner.folds {training.folds}: must be 2 to 5; 3 is usual'
    )
  if not 0 < training.fold_steps <= 1:
    raise InputError(
      f'train.refiner.fold_steps {training.fold_steps}: must be a share of '
      "the segmenter's steps, in (0, 1]"
      '; correct it'
    )
  if training.unseen == 'none':
    return ()
  if config.data.kind == 'scenes':
    raise InputError(
      f'train.refiner.unseen {training.unseen!r}: is for images from files; of '
      'generated scenes there can be more than a segmenter learns by heart; '
      "set it to 'none'"
    )
  source = images['train']
  names = [source.place(index) for index in range(len(source))]
  parts = folds.divide(names, training.folds)
  return parts[-1:] if training.unseen == 'holdout' else parts


def short(config: Config) -> Config:
  """Returns the config of a segmenter that is trained for `fold_steps`."""
  share = config.train.refiner.fold_steps
  config = config.copy_and_resolve_references()
  training = config.train.segmenter
  training.steps = max(1, round(share * training.steps))
  training.warmup = min(round(share * training.warmup), training.steps)
  training.hours = share * training.hours
  return config
