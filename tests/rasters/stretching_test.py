"""Value ranges of pixels."""

import numpy as np
import pytest

from magnet_jax.rasters import stretching
from magnet_jax.types import InputError


@pytest.mark.parametrize(
  ('text', 'wanted'),
  [
    ('none', 'none'),
    (' Min-Max ', 'min-max'),
    ('2-98', '2-98'),
    ('0.5-99.5', '0.5-99.5'),
    ('0-100', '0-100'),
    ('100,3000', (100, 3000)),
    ('-1.5,2e3', (-1.5, 2000)),
  ],
)
def test_what_may_be_asked_for(text, wanted):
  assert stretching.parse(text) == wanted
  assert stretching.check(wanted) == wanted


@pytest.mark.parametrize(
  'text',
  ['', 'all', '98-2', '2-2', '2-101', '1,2,3', '3,1', '1,1', '0,inf', 'a,b'],
)
def test_what_may_not(text):
  with pytest.raises(InputError, match=r'stretch.*choose') as caught:
    stretching.parse(text)
  assert '\n' not in str(caught.value)


@pytest.mark.parametrize('dtype', ['int16', 'uint16', 'int32', 'float32'])
def test_equals_the_formula(dtype):
  pixels = np.random.default_rng(0).integers(0, 3000, (3, 600, 5)).astype(dtype)
  low, high = np.array([0.0, 100, 2999]), np.array([3000.0, 2000, 3000])
  found = stretching.Stretch(low, high)(pixels)
  for band in range(3):
    for value, out in zip(
      pixels[band, ::97].flat, found[band, ::97].flat, strict=True
    ):
      part = (float(value) - low[band]) / (high[band] - low[band])
      assert out == round(min(max(part, 0), 1) * 255)


def test_no_warning_of_what_is_not_finite():
  pixels = np.array([[[np.nan, np.inf, -np.inf, 3e38, 0.5]]], np.float32)
  found = stretching.between(0, 1e-30, 1)(pixels)
  assert found.tolist() == [[[0, 255, 0, 255, 255]]]


def test_estimates_a_band():
  samples = np.stack([np.arange(101), np.arange(101) * 10])
  stretch = stretching.estimate('2-98', samples)
  np.testing.assert_allclose(stretch.low, [2, 20])
  np.testing.assert_allclose(stretch.high, [98, 980])
  stretch = stretching.estimate('min-max', samples)
  np.testing.assert_allclose(stretch.high, [100, 1000])
  assert len(stretching.estimate('2-98', np.zeros((2, 0))).low) == 2
