import numpy as np
import pytest

from magnet_jax.cascade import quantised
from magnet_jax.ops.uncertainty import uncertainty


def _maps(sharpness):
  """Of 5 classes: the larger the sharpness, the surer."""
  logits = np.random.default_rng(0).normal(0, sharpness, (4000, 5))
  odds = np.exp(logits - logits.max(-1, keepdims=True))
  return (odds / odds.sum(-1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize('kind', quantised.SCALES)
@pytest.mark.parametrize('sharpness', [0.1, 1, 10])
def test_numbers_are_whole_and_come_back_as_probabilities(kind, sharpness):
  maps, scale = _maps(sharpness), quantised.SCALES[kind]
  codes = quantised.encode(maps, scale)
  assert codes.dtype == np.float32
  assert (codes == codes.astype(kind)).all()
  found = quantised.decode(codes.astype(kind), scale)
  assert found.dtype == np.float32
  np.testing.assert_allclose(found, maps, atol=1.5 / scale)
  np.testing.assert_allclose(found.sum(-1), 1, atol=1e-6)


def test_how_unsure_a_sure_map_is_comes_back():
  """Steps of 1/65535 in the probabilities could tell nothing below 1e-5."""
  rest = np.logspace(-6, -3, 400).astype(np.float32)
  maps = np.stack([1 - rest, 0.7 * rest, 0.3 * rest], axis=-1)
  found = quantised.decode(quantised.encode(maps, 65535), 65535)
  np.testing.assert_allclose(
    uncertainty(found), uncertainty(maps), rtol=0.05, atol=2e-7
  )


def test_certain_pixels_and_pixels_without_anything():
  certain = np.eye(3, dtype=np.float32)
  codes = quantised.encode(certain, 255)
  np.testing.assert_array_equal(quantised.decode(codes, 255), certain)
  assert (quantised.decode(np.zeros((2, 3), np.uint8), 255) == 0).all()
