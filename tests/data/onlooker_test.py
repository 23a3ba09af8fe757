"""Readers of images that measure them on the way."""

import contextlib
import functools

import numpy as np
import pytest

from magnet_jax.data import tones
from magnet_jax.data.onlooker import Onlooker
from magnet_jax.rasters.rasters import ArrayRaster
from magnet_jax.types import InputError, Sample


@pytest.fixture(scope='module')
def trained():
  rng = np.random.default_rng(0)
  shape = (20, 64, 64, 3)
  pictures = rng.integers(80, 120, shape, dtype=np.uint8)
  return tones.stack(tones.measure(ArrayRaster(each)) for each in pictures)


def test_an_onlooker_measures_what_is_read_anyway(trained):
  asked = []

  def load(index):
    asked.append(index)
    if index == 3:
      raise InputError('bad')
    return Sample(f'{index}.png', np.full((64, 64, 3), 250, np.uint8))

  loads = [functools.partial(load, index) for index in range(8)]
  onlooker = Onlooker(trained, loads)
  for index in (4, 3, 1):
    with contextlib.suppress(InputError):
      assert onlooker.loads[index]().name == f'{index}.png'
  line = onlooker.remark()
  # Those of records from before are read for it, but no image twice.
  assert asked == [4, 3, 1, 0, 2, 5, 6, 7]
  assert line.startswith('7 of 7 images (0.png, 1.png, 2.png and 4 more) look')


def test_an_onlooker_looks_at_64_images_and_with_unknown_tones_at_none(trained):
  asked = []

  def load(index):
    asked.append(index)
    return Sample(f'{index}', np.zeros((9, 9, 3), np.uint8))  # has no traits

  loads = [functools.partial(load, index) for index in range(640)]
  assert Onlooker({}, loads).remark() == '' and not asked
  assert Onlooker({}, loads).loads == loads
  assert Onlooker(trained, loads).remark() == ''
  assert asked == list(range(0, 640, 10))
