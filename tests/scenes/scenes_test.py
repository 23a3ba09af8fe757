"""Generated scenes: reproducible, complete, and exact in their labels."""

import numpy as np
import pytest

from magnet_jax.scenes import generator, scene_ground, scene_land, scene_layout
from magnet_jax.scenes.scene_canvas import Canvas
from magnet_jax.scenes.scene_classes import (
  BASIN,
  CROP,
  MEADOW,
  TREE,
  WATER,
)
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


@pytest.mark.parametrize('seed', range(20))
def test_every_kind_of_site_has_a_place(seed):
  rng = np.random.default_rng(seed)
  sites = scene_layout.place_sites(rng, (2448, 2448))
  assert {site.kind for site in sites} == {
    'pivot',
    'basin',
    'lake',
    'village',
    'grove',
  }
  for index, one in enumerate(sites):
    for other in sites[:index]:
      distance = np.hypot(*(one.centre - other.centre))
      assert distance > one.radius + other.radius


@pytest.mark.parametrize('size', [(300, 700), (2448, 2448)])
def test_parcels_cover_the_world_once(size):
  parcels, edges = scene_layout.split_parcels(np.random.default_rng(2), size)
  areas = [
    0.5 * abs(x @ np.roll(y, 1) - y @ np.roll(x, 1))
    for x, y in (parcel.T for parcel in parcels)
  ]
  assert sum(areas) == pytest.approx((size[0] + 18) * (size[1] + 18))
  assert len(edges) == len(parcels) - 1


def test_image_is_aligned_to_label(scene):
  """Across borders of the label the image steps there and nowhere beside."""
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


def test_layers_of_a_shape_are_the_same_pixels():
  canvas = Canvas.blank((60, 60), (100, 200))
  rng = np.random.default_rng(0)
  for width in (1, 2, 5):
    line = rng.uniform((95, 195), (165, 265), (7, 2))
    canvas.stroke(line, width, label=1, image=(9, 9, 9))
    canvas.disc((130.3, 230.8), 4.4, label=1, image=(9, 9, 9))
    canvas.fill(line[:4], label=1, image=(9, 9, 9))
  np.testing.assert_array_equal(canvas.label > 0, canvas.image[..., 2] > 0)
  assert 0 < (canvas.label > 0).sum() < canvas.label.size


def test_one_pixel_path_is_one_pixel_wide():
  canvas = Canvas.blank((9, 9), (0, 0))
  canvas.stroke(np.array([[4.0, -5.0], [4.0, 20.0]]), 1, label=1)
  expected = np.zeros((9, 9), np.uint8)
  expected[:, 4] = 1
  np.testing.assert_array_equal(canvas.label, expected)


@pytest.mark.parametrize('seed', range(3))
def test_ground_alone_does_not_tell_the_class(seed):
  """Meadow and crop share one pool of textures, water and basin another."""
  rng = np.random.default_rng(seed)
  canvas = Canvas.blank((2448, 2448), (0, 0))
  layout = scene_layout.make_layout(rng, (2448, 2448))
  scene_land.lay_ground(rng, canvas, layout)
  for pair, pool in (
    ((MEADOW, CROP), (*scene_ground.FIELDS, *scene_ground.BANKS)),
    ((WATER, BASIN), scene_ground.WATERS),
  ):
    for index in pair:
      found = np.unique(canvas.ground[canvas.label == index])
      assert found.size and set(found.tolist()) <= set(pool)


@pytest.mark.parametrize('size', [(1, 1), (5, 400), (400, 700)])
def test_noise_has_unit_scale(size):
  noise = scene_ground.make_noise(np.random.default_rng(0), size, (2, 9))
  assert noise.shape == size and noise.dtype == np.float32
  if size[0] == 400:
    assert 0.8 < noise.std() < 1.2


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
