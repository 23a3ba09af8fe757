import numpy as np
import pytest
import toy_model

from magnet_jax.methods import table
from magnet_jax.ops import area, normalise, resize, windows


def segmented(model, pixels):
  """Softmax of the toy's logits: colours by weights."""
  (weights,) = model.segmenter.args
  logits = np.asarray(normalise.normalise(pixels[None]))[0] @ weights
  shares = np.exp(logits - logits.max(-1, keepdims=True))
  return shares / shares.sum(-1, keepdims=True)


def tent(length):
  return np.minimum(np.arange(length), np.arange(length)[::-1]) + 1.0


def slowly(model, image):
  """Pixel by pixel what a mean of stages is, each blended by its tents."""
  total = 0
  plan = model.plan(image.shape[:2])
  for stage in plan:
    small = area.shrink(image, stage.size)
    (height, width), (h, w) = stage.size, stage.grid.window
    maps = np.zeros((max(height, h), max(width, w), len(model.classes)))
    weights = np.zeros(maps.shape[:2])
    for top, left in stage.grid.corners:
      piece = segmented(model, windows.cut(small, (top, left), (h, w)))
      weight = np.outer(tent(h), tent(w))
      maps[top : top + h, left : left + w] += weight[..., None] * piece
      weights[top : top + h, left : left + w] += weight
    maps = (maps / weights[..., None])[:height, :width].astype(np.float32)
    total = total + resize.probabilities(maps, image.shape[:2])
  return total / len(plan)


@pytest.mark.parametrize('size', [(64, 64), (90, 75), (40, 130)])
def test_it_is_the_equal_mean_of_all_stages(size):
  model = toy_model.make(overlap=0.25)
  image = toy_model.sample(size=size).image
  found, seen = table.make(model, ['multiscale'])['multiscale'].segment(image)
  np.testing.assert_allclose(found, slowly(model, image), atol=1e-5)
  np.testing.assert_allclose(found.sum(-1), 1, atol=1e-5)
  plan = model.plan(size)
  assert len(plan) > 1 and seen == sum(len(stage.grid) for stage in plan)


def test_one_stage_is_its_own_mean():
  model = toy_model.make()
  image = toy_model.sample(size=(32, 32)).image
  chosen = table.make(model, ['multiscale', 'downsample'])
  (found, seen), (alone, _) = (m.segment(image) for m in chosen.values())
  np.testing.assert_allclose(found, alone, atol=1e-6)
  assert seen == 1
