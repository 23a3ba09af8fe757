"""Random changes that keep labels true."""

import itertools

import numpy as np
import pytest

from magnet_jax.data import augment
from magnet_jax.data.augment import Augmentation, Colours, Symmetry
from magnet_jax.types import InputError

ALL = [Symmetry(*flags) for flags in itertools.product([False, True], repeat=3)]


def _image(shape=(5, 7, 3), seed=0):
  return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


@pytest.mark.parametrize('symmetry', ALL)
def test_source_is_the_region_that_a_region_shows(symmetry):
  image = _image((9, 6))
  laid = symmetry.apply(image)
  assert laid.shape == symmetry.size(image.shape)
  region = (1, 4, 2, 5)
  top, bottom, left, right = symmetry.source(region, laid.shape)
  np.testing.assert_array_equal(
    symmetry.apply(image[top:bottom, left:right]), laid[1:4, 2:5]
  )


def test_the_eight_symmetries_differ():
  image = _image((4, 4))
  assert len({s.apply(image).tobytes() for s in ALL}) == 8


@pytest.mark.parametrize(
  ('options', 'expected'),
  [
    ({}, {'same'}),
    ({'flip_horizontal': True}, {'same', 'left-right'}),
    ({'flip_vertical': True}, {'same', 'top-bottom'}),
    ({'rotate': True}, {'same', '90', '180', '270'}),
  ],
)
def test_options_allow_just_their_symmetries(options, expected):
  image = _image((4, 6))
  names = {
    image.tobytes(): 'same',
    image[:, ::-1].tobytes(): 'left-right',
    image[::-1].tobytes(): 'top-bottom',
    np.rot90(image).tobytes(): '90',
    np.rot90(image, 2).tobytes(): '180',
    np.rot90(image, 3).tobytes(): '270',
  }
  rng = np.random.default_rng(0)
  drawn = [
    names[
      augment.draw_symmetry(rng, Augmentation(**options)).apply(image).tobytes()
    ]
    for _ in range(200)
  ]
  assert set(drawn) == expected
  for name in expected:
    assert abs(drawn.count(name) / 200 - 1 / len(expected)) < 0.15


def test_all_together_give_all_eight():
  rng = np.random.default_rng(0)
  options = Augmentation(True, True, True)
  assert {augment.draw_symmetry(rng, options) for _ in range(200)} == set(ALL)


def test_scale_is_drawn_evenly_in_its_logarithm():
  rng = np.random.default_rng(0)
  scales = [
    augment.draw_scale(rng, Augmentation(scale_jitter=1.3)) for _ in range(2000)
  ]
  assert 1 / 1.3 <= min(scales) < 0.78 and 1.29 < max(scales) <= 1.3
  assert abs(np.mean(np.log(scales))) < 0.01
  assert augment.draw_scale(rng, Augmentation()) == 1


def test_strength_0_changes_nothing():
  colours = augment.draw_colours(np.random.default_rng(0), 0.0)
  assert colours == Colours()
  image = _image()
  assert colours.apply(image) is image


def test_the_same_random_numbers_are_used_whatever_the_strength():
  first, second = (np.random.default_rng(0) for _ in range(2))
  augment.draw_colours(first, 0.0)
  augment.draw_colours(second, 1.0)
  assert first.integers(1000) == second.integers(1000)


def test_tones():
  image = np.array([[[0, 0, 0], [100, 100, 100], [255, 255, 255]]], np.uint8)
  grays = {
    Colours(brightness=0.5): [0, 50, 128],
    Colours(brightness=2.0): [0, 200, 255],
    Colours(contrast=0.0): [128, 128, 128],
    Colours(contrast=2.0): [0, 72, 255],
    Colours(gamma=2.0): [0, 39, 255],
    Colours(saturation=0.3): [0, 100, 255],
    Colours(hue=1.0): [0, 100, 255],
  }
  for colours, expected in grays.items():
    changed = colours.apply(image)
    assert changed.dtype == np.uint8
    # What moves colours leaves grays as they are.
    for channel in range(3):
      np.testing.assert_allclose(changed[0, :, channel], expected, atol=1)


def test_saturation_and_hue():
  image = np.array([[[200, 100, 50]]], np.uint8)
  luma = 0.299 * 200 + 0.587 * 100 + 0.114 * 50
  gray = Colours(saturation=0.0).apply(image)[0, 0]
  np.testing.assert_allclose(gray, luma, atol=1)
  turned = Colours(hue=0.3).apply(image)[0, 0].astype(float)
  assert np.abs(turned - image[0, 0]).max() > 10
  assert abs(turned @ [0.299, 0.587, 0.114] - luma) < 2


def test_colours_are_a_function_of_the_pixel_alone():
  image = _image((40, 50, 3))
  colours = augment.draw_colours(np.random.default_rng(1), 1.0)
  whole = colours.apply(image)
  np.testing.assert_array_equal(
    colours.apply(np.ascontiguousarray(image[10:20, 5:9])), whole[10:20, 5:9]
  )
  assert (whole != image).any()


def test_bad_options():
  with pytest.raises(InputError, match=r'scale_jitter 0\.5'):
    Augmentation(scale_jitter=0.5)
  with pytest.raises(InputError, match='colour_jitter 2'):
    Augmentation(colour_jitter=2)
