import functools

import numpy as np
import pytest
from scipy import ndimage

from magnet_jax.data import mask_perturbation


def blobs(seed=0, size=(60, 70)):
  """A mask with holes and parts of all sizes."""
  rng = np.random.default_rng(seed)
  return ndimage.gaussian_filter(rng.random(size), 2.5) > 0.5


@pytest.mark.parametrize('size', [3, 4, 5, 8, 9])
@pytest.mark.parametrize('grow', [False, True])
def test_discs_change_masks_as_in_scipy(size, grow):
  mask = blobs()
  found = mask_perturbation.reshaped(mask.astype(np.uint8), size, grow=grow)
  disc = mask_perturbation.disc(size)
  assert disc.shape == (size, size)
  centre = (size - 1) / 2
  for y, x in np.ndindex(disc.shape):
    assert disc[y, x] == (np.hypot(y - centre, x - centre) <= size / 2)
  # SciPy mirrors the disc when it dilates, which moves those of even size.
  change, beyond = (
    (ndimage.binary_dilation, 0) if grow else (ndimage.binary_erosion, 1)
  )
  origin = -1 if grow and size % 2 == 0 else 0
  expected = change(mask, disc, border_value=beyond, origin=origin)
  np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize('seed', range(3))
def test_all_vertices_draw_the_same_mask(seed):
  mask = blobs(seed).astype(np.uint8)
  rng = np.random.default_rng(0)
  np.testing.assert_array_equal(mask_perturbation.redrawn(rng, mask, 1.0), mask)
  fewer = mask_perturbation.redrawn(rng, mask, 0.1)
  assert 0.5 < mask_perturbation.iou(fewer, mask) < 0.97


def test_a_stretch_of_the_outline_is_lost():
  mask = np.zeros((80, 80), np.uint8)
  mask[10:70, 10:70] = 1
  found = mask_perturbation.redrawn(np.random.default_rng(0), mask, 0.999)
  lost = mask - found
  assert not (found & ~mask).any()
  # A tenth of the outline of 236 pixels at most cuts off a corner.
  assert 0 <= lost.sum() <= 24**2 / 4 + 30


def test_masks_are_as_wrong_as_their_bound_allows():
  found = []
  for seed in range(40):
    mask = blobs(seed % 5)
    rng = np.random.default_rng(seed)
    bound = np.random.default_rng(seed).uniform(0.8, 1)
    wrong = mask_perturbation.perturb(rng, mask)
    assert wrong.dtype == bool and wrong.shape == mask.shape
    value = mask_perturbation.iou(wrong, mask)
    assert value >= bound
    found.append(value - bound)
  assert np.mean(found) < 0.02
  assert np.max(found) < 0.1


@pytest.mark.parametrize('band', [1, 3, 8])
def test_outlines_are_near_as_far_as_their_distance_says(band):
  mask = blobs()
  found = mask_perturbation.near_outlines(mask.astype(np.uint8), band)
  distance = np.where(
    mask,
    ndimage.distance_transform_edt(mask),
    ndimage.distance_transform_edt(~mask),
  )
  # The disc is of whole pixels, whose rim is half a pixel wide.
  assert found[distance <= band].all()
  assert not found[distance > band + 0.5].any()
  full = np.ones((9, 9), np.uint8)
  assert not mask_perturbation.near_outlines(full, band).any()


def test_masks_that_fill_a_window_are_wrong_near_their_outlines_only():
  mask = np.ones((80, 80), bool)
  mask[38:42] = False
  near = mask_perturbation.near_outlines(mask.astype(np.uint8), 5) > 0
  worst, whole = 0, 0
  for seed in range(20):
    draw = functools.partial(mask_perturbation.perturb, mask=mask)
    wrong = draw(np.random.default_rng(seed), least=0.6, band=5)
    np.testing.assert_array_equal(wrong[~near], mask[~near])
    inside = mask_perturbation.iou(wrong & near, mask & near)
    bound = np.random.default_rng(seed).uniform(0.6, 1)
    assert bound <= inside
    worst += inside - bound
    whole += np.count_nonzero(wrong[near & ~mask])
  assert worst / 20 < 0.06
  assert whole > 0  # what goes through is narrower at times


def test_the_same_numbers_draw_the_same_mask():
  one, two, other = (
    mask_perturbation.perturb(np.random.default_rng(seed), blobs())
    for seed in (1, 1, 2)
  )
  np.testing.assert_array_equal(one, two)
  assert (one != other).any()


@pytest.mark.parametrize('size', [(1, 1), (1, 30), (2, 2), (24, 24)])
@pytest.mark.parametrize('inside', [False, True])
def test_nothing_and_everything(size, inside):
  mask = np.full(size, inside)
  for seed in range(3):
    wrong = mask_perturbation.perturb(np.random.default_rng(seed), mask)
    assert wrong.shape == size
    assert mask_perturbation.iou(wrong, mask) >= 0.8
    assert inside or not wrong.any()
