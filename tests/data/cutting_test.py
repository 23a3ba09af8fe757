"""Random windows of stages."""

import itertools

import numpy as np
import pytest

from magnet_jax.data import cutting
from magnet_jax.data.augment import Augmentation, Symmetry
from magnet_jax.ops import resize, windows
from magnet_jax.types import Sample, Stage

SYMMETRIES = [Symmetry(*f) for f in itertools.product([False, True], repeat=3)]


def _stage(size, window, index=0):
  return Stage(index, windows.make_grid(size, window))


def _ruler(size):
  """Image and label that both say the row (or the column) of each pixel."""
  rows = np.broadcast_to(np.arange(size[0])[:, None], size).astype(np.uint8)
  columns = np.broadcast_to(np.arange(size[1])[None], size).astype(np.uint8)
  image = np.stack([rows, columns, rows], -1)
  return Sample('rows', image, rows), Sample('columns', image, columns)


def test_pad():
  image = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
  padded = cutting.pad(image, (3, 4))
  assert padded.shape == (3, 4, 3)
  np.testing.assert_array_equal(padded[:2, :2], image)
  np.testing.assert_array_equal(padded[2, 3], image[1, 1])
  label = cutting.pad(image[..., 0], (3, 4))
  assert (label[2] == 255).all() and (label[:, 2:] == 255).all()
  assert cutting.pad(image, (2, 2)) is image


@pytest.mark.parametrize('length', [8, 9, 13])
def test_every_offset_to_the_last_is_drawn(length):
  stage = _stage((length, length), (8, 8))
  rng = np.random.default_rng(0)
  drawn = set()
  for _ in range(600):
    region, shown = cutting.draw_region(
      rng, stage, (length, length), network=(8, 8)
    )
    assert region[1] - region[0] == region[3] - region[2] == 8
    assert shown == (8, 8)
    drawn.add((region[0], region[2]))
  last = length - 8
  assert drawn == set(itertools.product(range(last + 1), repeat=2))


@pytest.mark.parametrize('size', [(153, 204), (1224, 1632), (101, 37), (1, 90)])
@pytest.mark.parametrize('scale', [1.0, 0.77, 1.3])
def test_regions_stay_inside_and_reach_both_ends(size, scale):
  rng = np.random.default_rng(0)
  coarse = tuple(max(1, side // 2) for side in size)
  stage = _stage(coarse, (16, 24))
  regions = []
  for _ in range(300):
    region, shown = cutting.draw_region(
      rng, stage, size, network=(16, 24), scale=scale
    )
    top, bottom, left, right = region
    assert 0 <= top < bottom <= size[0] and 0 <= left < right <= size[1]
    assert 1 <= shown[0] <= 16 and 1 <= shown[1] <= 24
    # The magnification is the stage's, up to the rounding of tiny regions.
    for extent, pixels, axis in (
      (bottom - top, shown[0], 0),
      (right - left, shown[1], 1),
    ):
      zoom = size[axis] / coarse[axis] * scale
      assert abs(extent / pixels - zoom) < 0.1 * zoom + 1 / pixels
    regions.append(region)
  if min(size) > 60:
    continuous = np.array(regions)
    assert continuous[:, 0].min() < 0.1 * size[0]
    assert continuous[:, 1].max() > 0.9 * size[0]


def test_stage_0_without_jitter_is_the_whole_image():
  rng = np.random.default_rng(0)
  sample = Sample('a', rng.integers(0, 256, (96, 128, 3), np.uint8))
  stages = {(96, 128): (_stage((24, 32), (24, 32)),)}
  image, label = cutting.draw_window(
    rng, sample, stages, network=(24, 32), options=Augmentation()
  )
  expected = resize.image(sample.image, (24, 32))
  assert np.abs(image.astype(int) - expected).max() <= 2
  assert (label == 255).all()


@pytest.mark.parametrize(
  'size', [(8, 12), (16, 24), (9, 13), (100, 150), (128, 192), (3, 190)]
)
def test_shrink_is_close_to_one_average_of_areas(size):
  image = np.random.default_rng(0).integers(0, 256, (128, 192, 3), np.uint8)
  expected = resize.image(image, size).astype(int)
  difference = np.abs(cutting.shrink(image, size) - expected)
  # Noise is the worst case for areas that end within a halved pixel.
  exact = 128 % size[0] == 0 and 192 % size[1] == 0
  assert difference.max() <= (2 if exact else 10)
  assert difference.mean() < 1.5


@pytest.mark.parametrize('symmetry', SYMMETRIES)
@pytest.mark.parametrize('zoom', [0.5, 1, 1.7, 4, 5.3])
def test_image_and_label_are_aligned(symmetry, zoom):
  size = (200, 240)
  network = (16, 20)
  laid = symmetry.size(size)
  rng = np.random.default_rng(0)
  stage = _stage((round(laid[0] / zoom), round(laid[1] / zoom)), network)
  for channel, sample in enumerate(_ruler(size)):
    region, shown = cutting.draw_region(rng, stage, laid, network=network)
    image, label = cutting.cut(
      sample, region, shown, symmetry=symmetry, network=network
    )
    assert image.shape == (*network, 3) and label.shape == network
    difference = image[..., channel].astype(int) - label
    # The nearest pixel is at most half a pixel from the average's centre.
    assert np.abs(difference).max() <= 1


def test_an_image_smaller_than_the_window_is_padded():
  sample = _ruler((5, 30))[0]
  stages = {(5, 30): (_stage((5, 30), (16, 16)),)}
  image, label = cutting.draw_window(
    np.random.default_rng(0),
    sample,
    stages,
    network=(16, 16),
    options=Augmentation(flip_vertical=True),
  )
  assert (label[5:] == 255).all() and (label[:5] != 255).all()
  np.testing.assert_array_equal(image[5:], np.repeat(image[4:5], 11, axis=0))


def test_stage_weights_choose_the_stage():
  sample = Sample('a', np.zeros((64, 64, 3), np.uint8))
  sample.image[0] = 255
  stages = {(64, 64): (_stage((8, 8), (8, 8)), _stage((64, 64), (8, 8), 1))}
  rng = np.random.default_rng(0)

  def draw(weights):
    image, _ = cutting.draw_window(
      rng,
      sample,
      stages,
      network=(8, 8),
      options=Augmentation(),
      weights=weights,
    )
    return int(image[0, 0, 0])

  assert {draw((1, 0)) for _ in range(9)} == {32}  # a row of 8 is white
  assert 32 not in {draw((0, 1)) for _ in range(20)}
  # An image of fewer stages than weights has the coarse ones.
  assert draw((1, 0, 5)) == 32
