"""Logits of whole networks against those of the published code."""

import pathlib

import cv2
from goldens import seeded_weights
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.models import build
from magnet_jax.ops import normalise
from magnet_jax.weights import torch_names

GOLDENS = pathlib.Path(__file__).parents[1] / 'goldens'


@pytest.mark.parametrize(
  ('network', 'name', 'classes'),
  [('hrnet18', 'hrnet_ocr', 19), ('fpn', 'fpn', 7)],
)
def test_logits_and_classes_are_the_published_ones(network, name, classes):
  with np.load(GOLDENS / f'{network}.npz') as file:
    golden = dict(file)
  prefix = 'calibration/'
  calibration = {
    key.removeprefix(prefix): array
    for key, array in golden.items()
    if key.startswith(prefix)
  }
  segmenter = build.segmenter(num_classes=classes, name=name)
  shapes = jax.eval_shape(
    lambda: segmenter.init(jax.random.key(0), jnp.zeros((1, 32, 32, 3)))
  )
  # Drawn from the published names: a wrong name is a wrong weight.
  variables = seeded_weights.variables(
    network, torch_names.SEGMENTERS[name], shapes, calibration
  )
  pixels = cv2.imdecode(golden['image_webp'], cv2.IMREAD_COLOR_RGB)
  images = normalise.normalise(jnp.asarray(pixels)[None])
  found = np.asarray(jax.jit(segmenter.apply)(variables, images)[0])
  stride = int(golden['stride'])
  some = np.moveaxis(found[::stride, ::stride], -1, 0)
  assert np.abs(some - golden['logits']).max() <= 1e-3 * golden['range']
  assert (found.argmax(-1) == golden['argmax']).mean() >= 0.9999
