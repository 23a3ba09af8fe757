"""Traits of images, and which images look unlike those of a training."""

import cv2
import numpy as np
import pytest

from magnet_jax.data import tones
from magnet_jax.rasters.rasters import ArrayRaster
from magnet_jax.types import InputError, Sample


def photograph(seed, size=(200, 260), gain=1.0):
  """Smooth noise of several scales about a mid tone."""
  rng = np.random.default_rng(seed)
  picture = np.full((*size, 3), rng.uniform(90, 120), np.float32)
  for cells in (4, 16, 64):
    noise = rng.normal(0, 12, (cells, cells, 3)).astype(np.float32)
    picture += cv2.resize(noise, size[::-1], interpolation=cv2.INTER_CUBIC)
  return np.clip(picture * gain, 0, 255).astype(np.uint8)


def of(pictures):
  found = [tones.measure(ArrayRaster(each)) for each in pictures]
  return tones.stack(found)


@pytest.fixture(scope='module')
def trained():
  return of(photograph(seed) for seed in range(20))


def test_traits_of_plain_images():
  flat = tones.measure(ArrayRaster(np.full((70, 300, 3), 40, np.uint8)))
  assert flat == {name: 40 if name == 'brightness' else 0 for name in flat}
  red = np.zeros((70, 300, 3), np.uint8)
  red[..., 0] = 200
  found = tones.measure(ArrayRaster(red))
  assert found['warmth'] == found['saturation'] == 200
  assert found['greenness'] == -100 and found['contrast'] == 0
  assert tones.TRAITS.keys() == found.keys()


def test_contrast_detail_and_texture_against_loops():
  image = photograph(3, (20, 25))
  grey = image.mean(-1)
  padded = np.pad(grey, 1, mode='reflect')
  total = sum(
    abs(grey[i, j] - padded[i : i + 3, j : j + 3].mean())
    for i in range(20)
    for j in range(25)
  )
  found = tones.measure(ArrayRaster(image))
  assert found['contrast'] == pytest.approx(grey.std(), abs=1e-3)
  assert found['detail'] == pytest.approx(np.log2(1 + total / 500), abs=2e-3)


@pytest.mark.parametrize('size', [(1, 1), (1, 500), (64, 64), (65, 3)])
def test_any_size_is_measured(size):
  found = tones.measure(ArrayRaster(np.full((*size, 3), 9, np.uint8)))
  assert found['brightness'] == 9 and np.isfinite(list(found.values())).all()


def test_tiles_without_data_do_not_count():
  image, mask = photograph(1), np.ones((200, 260), bool)
  image[:100], mask[:100] = 0, False
  found = tones.measure(ArrayRaster(image, mask))
  assert found['brightness'] == pytest.approx(image[100:].mean(), abs=5)
  # In a sample, these pixels are black.
  assert tones.measure(ArrayRaster(image))['brightness'] == pytest.approx(
    found['brightness'], abs=10
  )
  assert tones.measure(ArrayRaster(image, np.zeros_like(mask))) is None
  assert tones.measure(ArrayRaster(np.zeros_like(image))) is None


def test_other_images_of_the_same_kind_are_not_unlike(trained):
  assert (
    tones.compare(trained, of(photograph(s) for s in range(20, 60))) is None
  )


@pytest.mark.parametrize(
  ('change', 'way'),
  [
    (lambda a: a // 2, 'darker'),
    (
      lambda a: np.clip(a.astype(int) + 70, 0, 255).astype(np.uint8),
      'brighter',
    ),
    (lambda a: (a * np.float32([0.6, 1, 1.4])).clip(0, 255), 'bluer'),
    (lambda a: cv2.GaussianBlur(a, (0, 0), 9), 'smoother'),
    (lambda a: np.repeat(a.mean(-1, keepdims=True), 3, -1), 'greyer'),
  ],
)
def test_an_image_of_another_light_or_camera_is_unlike(trained, change, way):
  pictures = [photograph(30), change(photograph(31)).astype(np.uint8)]
  found = tones.compare(trained, of(pictures))
  assert found.images == (1,)
  assert any(each.startswith(way) for each in found.ways)
  line = tones.message(found, ['a.jpg', 'b.jpg'])
  assert line.startswith('b.jpg looks unlike') and '\n' not in line


def test_several_images_beyond_the_range_are_unlike_together():
  """Micrographs of a brighter specimen; each alone is too near to tell."""
  rng = np.random.default_rng(0)
  train = {
    'brightness': tuple(np.linspace(98, 169, 16)),
    'contrast': tuple(rng.normal(30, 4, 16)),
  }
  test = {
    'brightness': (167.0, 172, 173, 174, 176, 180),
    'contrast': (30.0,) * 6,
  }
  for index in range(6):
    one = {name: values[index : index + 1] for name, values in test.items()}
    assert tones.compare(train, one) is None
  found = tones.compare(train, test)
  assert found.images == (1, 2, 3, 4, 5)
  assert found.ways == ('brighter (175, not 98 to 169)',)
  line = tones.message(found, [f'{i}.png' for i in range(6)])
  assert line.startswith('5 of 6 images (1.png, 2.png, 3.png and 2 more) look')
  three = {name: values[3:] for name, values in test.items()}
  assert tones.compare(train, three) is None  # too few to say


def test_few_training_images_need_a_larger_distance():
  few, many = ({'brightness': tuple(np.linspace(90, 110, n))} for n in (2, 40))
  seen = {'brightness': (128.0,)}
  assert tones.compare(few, seen) is None
  assert tones.compare(many, seen).ways == ('brighter (128, not 90 to 110)',)


def test_unknown_tones_say_nothing(trained):
  seen = of([np.full((64, 64, 3), 1, np.uint8)])
  assert tones.compare({}, seen) is None and tones.compare(trained, {}) is None
  # Traits of another version are compared as far as both know them.
  assert tones.compare({**trained, 'later': (1.0,) * 20}, seen)
  assert tones.compare({'brightness': (5.0,)}, seen) is None


def test_at_most_64_samples_are_read_and_bad_ones_passed_over():
  asked = []

  def load(index):
    asked.append(index)
    if index % 2:
      raise InputError('bad')
    return Sample(f'{index}', np.full((9, 9, 3), 1 + index % 250, np.uint8))

  loads = [lambda i=i: load(i) for i in range(640)]
  found, names = tones.of_samples(loads)
  assert asked == list(range(0, 640, 10)) and len(names) == 64
  assert found['brightness'][3] == 31
  found, names = tones.of_samples(loads[:5])
  assert names == ['0', '2', '4'] and len(found['detail']) == 3
  assert tones.of_samples([]) == ({}, [])
