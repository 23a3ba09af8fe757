"""Shapes drawn into all layers of a canvas."""

import numpy as np

from magnet_jax.scenes.canvas import Canvas


def test_layers_of_a_shape_are_the_same_pixels():
  canvas = Canvas.blank((60, 60), (100, 200))
  rng = np.random.default_rng(0)
  for width in (1, 2, 5):
    line = rng.uniform((95, 195), (165, 265), (7, 2))
    canvas.stroke(line, width, label=1, image=(9, 9, 9))
    canvas.disc((130.3, 230.8), 4.4, label=1, image=(9, 9, 9))
    canvas.fill(line[:4], label=1, image=(9, 9, 9))
  np.testing.assert_array_equal(canvas.label > 0, canvas.image[..., 2] > 0)
  assert 0 < (canvas.label > 0).sum() < canvas.label.size


def test_one_pixel_path_is_one_pixel_wide():
  canvas = Canvas.blank((9, 9), (0, 0))
  canvas.stroke(np.array([[4.0, -5.0], [4.0, 20.0]]), 1, label=1)
  expected = np.zeros((9, 9), np.uint8)
  expected[:, 4] = 1
  np.testing.assert_array_equal(canvas.label, expected)
