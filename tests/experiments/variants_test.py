"""The ablations' variants change what they name, and nothing is patched."""

import numpy as np
import variants

from magnet_jax.cascade.cascade import Cascade
from magnet_jax.cascade.options import Options
from magnet_jax.cascade.settings import planner
from magnet_jax.refiners import magnet

PLAN = {
  'network': (16, 16),
  'window': (0, 0),
  'factor': 2.0,
  'stages': 0,
  'scales': (),
  'overlap': 0.25,
}


def _segmenter(images):
  return images


def _refiner(*, scale, coarse):
  return 4 * scale - coarse


def _map(score, weights):
  cascade = Cascade(
    _segmenter,
    [magnet.refiner(_refiner)],
    network=(16, 16),
    options=Options(points=0.2, kernel=1, batch=1),
    score=variants.SCORES[score],
    weights=variants.WEIGHTS[weights],
  )
  image = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
  return cascade.segment(image, planner(PLAN)((40, 40)))


def test_scores_and_weights_reach_the_cascade():
  variants.check()
  usual = _map('both', 'tent')
  assert np.abs(usual - _map('coarse', 'tent')).max() > 0.01
  assert np.abs(usual - _map('refined', 'tent')).max() > 0.01
  assert np.abs(usual - _map('both', 'flat')).max() > 0.01
  np.testing.assert_array_equal(usual, _map('both', 'tent'))


def test_every_variant_is_one_line_of_its_study():
  found = variants.all_of(0.25, 4)
  names = [(variant.study, variant.name) for variant in found]
  assert len(set(names)) == len(names)
  for variant in found:
    assert variant.score in variants.SCORES
    assert variant.weights in variants.WEIGHTS
    assert variant.refiner in variants.REFINERS
