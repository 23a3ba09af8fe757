"""The contents of a batch: windows, and labels augmented like their images."""

import itertools

import numpy as np
from training_batches import (
  NETWORK,
  Samples,
  grey_samples,
  plan,
  random_samples,
  run,
)

from magnet_jax.data.augment import Augmentation
from magnet_jax.ops import resize, windows
from magnet_jax.types import Sample


def test_windows_per_image():
  batches = run('segmenter', grey_samples(10, 200), augmentation=Augmentation())
  for batch in batches:
    first, second, third, fourth = batch['image'].max(axis=(1, 2, 3))
    assert first == second and third == fourth


def test_the_plain_variant_ends_and_keeps_the_pixels():
  source = random_samples(1)
  batches = run(
    'segmenter', source, augmentation=Augmentation(), stage_weights=(0, 0, 1)
  )
  assert len(batches) == 6
  sample = source[0]
  corners = {
    sample.image[t : t + 16, x : x + 24].tobytes(): (t, x)
    for t, x in itertools.product(range(49), range(73))
  }
  for batch in batches:
    for image, label in zip(batch['image'], batch['label'], strict=True):
      top, left = corners[image.tobytes()]
      np.testing.assert_array_equal(
        label, sample.label[top : top + 16, left : left + 24]
      )


def test_paths_are_windows_of_the_resized_image():
  source = random_samples(1)
  sample = source[0]
  for batch in run('refiner', source, augmentation=Augmentation()):
    for b in range(4):
      corner = np.zeros(2)
      for s, stage in enumerate(plan((64, 96))):
        corner = (corner + batch['offsets'][b, s]) / batch['ratios'][b, s]
        top, left = (int(c) for c in corner)
        np.testing.assert_array_equal(
          batch['images'][b, s],
          windows.cut(
            resize.image(sample.image, stage.size), (top, left), NETWORK
          ),
        )
        np.testing.assert_array_equal(
          batch['labels'][b, s],
          windows.cut(
            resize.label(sample.label, stage.size), (top, left), NETWORK
          ),
        )


def test_a_path_changes_its_colours_alike():
  augmentation = Augmentation(brightness=1.5, channels=1.2, hue=20)
  values = set()
  for batch in run('refiner', grey_samples(90), augmentation=augmentation):
    for path in batch['images']:
      assert (path == path[0, 0, 0]).all()
      values.add(path[0, 0, 0].tobytes())
  assert len(values) > 10


def test_a_path_is_laid_down_alike():
  # Stage 0 shows the whole image: bright above if it was not flipped.
  image = np.zeros((64, 96, 3), np.uint8)
  image[:32] = 200
  source = Samples(Sample('a', image, (image[..., 0] > 0).astype(np.uint8)))
  flipped = set()
  augmentation = Augmentation(flip_vertical=True)
  for batch in run('refiner', source, augmentation=augmentation):
    for b in range(4):
      up = batch['labels'][b, 0, 0, 0] == 0
      flipped.add(bool(up))
      for s in range(3):
        np.testing.assert_array_equal(
          batch['images'][b, s, ..., 0] > 100, batch['labels'][b, s] == 1
        )
        rows = batch['labels'][b, s, :, 0].astype(int)
        assert (np.diff(rows) >= 0).all() if up else (np.diff(rows) <= 0).all()
  assert flipped == {True, False}


def test_images_of_fewer_stages_are_filled_up():
  small, large = random_samples(1, (16, 24))[0], random_samples(1, (64, 96))[0]
  batches = run(
    'refiner', Samples(small, large), augmentation=Augmentation(), batch=2
  )
  for batch in batches:
    assert batch['images'].shape[1] == 3
    filled = (batch['labels'][:, 1:] == 255).all(axis=(1, 2, 3))
    assert sorted(filled) == [False, True]
    b = int(np.argmax(filled))
    np.testing.assert_array_equal(batch['images'][b, 2], small.image)
    np.testing.assert_array_equal(batch['labels'][b, 0], small.label)
    assert (batch['offsets'][b] == 0).all() and (batch['ratios'][b] == 1).all()


def test_images_without_labels_are_all_ignored():
  source = Samples(Sample('a', np.zeros((64, 96, 3), np.uint8)))
  assert all((b['label'] == 255).all() for b in run('segmenter', source))
  assert all((b['labels'] == 255).all() for b in run('refiner', source))
