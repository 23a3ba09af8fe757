"""A model that compiles at once, for tests of whole methods."""

import jax
import jax.numpy as jnp
import numpy as np

from magnet_jax.configs import tiny
from magnet_jax.predict.model import Model
from magnet_jax.refiners import magnet
from magnet_jax.scenes import generator
from magnet_jax.types import Sample


def _segmenter(weights, images):
  """Logits by colour alone."""
  return images @ weights


def _refiner(weights, *, scale, coarse):
  """Believes the finer map, sharpened."""
  return jnp.log(scale + 1e-6) * weights + jnp.log(coarse + 1e-6)


def make(**plan):
  """For windows of 32x32 pixels; `plan` changes settings of that section."""
  weights = np.zeros((3, len(generator.CLASSES)), np.float32)
  weights[:, 0], weights[:, 5] = -1, 1
  return Model(
    jax.tree_util.Partial(_segmenter, weights),
    (magnet.refiner(jax.tree_util.Partial(_refiner, np.float32(2))),),
    generator.CLASSES,
    settings(plan),
  )


def settings(plan=(), **refine):
  """The sections `plan` and `refine`, with changes."""
  tiny_ones = tiny.get_config().to_dict()
  return {
    'plan': tiny_ones['plan'] | dict(plan),
    'refine': tiny_ones['refine'] | refine,
  }


def sample(seed=0, size=(64, 64), labelled=True):
  """Bright pixels of class 5 on dark ground of class 0, with noise."""
  rng = np.random.default_rng(seed)
  label = np.where(rng.random(size) < 0.3, 5, 0).astype(np.uint8)
  image = np.where(label[..., None] > 0, 200, 60) + rng.integers(
    0, 50, (*size, 3)
  )
  return Sample(
    f'noise-{seed}', image.astype(np.uint8), label if labelled else None
  )
