from fractions import Fraction

import cv2
import numpy as np
import pytest

from magnet_jax.ops import area


def _image(size, seed=0):
  return np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)


def _slow(pixels, target):
  """Exact averages, pixel by pixel: fractions [h,w,3]."""
  weights = []
  for have, want in zip(pixels.shape[:2], target, strict=True):
    rows = np.zeros((want, have), object)
    for o in range(want):
      low, high = Fraction(o * have, want), Fraction((o + 1) * have, want)
      for i in range(have):
        shared = min(high, Fraction(i + 1)) - max(low, Fraction(i))
        rows[o, i] = max(shared, Fraction(0)) * Fraction(want, have)
    weights.append(rows)
  rows = np.tensordot(weights[0], pixels.astype(int), axes=(1, 0))
  return np.tensordot(rows, weights[1], axes=(1, 1)).swapaxes(1, 2)


SIZES = [
  ((12, 8), (6, 4)),
  ((12, 9), (4, 3)),
  ((12, 12), (4, 3)),
  ((13, 11), (6, 5)),
  ((10, 14), (9, 13)),
  ((17, 5), (2, 1)),
  ((1, 7), (1, 3)),
  ((6, 6), (6, 3)),
  ((5, 5), (5, 5)),
]


@pytest.mark.parametrize(('size', 'target'), SIZES)
def test_equals_exact_averages(size, target):
  image = _image(size)
  found = area.shrink(image, target)
  assert found.shape == (*target, 3) and found.dtype == np.uint8
  exact = _slow(image, target)
  error = np.abs(found.astype(float) - exact.astype(float))
  assert error.max() <= 0.5 + 1e-4


def _in_pieces(image, target, rows, columns):
  average = area.AreaAverage(image.shape[:2], target)
  bands, top = [], 0
  for i in range(100):
    height = rows[i % len(rows)]
    left, pieces = 0, []
    for j in range(100):
      piece = image[top : top + height, left : left + columns[j % len(columns)]]
      pieces.append((left, piece))
      left += piece.shape[1]
      if left == image.shape[1]:
        break
    for left, piece in reversed(pieces):  # in any order within a band
      average.add(top, left, piece)
    top = min(top + height, len(image))
    bands.append(average.take(top))
    if top == len(image):
      return np.concatenate(bands)
  raise AssertionError('too many bands')


@pytest.mark.parametrize(
  ('size', 'target'),
  [
    *SIZES,
    ((64, 96), (16, 24)),
    ((90, 61), (30, 61)),
    ((97, 101), (53, 60)),
    ((96, 96), (12, 12)),
    ((70, 70), (10, 14)),
  ],
)
@pytest.mark.parametrize(
  ('rows', 'columns'),
  [((1,), (99,)), ((5, 2), (3,)), ((7,), (8, 1)), ((99,), (20,))],
)
def test_pieces_of_any_shape_give_the_same_bytes(size, target, rows, columns):
  for image in (_image(size), _image(size) // 64 * 64):  # many halves, too
    np.testing.assert_array_equal(
      _in_pieces(image, target, rows, columns), area.shrink(image, target)
    )


def test_is_what_opencv_does_to_a_grey_level():
  image = cv2.GaussianBlur(_image((200, 300)), (5, 5), 2)
  for target in ((100, 150), (50, 75), (133, 201)):
    theirs = cv2.resize(image, target[::-1], interpolation=cv2.INTER_AREA)
    off = np.abs(area.shrink(image, target).astype(int) - theirs)
    assert off.max() <= 1 and (off > 0).mean() < 0.002


def test_an_even_image_stays_as_it_is():
  image = np.full((37, 53, 3), 201, np.uint8)
  assert (area.shrink(image, (20, 31)) == 201).all()


def test_rows_wider_than_a_short_integer():
  image = np.full((3, 40_001, 3), 7, np.uint8)
  assert (area.shrink(image, (2, 30_000)) == 7).all()
