import pathlib

import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.ops.uncertainty import uncertainty

GOLDEN = pathlib.Path(__file__).parents[1] / 'goldens' / 'operations.npz'


def _probabilities(shape, seed=0):
  values = np.random.default_rng(seed).random(shape, np.float32) + 1e-3
  return (values / values.sum(-1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize('classes', [2, 3, 7, 19])
@pytest.mark.parametrize('array', [np.asarray, jnp.asarray])
def test_equals_sorting(classes, array):
  p = _probabilities((6, 7, classes))
  ordered = np.sort(p, axis=-1)
  expected = 1 - (ordered[..., -1] - ordered[..., -2])
  found = uncertainty(array(p))
  np.testing.assert_allclose(found, expected, atol=1e-6)
  assert found.dtype == np.float32


@pytest.mark.parametrize('array', [np.asarray, jnp.asarray])
def test_extremes(array):
  sure = np.eye(3, dtype=np.float32)
  assert uncertainty(array(sure)).tolist() == [0, 0, 0]
  tied = np.array([[0.5, 0.5, 0], [0, 0.5, 0.5], [0.5, 0, 0.5]], np.float32)
  assert uncertainty(array(tied)).tolist() == [1, 1, 1]


def test_one_class_is_never_unsure():
  assert uncertainty(np.ones((2, 3, 1), np.float32)).tolist() == [[0] * 3] * 2


def test_numpy_stays_on_the_host():
  assert isinstance(uncertainty(_probabilities((2, 2, 3))), np.ndarray)


def test_is_one_less_the_published_certainty():
  with np.load(GOLDEN) as golden:
    p, certainty = golden['probs'], golden['certainty']
  np.testing.assert_allclose(
    uncertainty(np.moveaxis(p, 1, -1)), 1 - certainty[:, 0], atol=1e-6
  )
