"""Random changes that keep labels true."""

import itertools

import numpy as np
import pytest

from magnet_jax.configs import default
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


STRONG = Augmentation(
  brightness=1.7, contrast=1.4, gamma=1.3, channels=1.2, saturation=1.5, hue=9
)


def test_without_limits_nothing_changes():
  colours = augment.draw_colours(np.random.default_rng(0), Augmentation())
  assert colours == Colours()
  image = _image()
  assert colours.apply(image) is image


def test_the_same_random_numbers_are_used_whatever_the_limits():
  first, second = (np.random.default_rng(0) for _ in range(2))
  augment.draw_colours(first, Augmentation())
  augment.draw_colours(second, STRONG)
  assert first.integers(1000) == second.integers(1000)


def test_changes_fill_their_ranges_evenly():
  rng = np.random.default_rng(0)
  drawn = [augment.draw_colours(rng, STRONG) for _ in range(1000)]
  for name in ('brightness', 'contrast', 'gamma', 'channels', 'saturation'):
    limit = getattr(STRONG, name)
    powers = np.log([getattr(c, name) for c in drawn]) / np.log(limit)
    assert powers.shape == ((1000, 3) if name == 'channels' else (1000,))
    np.testing.assert_allclose(powers.min(0), -1, atol=0.02)
    np.testing.assert_allclose(powers.max(0), 1, atol=0.02)
    np.testing.assert_allclose(powers.mean(0), 0, atol=0.06)
  turns = np.degrees([c.hue for c in drawn])
  assert -9 <= turns.min() < -8.8 and 8.8 < turns.max() <= 9


def test_the_default_covers_images_that_are_much_brighter():
  config = default.get_config().augment
  rng = np.random.default_rng(0)
  grey = np.full((1, 1, 3), 100, np.uint8)
  means = [
    augment.draw_colours(rng, Augmentation(**config)).apply(grey).mean()
    for _ in range(400)
  ]
  assert np.quantile(means, 0.03) < 60 and np.quantile(means, 0.97) > 160


def _slow(colours: Colours, pixel: np.ndarray) -> list[float]:
  """Each step as its name says, in 0..1, without rounding in between."""
  luma = pixel @ [0.299, 0.587, 0.114]
  # About the axis of grey, in the plane of the two chroma axes.
  first = pixel @ [0.596, -0.274, -0.322]
  second = pixel @ [0.211, -0.523, 0.312]
  chroma = colours.saturation * (first + 1j * second)
  chroma *= np.exp(1j * colours.hue)
  inverse = np.linalg.inv(
    [[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]]
  )
  mixed = inverse @ [luma, chroma.real, chroma.imag]
  result = []
  for value, gain in zip(mixed, colours.channels, strict=True):
    tone = (np.clip(value, 0, 1) * gain) ** colours.gamma * colours.brightness
    result.append(np.clip((tone - 0.5) * colours.contrast + 0.5, 0, 1))
  return result


@pytest.mark.parametrize('seed', range(5))
def test_changes_are_those_of_a_slow_reference(seed):
  image = _image(seed=seed)
  colours = augment.draw_colours(np.random.default_rng(seed), STRONG)
  expected = [[_slow(colours, p / 255) for p in row] for row in image]
  # Two roundings, of which the tones may magnify the first.
  np.testing.assert_allclose(
    colours.apply(image), 255 * np.asarray(expected), atol=4
  )


def test_the_setting_of_earlier_versions_draws_the_same():
  old = augment.from_jitter(0.5)
  assert old == {
    'brightness': 1.1618,
    'contrast': 1.2214,
    'gamma': 1.2214,
    'channels': 1.0,
    'saturation': 1.284,
    'hue': 9.0,
  }
  assert Augmentation(**augment.from_jitter(0.0)) == Augmentation()
  colours = augment.draw_colours(np.random.default_rng(3), Augmentation(**old))
  first = np.random.default_rng(3).uniform(-0.5, 0.5)
  assert colours.brightness == pytest.approx(np.exp(0.3 * first), rel=1e-4)
  with pytest.raises(InputError, match='colour_jitter 2'):
    augment.from_jitter(2)


def test_tones():
  image = np.array([[[0, 0, 0], [100, 100, 100], [255, 255, 255]]], np.uint8)
  grays = {
    Colours(brightness=0.5): [0, 50, 128],
    Colours(brightness=2.0): [0, 200, 255],
    Colours(contrast=0.0): [128, 128, 128],
    Colours(contrast=2.0): [0, 72, 255],
    Colours(gamma=2.0): [0, 39, 255],
    Colours(channels=(0.5, 0.5, 0.5)): [0, 50, 128],
    Colours(channels=(1.5, 1.5, 1.5)): [0, 150, 255],
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
  colours = augment.draw_colours(np.random.default_rng(1), STRONG)
  whole = colours.apply(image)
  np.testing.assert_array_equal(
    colours.apply(np.ascontiguousarray(image[10:20, 5:9])), whole[10:20, 5:9]
  )
  assert (whole != image).any()


def test_bad_options():
  with pytest.raises(InputError, match=r'scale_jitter 0\.5'):
    Augmentation(scale_jitter=0.5)
  with pytest.raises(InputError, match=r'brightness 0\.6'):
    Augmentation(brightness=0.6)
  with pytest.raises(InputError, match='channels nan'):
    Augmentation(channels=float('nan'))
  with pytest.raises(InputError, match='hue 200'):
    Augmentation(hue=200)
