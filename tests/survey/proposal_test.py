"""Settings from image sizes and class frequencies."""

import numpy as np
import pytest

from magnet_jax.survey import proposal


@pytest.mark.parametrize(
  ('size', 'network', 'stages', 'tuned'),
  [
    ((2448, 2448), (306, 306), 4, 2),
    ((2448, 3264), (153, 204), 5, 2),
    ((1000, 1000), (250, 250), 3, 4),
    ((64, 64), (32, 32), 2, 4),
    ((1024, 2048), (128, 256), 4, 2),
    ((1, 5000), (32, 2500), 2, 4),
  ],
)
def test_the_network_sees_a_halved_image(size, network, stages, tuned):
  found = proposal.propose([size] * 3, np.array([5, 5]))
  assert found.network == network
  assert len(found.stages) == stages and found.stages[-1] == size
  assert found.rotate == (network[0] == network[1])
  for crop in (found.crop, found.refiner_crop):
    assert all(c <= n for c, n in zip(crop, found.network, strict=True))
  assert 400 <= found.segmenter_steps <= 3000
  assert found.tune_images == tuned


def test_class_weights():
  # As chosen for Carrot-Weed by hand: .85, 2.1, 1.85.
  found = proposal.class_weights(np.array([855, 59, 86]))
  np.testing.assert_allclose(found, (0.84, 2.04, 1.8), atol=0.03)
  share = np.array([0.855, 0.059, 0.086])
  assert np.dot(share, found) == pytest.approx(1, abs=0.01)
  rare = proposal.class_weights(np.array([10**9, 1, 0]))
  assert rare[1] == pytest.approx(10 * rare[0]) and rare[2] == 1
  assert proposal.class_weights(np.zeros(2, int)) == (1.0, 1.0)
