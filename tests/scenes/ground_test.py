"""The textures of the ground, and how far they reveal the classes."""

import numpy as np
import pytest

from magnet_jax.scenes import ground, land, layout
from magnet_jax.scenes.canvas import Canvas
from magnet_jax.scenes.classes import BASIN, CROP, MEADOW, WATER


@pytest.mark.parametrize('seed', range(3))
def test_ground_alone_does_not_tell_the_class(seed):
  """Meadow and crop share one set of textures, water and basin another."""
  rng = np.random.default_rng(seed)
  canvas = Canvas.blank((2448, 2448), (0, 0))
  plan = layout.make_layout(rng, (2448, 2448))
  land.lay_ground(rng, canvas, plan)
  for pair, pool in (
    ((MEADOW, CROP), (*ground.FIELDS, *ground.BANKS)),
    ((WATER, BASIN), ground.WATERS),
  ):
    for index in pair:
      found = np.unique(canvas.ground[canvas.label == index])
      assert found.size and set(found.tolist()) <= set(pool)


@pytest.mark.parametrize('size', [(1, 1), (5, 400), (400, 700)])
def test_noise_has_unit_scale(size):
  noise = ground.make_noise(np.random.default_rng(0), size, (2, 9))
  assert noise.shape == size and noise.dtype == np.float32
  if size[0] == 400:
    assert 0.8 < noise.std() < 1.2
