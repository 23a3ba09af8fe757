"""A class bias is found where it helps, and left out where it does not."""

import numpy as np
import pytest

from magnet_jax.tuning import class_bias

IGNORED = 255


def _image(seed, shift, noise=0.3, size=(40, 50)):
  """Maps of three classes whose logits of class 1 are too high by `shift`."""
  rng = np.random.default_rng(seed)
  label = rng.choice(3, size, p=(0.7, 0.1, 0.2)).astype(np.uint8)
  logits = 2 * np.eye(3, dtype=np.float32)[label]
  logits += rng.normal(0, noise, logits.shape).astype(np.float32)
  logits[..., 1] += shift
  maps = np.exp(logits)
  maps /= maps.sum(-1, keepdims=True)
  return class_bias.sample(maps, label, IGNORED, seed)


def test_a_shift_is_taken_back():
  found = class_bias.fit([_image(seed, 2.5, 0.5) for seed in range(4)], 3)
  assert found.gain > 0.05
  assert found.bias[1] < min(found.bias[0], found.bias[2])
  assert sum(found.bias) == pytest.approx(0, abs=0.01)


def test_nothing_to_gain():
  found = class_bias.fit([_image(seed, 0.0) for seed in range(4)], 3)
  assert found.bias == (0, 0, 0)


def test_images_that_disagree():
  """What helps one image harms the others: no bias is accepted."""
  images = [_image(seed, 1.5 * (-1) ** seed, 0.5) for seed in range(4)]
  found = class_bias.fit(images, 3)
  assert found.bias == (0, 0, 0)
  assert found.gain <= found.error


def test_few_images():
  found = class_bias.fit([_image(0, 2.5), _image(1, 2.5)], 3)
  assert found == class_bias.none(3)
  assert class_bias.fit([], 3).bias == (0, 0, 0)


def test_an_unscored_class_is_not_weighed():
  images = [_image(seed, 0.0) for seed in range(4)]
  found = class_bias.fit(images, 3, unscored=(0, 1, 2))
  assert found.bias == (0, 0, 0)


def test_sample():
  maps = np.full((4, 5, 2), 0.5, np.float32)
  maps[0, 0] = 0, 1
  label = np.full((4, 5), IGNORED, np.uint8)
  label[0, 0], label[3, 4] = 1, 0
  found = class_bias.sample(maps, label, IGNORED, 0)
  # Both are next to ignored pixels, and so near outlines as well.
  assert found.labels.tolist() == [1, 0, 1, 0] and found.anywhere == 2
  assert np.isfinite(found.logs).all()
  np.testing.assert_allclose(
    np.exp(found.logs), 2 * [[0, 1], [0.5, 0.5]], atol=1e-5
  )


def test_pixels_near_outlines():
  label = np.zeros((30, 40), np.uint8)
  label[:, 10:] = 1
  maps = np.full((30, 40, 2), 0.5, np.float32)
  found = class_bias.sample(maps, label, IGNORED, 0)
  near = found.labels[found.anywhere :]
  # One pixel along the edges of both classes, those of the image among them.
  inside = 28 * 8, 28 * 28
  assert [(near == c).sum() for c in (0, 1)] == [
    30 * 10 - inside[0],
    30 * 30 - inside[1],
  ]
