"""A class bias is found where it helps, and left out where it does not."""

import cv2
import numpy as np
import pytest

from magnet_jax.cascade.options import Options
from magnet_jax.ops import windows
from magnet_jax.tuning import class_fit, stage_maps
from magnet_jax.types import Stage

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
  return class_fit.of_map(maps, label, IGNORED, seed)


def _fit(images, unscored=()):
  return class_fit.fit_bias(images, (0, 0, 0), 3, unscored)


def test_a_shift_is_taken_back():
  found = _fit([_image(seed, 2.5, 0.5) for seed in range(4)])
  assert found.gain > 0.05
  assert found.values[1] < min(found.values[0], found.values[2])
  assert sum(found.values) == pytest.approx(0, abs=0.01)


def test_nothing_to_gain():
  found = _fit([_image(seed, 0.0) for seed in range(4)])
  assert found.values == (0, 0, 0)


def test_images_that_disagree():
  """What helps one image harms the others: no bias is accepted."""
  images = [_image(seed, 1.5 * (-1) ** seed, 0.5) for seed in range(4)]
  found = _fit(images)
  assert found.values == (0, 0, 0)
  assert found.gain <= found.error


def test_few_images():
  found = _fit([_image(0, 2.5), _image(1, 2.5)])
  assert found == class_fit.none(3)
  assert class_fit.fit_trends([], 3).values == (0, 0, 0)


def test_an_unscored_class_is_not_weighed():
  images = [_image(seed, 0.0) for seed in range(4)]
  found = _fit(images, unscored=(0, 1, 2))
  assert found.values == (0, 0, 0)


def test_sample():
  maps = np.full((4, 5, 2), 0.5, np.float32)
  maps[0, 0] = 0, 1
  label = np.full((4, 5), IGNORED, np.uint8)
  label[0, 0], label[3, 4] = 1, 0
  found = class_fit.of_map(maps, label, IGNORED, 0)
  # Both are next to ignored pixels, and so near outlines as well.
  assert found.labels.tolist() == [1, 0, 1, 0] and found.anywhere == 2
  assert np.isfinite(found.own).all()
  np.testing.assert_allclose(
    found.own[0],
    2 * [[0, 1], [0.5, 0.5]],
    atol=1e-5,
  )


def test_pixels_near_outlines():
  label = np.zeros((30, 40), np.uint8)
  label[:, 10:] = 1
  maps = np.full((30, 40, 2), 0.5, np.float32)
  found = class_fit.of_map(maps, label, IGNORED, 0)
  near = found.labels[found.anywhere :]
  # One pixel along the edges of both classes, those of the image among them.
  inside = 28 * 8, 28 * 28
  assert [(near == c).sum() for c in (0, 1)] == [
    30 * 10 - inside[0],
    30 * 30 - inside[1],
  ]


def _staged(seed, size=(60, 60)):
  """A coarse stage that knows classes 1 and 2 apart, but spreads them; a fine
  one that knows where 0 ends, but not which of the others it sees.
  """
  rng = np.random.default_rng(seed)
  label = np.zeros(size, np.uint8)
  for top, left in rng.integers(0, 40, (6, 2)):
    label[top : top + 12, left : left + 12] = rng.integers(1, 3)
  exact = np.eye(3, dtype=np.float32)[label]
  coarse = cv2.blur(exact, (7, 7))
  fine = exact.copy()
  swap = rng.random((6, 6)).repeat(10, 0).repeat(10, 1) < 0.4
  fine[swap, 1:] = fine[swap, :0:-1]
  maps = [0.9 * x + np.float32(0.1 / 3) for x in (coarse, fine)]
  ones = np.ones(size, np.float32)
  grid = windows.make_grid(size, size)
  steps = [
    stage_maps.Step(Stage(index, grid), x, ones, x, 0.0, 1)
    for index, x in enumerate(maps)
  ]
  return class_fit.of_steps(steps, Options(), label, IGNORED, seed)


def test_each_class_is_taken_from_the_stage_that_knows_it():
  images = [_staged(seed) for seed in range(5)]
  found = class_fit.fit_trends(images, 3)
  assert found.gain > 0.01
  assert found.values[0] > max(found.values[1:])
  single = [class_fit.of_map(np.ones((4, 4, 3)), np.zeros((4, 4)), 255, 0)] * 4
  assert class_fit.fit_trends(single, 3) == class_fit.none(3)


def test_pixels_of_stages_are_fused_as_the_running_mean():
  image = _staged(0)
  trends = np.array([1.0, 0.0, -1.0], np.float32)
  weights = np.exp(trends)
  expected = (image.own[0] + weights * image.own[1]) / (1 + weights)
  expected /= expected.sum(-1, keepdims=True)
  np.testing.assert_allclose(image.fused(trends), expected, atol=1e-6)
