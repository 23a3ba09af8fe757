"""Correction of a mask against a plain loop, with a network of one line."""

import math

import cv2
import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.cascade import mask_correction
from magnet_jax.models.cascade_psp import Looks
from magnet_jax.ops import normalise
from magnet_jax.types import InputError

SIDE, MARGIN = 24, 2


def toy(images, masks, coarse=None):
  """Sees each pixel, and the mean of the whole input, padding included."""
  coarse = jnp.tanh(2 * masks) if coarse is None else coarse
  mean = 3 * images.mean((1, 2, 3)) + masks.mean((1, 2))
  full = 0.7 * images.sum(-1) + masks + coarse / 2 + mean[:, None, None]
  quarter = images[..., 0] / 2 + masks / 2 + coarse / 5
  return Looks(full, (quarter, quarter), (quarter, quarter))


@pytest.fixture(scope='module')
def run():
  return mask_correction.steps(toy)


def sigmoid(x):
  return 1 / (1 + np.exp(-x))


def slow_toy(image, *masks):
  """The network's output, from images and masks that are filled up."""
  height, width = image.shape[:2]
  more = (0, 0)
  if height % 8 or width % 8:
    more = 8 - height % 8, 8 - width % 8
  sides = ((0, more[0]), (0, more[1]))
  image = (image / 255 - normalise.MEAN) / normalise.STD
  looks = toy(
    np.pad(image, (*sides, (0, 0)))[None],
    *(np.pad(mask, sides, constant_values=-1.0)[None] for mask in masks),
  )
  return [
    sigmoid(np.asarray(x, float))[0, :height, :width]
    for x in (looks.full, looks.quarters[1])
  ]


def slow_reduced(array, size):
  """Means of the pixels that a part touches, or cubic or linear enlarging."""
  height, width = array.shape[:2]
  if max(size) > max(height, width):
    rule = cv2.INTER_CUBIC if array.ndim == 3 else cv2.INTER_LINEAR
    return cv2.resize(array, size[::-1], interpolation=rule)
  return np.array(
    [
      [
        array[
          i * height // size[0] : math.ceil((i + 1) * height / size[0]),
          j * width // size[1] : math.ceil((j + 1) * width / size[1]),
        ].mean((0, 1))
        for j in range(size[1])
      ]
      for i in range(size[0])
    ]
  )


def slow(image, mask, side, margin):
  """All crops one after the other, as the paper says."""
  height, width = mask.shape
  longest = max(height, width)
  size = max(1, height * side // longest), max(1, width * side // longest)
  full, quarter = slow_toy(
    slow_reduced(image.astype(float), size),
    2 * slow_reduced(mask.astype(float), size) - 1,
  )
  full, quarter = (
    cv2.resize(x, (width, height), interpolation=cv2.INTER_LINEAR)
    for x in (full, quarter)
  )
  inside = full > 0.5
  total, count = np.zeros((2, height, width))
  done = set()
  step = side // 2 - 2 * margin
  for i in range(height // step + 1):
    for j in range(width // step + 1):
      top = max(0, min(i * step, height - side))
      left = max(0, min(j * step, width - side))
      bottom, right = min(top + side, height), min(left + side, width)
      part = inside[top:bottom, left:right]
      if (top, left) in done or not 0.1 <= part.mean() <= 0.9:
        continue
      done.add((top, left))
      found, _ = slow_toy(
        image[top:bottom, left:right],
        np.where(part, 1.0, -1.0),
        2 * quarter[top:bottom, left:right] - 1,
      )
      for y in range(top, bottom):
        for x in range(left, right):
          inner = (
            (y - top >= margin or top == 0)
            and (bottom - y > margin or bottom == height)
            and (x - left >= margin or left == 0)
            and (right - x > margin or right == width)
          )
          total[y, x] += inner * found[y - top, x - left]
          count[y, x] += inner
  return np.where(count > 0, total / np.maximum(count, 1), inside), count


def scene(size, seed=0):
  rng = np.random.default_rng(seed)
  image = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
  mask = np.zeros(size, bool)
  mask[: size[0] // 2 + 1, : size[1] // 2] = True
  # So that the network finds much the same.
  image[mask] = image[mask] // 2 + 128
  image[~mask] //= 2
  return image, mask


@pytest.mark.parametrize(
  'size', [(45, 50), (24, 24), (24, 19), (48, 96), (10, 13), (60, 1)]
)
def test_a_mask_is_corrected_as_by_the_loop(run, size):
  image, mask = scene(size)
  found = mask_correction.correct(image, mask, run, side=SIDE, margin=MARGIN)
  expected, count = slow(image, mask, SIDE, MARGIN)
  assert found.dtype == np.float32
  np.testing.assert_allclose(found, expected, atol=1e-5)
  if size == (48, 96):  # crops without an outline are left out
    assert count.min() == 0 < count.max()


@pytest.mark.parametrize('inside', [False, True])
@pytest.mark.parametrize('size', [(1, 1), (1, 40), (30, 30)])
def test_nothing_and_everything(run, size, inside):
  image, mask = np.zeros((*size, 3), np.uint8), np.full(size, inside)
  found = mask_correction.correct(image, mask, run, side=SIDE, margin=MARGIN)
  assert found.shape == size
  assert set(np.unique(found)) <= {0, 1}


def test_crops_of_one_size_compile_once():
  traces = []

  def traced(images, masks, coarse=None):
    traces.append((masks.shape[1:], coarse is None))
    return toy(images, masks, coarse)

  run = mask_correction.steps(traced)
  for size in ((40, 60), (60, 40), (31, 55)):
    image, mask = scene(size)
    mask_correction.correct(image, mask, run, side=SIDE, margin=MARGIN)
  crops = [size for size, whole in traces if not whole]
  assert crops == [(24, 24)]
  assert len(traces) == 4  # and each reduced image


@pytest.mark.parametrize(('side', 'margin'), [(64, 16), (24, -1)])
def test_crops_that_do_not_advance_are_refused(run, side, margin):
  image, mask = scene((30, 30))
  with pytest.raises(InputError, match='enlarge the side'):
    mask_correction.correct(image, mask, run, side=side, margin=margin)


def test_what_would_be_reduced_too_much_is_seen_in_crops_only():
  def believes(images, masks, coarse=None):
    assert coarse is not None  # the whole image is not seen
    return Looks(masks + coarse, (masks, masks), (masks, masks))

  rng = np.random.default_rng(0)
  image = rng.integers(0, 256, (60, 48, 3), dtype=np.uint8)
  mask = rng.random((60, 48)) < 0.5
  run = mask_correction.steps(believes)
  found = mask_correction.correct(
    image, mask, run, side=SIDE, margin=MARGIN, reduction=2
  )
  np.testing.assert_allclose(found, sigmoid(4.0 * mask - 2), atol=1e-6)


@pytest.mark.parametrize('inside', [False, True])
def test_narrow_outlines_are_seen_if_no_share_is_asked_for(run, inside):
  image, _ = scene((60, 48))
  mask = np.full((60, 48), not inside)
  mask[30:32] = inside  # less than a tenth of a crop

  def corrected(**settings):
    return mask_correction.correct(
      image, mask, run, side=SIDE, margin=MARGIN, reduction=1, **settings
    )

  np.testing.assert_array_equal(corrected(), mask)
  found = corrected(least_share=0)
  seen = (found > 0) & (found < 1)
  assert seen[20:42].all() and not seen[:8].any() and not seen[-8:].any()
