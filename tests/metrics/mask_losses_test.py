import jax
import numpy as np
import pytest
from scipy import ndimage

from magnet_jax.metrics import losses, mask_losses
from magnet_jax.models.cascade_psp import Looks

_loss = jax.jit(mask_losses.looks_loss)


def scene(size=(2, 9, 7), seed=0):
  rng = np.random.default_rng(seed)
  full, *coarse = rng.normal(0, 2, (6, *size)).astype(np.float32)
  labels = (rng.random(size) < 0.5).astype(np.uint8)
  labels[:, 2:4, 3] = 255
  return Looks(full, tuple(coarse[:2]), tuple(coarse[2:])), labels


def slow_slopes(mask):
  mean = ndimage.uniform_filter(mask, 3, mode='nearest')
  dy, dx = (ndimage.sobel(mean, axis, mode='nearest') / 4 for axis in (0, 1))
  return np.sqrt(dy**2 + dx**2 + 1e-4)


def slow(looks, labels):
  """The terms of the paper, each as a mean over the pixels that count."""
  valid, truth = labels != 255, (labels == 1).astype(float)
  sigmoid = lambda x: 1 / (1 + np.exp(-x.astype(float)))  # noqa: E731

  def entropy(logits):
    p = sigmoid(logits)
    return -np.log(np.where(truth == 1, p, 1 - p))[valid].mean()

  def distance(logits):
    off = (sigmoid(logits) - truth)[valid]
    return np.abs(off).mean() + (off**2).mean()

  (second, third), (one, two, three) = looks.quarters, looks.eighths
  found = np.where(valid, sigmoid(looks.full), truth)
  outline = np.array(
    [
      np.abs(slow_slopes(f) - slow_slopes(t))
      for f, t in zip(found, truth, strict=True)
    ]
  )
  return (
    entropy(one)
    + 0.5 * entropy(second)
    + entropy(two)
    + entropy(three)
    + 0.5 * entropy(third)
    + distance(looks.full)
    + 0.25 * distance(second)
    + 0.25 * distance(third)
    + 5 * outline[valid].mean()
  )


@pytest.mark.parametrize('size', [(2, 9, 7), (1, 4, 4)])
def test_loss_equals_the_terms_of_the_paper(size):
  looks, labels = scene(size)
  total, weight = _loss(looks, labels)
  assert int(weight) == (labels != 255).sum()
  np.testing.assert_allclose(total / weight, slow(looks, labels), rtol=1e-5)


def test_a_slope_of_one_per_pixel():
  ramp = np.tile(np.arange(9, dtype=np.float32), (1, 9, 1))
  inner = np.asarray(mask_losses.slopes(ramp))[0, 2:-2, 2:-2]
  np.testing.assert_allclose(inner, np.sqrt(4 + 1e-4), rtol=1e-6)


def test_gradient_is_finite_and_zero_where_nothing_counts():
  looks, labels = scene()
  # Certain and right: no slope in either.
  looks.full[0] = 40 * (labels[0] == 1) - 20.0

  def mean(looks):
    return losses.mean_loss(*mask_losses.looks_loss(looks, labels))

  for leaf in jax.tree.leaves(jax.jit(jax.grad(mean))(looks)):
    assert np.isfinite(np.asarray(leaf)).all()
    assert not np.asarray(leaf)[labels == 255].any()
  nothing = np.full_like(labels, 255)
  assert losses.mean_loss(*_loss(looks, nothing)) == 0
