import numpy as np
import pytest
from training_batches import NETWORK, plan, random_samples

from magnet_jax.data import direction_batches, directions, pipeline
from magnet_jax.data.schedule import Schedule
from magnet_jax.types import InputError

ORDER = Schedule(seed=3, batch=2, steps=3)
SETTINGS = {'plan_for': plan, 'network': NETWORK}


def test_zoom_paths_come_with_the_truth_of_their_last_windows():
  source = random_samples()
  for sample in source.samples:
    sample.label[:] = 0
    sample.label[:, 50:] = 1
  found = [*direction_batches.segfix_batches(source, ORDER, **SETTINGS)]
  expected = [*pipeline.refiner_batches(source, ORDER, **SETTINGS)]
  assert len(found) == len(expected) == 3
  for batch, other in zip(found, expected, strict=True):
    for name, array in other.items():
      np.testing.assert_array_equal(batch[name], array)
    for i, label in enumerate(other['labels'][:, -1]):
      boundary, direction = directions.truth(label)
      np.testing.assert_array_equal(batch['boundary'][i], boundary)
      np.testing.assert_array_equal(batch['direction'][i], direction)
  assert any((batch['boundary'] == 1).any() for batch in found)


def test_bad_settings_are_found_at_once():
  with pytest.raises(InputError, match='at least one'):
    direction_batches.segfix_batches(random_samples(0), ORDER, **SETTINGS)
