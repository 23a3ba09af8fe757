"""Generated scenes: reproducible, complete, and exact in their labels."""

import numpy as np
import pytest

from magnet_jax.scenes import generator
from magnet_jax.scenes.classes import TREE
from magnet_jax.types import InputError

_SIZES = [(1, 1), (1, 300), (300, 1), (37, 53), (306, 612)]


@pytest.fixture(scope='module')
def scene():
  return generator.generate(5, (2448, 2448))


def test_same_seed_gives_same_scene():
  one, two = (generator.generate(3, (200, 300)) for _ in range(2))
  np.testing.assert_array_equal(one.image, two.image)
  np.testing.assert_array_equal(one.label, two.label)
  assert one.name == 'scene-3'


def test_seeds_differ():
  one, two = (generator.generate(seed, (200, 300)) for seed in (3, 4))
  assert (one.image != two.image).mean() > 0.5


def test_global_random_state_is_left_alone():
  np.random.seed(0)
  expected = np.random.random()
  np.random.seed(0)
  generator.generate(1, (9, 9))
  assert np.random.random() == expected


@pytest.mark.parametrize('size', _SIZES)
@pytest.mark.parametrize('seed', [0, 1])
def test_any_size(seed, size):
  sample = generator.generate(seed, size)
  assert sample.image.shape == (*size, 3) and sample.image.dtype == np.uint8
  assert sample.label.shape == size and sample.label.dtype == np.uint8
  assert sample.label.max() < len(generator.CLASSES)


def test_all_classes_are_present(scene):
  counts = np.bincount(scene.label.ravel(), minlength=len(generator.CLASSES))
  assert len(counts) == len(generator.CLASSES) >= 6
  assert (counts > 0.003 * scene.label.size).all()


def test_image_is_aligned_to_label(scene):
  """The image has an edge where the label has one, not a pixel beside it."""
  light = scene.image.astype(np.float32).mean(-1)
  for axis in (0, 1):
    step = np.abs(np.diff(light, axis=axis))
    border = np.diff(scene.label, axis=axis) != 0
    # Of trees alone: a road's border is not its sharpest step, its edge
    # lines are.
    tree = scene.label == TREE
    border &= np.diff(tree, axis=axis)
    means = {
      shift: step[np.roll(border, shift, axis)].mean() for shift in range(-3, 4)
    }
    assert max(means, key=means.__getitem__) == 0
    assert means[0] > 1.2 * max(means[-1], means[1])


@pytest.mark.parametrize(
  ('seed', 'size'),
  [
    (1, (0, 5)),
    (1, (5, -1)),
    (1, (5, 40000)),
    (1, (5,)),
    (1, (5, 6, 3)),
    (1, (2.5, 4)),
    (1, 7),
    (1, None),
    (-1, (5, 5)),
    (0.5, (5, 5)),
  ],
)
def test_bad_arguments(seed, size):
  with pytest.raises(InputError) as error:
    generator.generate(seed, size)
  assert '\n' not in str(error.value)
