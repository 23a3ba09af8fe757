"""Uses every public name, for type checkers: `public_names_test.py` runs one.

What they find of each name is written after it.
"""

import pathlib
from typing import assert_type

import jax.numpy as jnp
import numpy as np
from PIL import Image

import magnet_jax

Maps = jnp.ndarray


def segmenter(images: Maps) -> Maps:
  """One class per colour channel."""
  return 4 * images


def refiner(*, scale: Maps, coarse: Maps) -> Maps:
  """The mean of both maps."""
  return jnp.log(scale + coarse)


def gate(features: dict[str, Maps], *, scale: Maps, coarse: Maps) -> Maps:
  """Trusts both maps alike."""
  del features, coarse
  return 0 * scale


def of_a_model(path: pathlib.Path) -> np.ndarray:
  """Segments an image in all the ways that a model has."""
  assert_type(magnet_jax.__version__, str)
  model = magnet_jax.load_model('scenes')
  assert_type(model, magnet_jax.Model)
  assert_type(model.classes, magnet_jax.ClassTable)
  found = model.segment(path, keep_stages=True, windows=0.5)
  assert_type(found, magnet_jax.Segmentation)
  assert_type(found.confidence, np.ndarray)
  for each in model.segment_all([Image.new('L', (9, 8)), jnp.zeros((9, 8))]):
    assert_type(each, magnet_jax.Segmentation)
  try:
    pixels = magnet_jax.read_image(path, bands=(3, 2, 1), stretch='2-98')
  except magnet_jax.InputError:
    pixels = magnet_jax.read_image(str(path))
  return magnet_jax.segment_image(model, pixels, points=0.5)


def of_parts() -> np.ndarray:
  """Segments a scene with functions of one's own."""
  sample = magnet_jax.generate_scene(0, (100, 120))
  assert_type(sample, magnet_jax.Sample)
  cascade = magnet_jax.Cascade(
    segmenter,
    [magnet_jax.magnet_refiner(refiner)],
    network=(64, 64),
    options=magnet_jax.Options(windows=0.5),
  )
  plan = magnet_jax.make_plan((100, 120), window=(64, 64))
  assert_type(plan, tuple[magnet_jax.Stage, ...])
  others = [
    magnet_jax.mean_refiner(),
    magnet_jax.scale_attention_refiner(gate),
  ]
  assert_type(others, list[magnet_jax.Refiner])
  return cascade.segment(sample.image, plan)
