"""Parts of a data set, and the order in which batches come from them."""

import collections
import itertools

import numpy as np
import pytest

from magnet_jax.data import folds
from magnet_jax.data.folds import Turns
from magnet_jax.types import InputError


@pytest.mark.parametrize(('images', 'count'), [(4, 2), (11, 5), (30, 3)])
def test_parts_are_neighbours_of_equal_number(images, count):
  names = [f'photo{number}.jpg' for number in range(images)]
  parts = folds.divide(names, count)
  assert list(itertools.chain(*parts)) == list(range(images))
  sizes = [len(part) for part in parts]
  assert len(sizes) == count and max(sizes) - min(sizes) <= 1


def test_tiles_of_a_scene_stay_in_one_part():
  names = [
    f'{scene}_{n}.png'
    for scene, many in (('a', 7), ('b', 5), ('c', 6))
    for n in range(many)
  ]
  mixed = np.random.default_rng(0).permutation(len(names)).tolist()
  parts = folds.divide([names[i] for i in mixed], 3)
  scenes = [{names[mixed[i]][0] for i in part} for part in parts]
  assert scenes == [{'a'}, {'b'}, {'c'}]


def test_a_scene_that_is_too_large_is_divided():
  names = [f'a/{n}' for n in range(9)] + ['b/1']
  assert folds.divide(names, 2) == (tuple(range(5)), tuple(range(5, 10)))


@pytest.mark.parametrize('seed', range(20))
def test_every_image_is_in_one_part_of_at_least_two(seed):
  rng = np.random.default_rng(seed)
  names = [
    f'{"xyz"[rng.integers(3)]}/{"ab"[rng.integers(2)]}{rng.integers(99)}'
    for _ in range(rng.integers(10, 30))
  ]
  for count in range(1, 6):
    parts = folds.divide(names, count)
    assert len(parts) == count and min(map(len, parts)) >= 2
    assert sorted(itertools.chain(*parts)) == list(range(len(names)))


def test_too_few_images():
  with pytest.raises(InputError, match=r'3 folds of 5 images.*at least two'):
    folds.divide(list('abcde'), 3)


PARTS = ((0, 1, 2), (5, 6), (3, 4, 7, 8, 9))


@pytest.mark.parametrize('batch', [1, 2, 4])
def test_batches_are_of_one_part_and_in_proportion(batch):
  turns = Turns(PARTS, batch, seed=3)
  found = collections.Counter()
  for number in range(10):
    rows = [turns[number * batch + r] for r in range(batch)]
    assert set(rows) <= set(PARTS[turns.part(number)])
    found[turns.part(number)] += 1
  assert [found[part] for part in range(3)] == [3, 2, 5]


def test_each_part_is_shuffled_anew_when_it_has_been_seen():
  turns = Turns(PARTS, 2, seed=3)
  seen = [[] for _ in PARTS]
  for number in range(100):
    seen[turns.part(number)] += [turns[2 * number], turns[2 * number + 1]]
  for part, images in zip(PARTS, seen, strict=True):
    starts = range(0, len(images), len(part))
    epochs = [tuple(images[at : at + len(part)]) for at in starts]
    assert all(sorted(each) == list(part) for each in epochs)
    assert len(set(epochs)) > 1
  other = Turns(PARTS, 2, seed=4)
  assert [turns[r] for r in range(50)] != [other[r] for r in range(50)]
