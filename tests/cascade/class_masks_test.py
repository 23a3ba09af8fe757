"""Correction of all classes of a map, against a plain loop."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage

from magnet_jax.cascade import cascade_psp, mask_correction
from magnet_jax.models.cascade_psp import Looks
from magnet_jax.types import InputError

SIDE, MARGIN, SMALLEST = 16, 1, 12
SETTINGS = {'side': SIDE, 'margin': MARGIN, 'smallest': SMALLEST}


def toy(images, masks, coarse=None):
  """Believes in what is bright and was inside."""
  coarse = masks if coarse is None else coarse
  found = 2 * images.mean(-1) + masks + coarse / 2
  return Looks(found, (found, found), (found, found))


@pytest.fixture(scope='module')
def run():
  return mask_correction.steps(toy)


def scene(size=(50, 44), classes=3, seed=0):
  """Rectangles of a few classes, some of them small, and their bright image."""
  rng = np.random.default_rng(seed)
  labels = np.zeros(size, int)
  for index in range(1, classes):
    for _ in range(3):
      top, left = rng.integers(0, size)
      height, width = rng.integers(2, 16, 2)
      labels[top : top + height, left : left + width] = index
  image = rng.integers(60, 200, (*size, 3), dtype=np.uint8)
  maps = rng.random((*size, classes)) + 2.0 * (
    labels[..., None] == np.arange(classes)
  )
  return image, (maps / maps.sum(-1, keepdims=True)).astype(np.float32)


def slow(image, maps, run, stuff=()):
  """Class by class, part by part, pixel by pixel."""
  labels = maps.argmax(-1)
  scores = np.zeros(maps.shape)
  for index in range(maps.shape[-1]):
    mask = labels == index
    for box in cascade_psp.boxes(mask, SIDE, SMALLEST):
      found = mask_correction.correct(
        image[box], mask[box], run, side=SIDE, margin=MARGIN
      )
      scores[box][..., index] = np.maximum(
        scores[box][..., index], found * (0.51 if index in stuff else 1)
      )
  result = maps.astype(float)
  for place in np.ndindex(labels.shape):
    index = scores[place].argmax()
    score = scores[place][index]
    if score > 0.5:
      result[place] *= (1 - score) / (1 - maps[place][index])
      result[place][index] = score
  return result


@pytest.mark.parametrize('stuff', [(), (0, 2)])
def test_the_surest_class_wins(run, stuff):
  image, maps = scene()
  before = maps.copy()
  found = cascade_psp.correct(image, maps, run=run, stuff=stuff, **SETTINGS)
  np.testing.assert_array_equal(maps, before)
  np.testing.assert_allclose(found.sum(-1), 1, atol=1e-5)
  assert found.dtype == np.float32
  expected = slow(image, maps, run, stuff)
  np.testing.assert_allclose(found, expected, atol=1e-5)
  changed = found.argmax(-1) != maps.argmax(-1)
  assert 0 < changed.mean() < 0.5


def test_certain_maps_stay_probabilities(run):
  image, maps = scene()
  certain = (maps == maps.max(-1, keepdims=True)).astype(np.float32)
  found = cascade_psp.correct(image, certain, run=run, **SETTINGS)
  np.testing.assert_allclose(found.sum(-1), 1, atol=1e-6)
  assert (found >= 0).all()


@pytest.mark.parametrize('size', [(1, 1), (1, 9), (30, 30)])
@pytest.mark.parametrize('classes', [1, 3])
def test_a_map_of_one_class_stays(run, size, classes):
  image = np.full((*size, 3), 200, np.uint8)
  maps = np.tile(np.float32([0.6, 0.3, 0.1][:classes]), (*size, 1))
  maps /= maps.sum(-1, keepdims=True)
  found = cascade_psp.correct(image, maps, run=run, **SETTINGS)
  np.testing.assert_array_equal(found, maps)


def test_pixels_of_any_class_are_in_no_mask(run, monkeypatch):
  seen = []
  monkeypatch.setattr(
    cascade_psp.mask_correction,
    'correct',
    lambda image, mask, *_, **__: seen.append(mask.sum()) or mask * 1.0,
  )
  maps = np.full((20, 20, 3), 1 / 3, np.float32)
  maps[10:, :10], maps[10:, 10:] = [1, 0, 0], [0, 1, 0]
  image = np.zeros((20, 20, 3), np.uint8)
  found = cascade_psp.correct(image, maps, run=run, **SETTINGS)
  assert seen == [100, 100]
  np.testing.assert_array_equal(found, maps)


def test_boxes_surround_the_large_parts():
  rng = np.random.default_rng(1)
  mask = ndimage.gaussian_filter(rng.random((70, 90)), 1.5) > 0.53
  found = [*cascade_psp.boxes(mask, SIDE, SMALLEST)]
  parts, count = ndimage.label(mask, np.ones((3, 3)))
  large = 0
  for index, place in enumerate(ndimage.find_objects(parts), start=1):
    if (parts == index).sum() <= SMALLEST:
      continue
    large += 1
    assert any(
      box.start <= part.start and part.stop <= box.stop
      for boxes in found
      for box, part in [(boxes[0], place[0])]
      if boxes[1].start <= place[1].start and place[1].stop <= boxes[1].stop
    )
  assert 3 < len(found) <= large < count
  lengths = {max(s.stop - s.start for s in box) for box in found}
  rungs = {round(np.ceil(SIDE * 2 ** (k / 2))) for k in range(-4, 6)}
  assert lengths <= rungs | {90}


def test_a_part_in_the_box_of_a_larger_one_has_none_of_its_own():
  mask = np.zeros((40, 40), bool)
  mask[10:20, 10:12] = mask[10:20, 15:17] = mask[13:17, 13] = True
  (box,) = cascade_psp.boxes(mask, 32, 3)
  assert mask[box].sum() == mask.sum()
  assert len([*cascade_psp.boxes(mask, 4, 3)]) == 3


def test_what_is_seen_in_crops_only_is_one_box():
  mask = np.zeros((40, 50), bool)
  mask[10:20, 10:12] = mask[30:34, 15:17] = True
  assert len([*cascade_psp.boxes(mask, 8, 3, longest=50)]) == 2
  ((rows, columns),) = cascade_psp.boxes(mask, 8, 3, longest=49)
  assert mask[rows, columns].shape == (40, 50)
  assert [*cascade_psp.boxes(mask, 8, 20, longest=49)] == []
  assert [*cascade_psp.boxes(mask & False, 8, 0, longest=49)] == []


def test_other_sizes_are_refused(run):
  image, maps = scene()
  with pytest.raises(InputError, match='resize the probabilities'):
    cascade_psp.correct(image[1:], maps, run=run, **SETTINGS)
  with pytest.raises(InputError, match='enlarge the side'):
    cascade_psp.correct(image, maps, run=run, side=64)


def test_few_sizes_are_compiled():
  sizes = set()

  def traced(images, masks, coarse=None):
    sizes.add(masks.shape[1:])
    return toy(images, jnp.asarray(masks), coarse)

  run = mask_correction.steps(traced)
  for seed in range(4):
    image, maps = scene((64, 64), seed=seed)
    cascade_psp.correct(image, maps, run=run, **SETTINGS)
  assert sizes <= {(8, 8), (16, 16), (24, 24)}
