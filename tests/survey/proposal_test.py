"""Settings from image sizes and class frequencies."""

import numpy as np
import pytest

from magnet_jax.survey import proposal


@pytest.mark.parametrize(
  ('size', 'network', 'stages', 'tuned'),
  [
    ((2448, 2448), (306, 306), 3, 7),
    ((2448, 3264), (153, 204), 3, 7),
    ((9792, 9792), (306, 306), 5, 4),
    ((1000, 1000), (250, 250), 3, 10),
    ((450, 400), (225, 200), 3, 10),
    ((64, 64), (32, 32), 3, 10),
    ((1024, 2048), (128, 256), 3, 8),
    ((1, 5000), (32, 2500), 3, 10),
  ],
)
def test_the_network_sees_a_halved_image(size, network, stages, tuned):
  found = proposal.propose([size] * 3, np.array([5, 5]))
  assert found.network == network
  # Of more than eight windows a side, each is shrunk.
  assert any(found.window) == (max(size) / max(network) > 8)
  # The first stage has about four windows a side, but not below a quarter.
  assert found.first == (0.25 if size == (9792, 9792) else 0.5)
  assert len(found.stages) == stages and found.stages[-1] == size
  assert found.rotate == (network[0] == network[1])
  assert all(c <= n for c, n in zip(found.crop, found.network, strict=True))
  assert found.fusion == 'scale_attention'
  assert 1200 <= found.segmenter_steps <= 8000
  assert found.tune_images == tuned


def test_the_first_stage_has_at_least_one_window():
  for size in ((149, 142), (449, 447), (451, 330), (33, 1000), (20, 30)):
    found = proposal.propose([size] * 3, np.array([5, 5]))
    assert found.first <= 1 and found.stages[-1] == size


def test_one_stage_has_nothing_to_fuse():
  found = proposal.propose([(20, 30)], np.array([5, 5]))
  assert len(found.stages) == 1 and found.fusion == 'mean'


def test_the_budget_grows_slower_than_the_images():
  found = proposal.propose([(1006, 1050)] * 22, np.ones(7, int), trunk='some')
  assert 0.25 <= found.hours <= 0.45
  # Hundreds of images are worth more time, but not in proportion.
  more = proposal.propose([(1006, 1050)] * 220, np.ones(7, int), trunk='some')
  assert 2 * found.hours < more.hours < 4 * found.hours
  # The default trunk is faster.
  assert (
    proposal.propose([(1006, 1050)] * 22, np.ones(7, int)).hours < found.hours
  )


def test_class_weights():
  # As chosen for Carrot-Weed by hand: .85, 2.1, 1.85.
  found = proposal.class_weights(np.array([855, 59, 86]))
  np.testing.assert_allclose(found, (0.84, 2.04, 1.8), atol=0.03)
  share = np.array([0.855, 0.059, 0.086])
  assert np.dot(share, found) == pytest.approx(1, abs=0.01)
  rare = proposal.class_weights(np.array([10**9, 1, 0]))
  assert rare[1] == pytest.approx(10 * rare[0]) and rare[2] == 1
  assert proposal.class_weights(np.zeros(2, int)) == (1.0, 1.0)
