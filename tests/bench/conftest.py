"""A model to time."""

import pytest

from magnet_jax.evaluate import random_model


@pytest.fixture
def model():
  """For windows of 16x24, random."""
  return random_model.make(
    num_classes=3,
    segmenter={'name': 'unet', 'width': 4, 'levels': 1},
    refiner={'width': 4},
    plan={
      'network': (16, 24),
      'window': (0, 0),
      'factor': 2.0,
      'stages': 0,
      'scales': (),
      'overlap': 0.0,
    },
    refine={
      'points': 0.5,
      'selection': 'window',
      'kernel': 3,
      'windows': 1.0,
      'batch': 1,
    },
  )
