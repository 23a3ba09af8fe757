"""Images are divided into splits, by groups and classes."""

import numpy as np
import pytest

from magnet_jax.survey import dividing


@pytest.mark.parametrize('seed', range(3))
def test_groups_stay_together_and_classes_occur_everywhere(seed):
  rng = np.random.default_rng(seed)
  groups = rng.integers(0, 12, 40).tolist()
  pixels = rng.integers(0, 100, (40, 4)) * (rng.uniform(size=(40, 4)) < 0.4)
  found = dividing.divide(groups, pixels, seed=seed)
  for group in set(groups):
    mine = {f for f, g in zip(found, groups, strict=True) if g == group}
    assert len(mine) == 1
  for split in dividing.SHARES:
    rows = [i for i, f in enumerate(found) if f == split]
    assert (pixels[rows].sum(0) > 0).all()
  assert 0.5 < found.count('train') / 40 < 0.85
  assert found == dividing.divide(groups, pixels, seed=seed)


@pytest.mark.parametrize('count', [1, 2, 3])
def test_few_images_are_divided_as_far_as_they_go(count):
  found = dividing.divide(list(range(count)), np.ones((count, 2), int), seed=0)
  assert found.count('train') == 1 and len(set(found)) == count


@pytest.mark.parametrize('held', ['val', 'test'])
def test_a_split_that_is_there_already_is_not_drawn(held):
  shares = {k: v for k, v in dividing.SHARES.items() if k != held}
  found = dividing.divide(
    list(range(12)), np.ones((12, 2), int), seed=0, shares=shares
  )
  assert set(found) == set(shares)


def test_a_large_group_is_for_training():
  groups = [0] * 8 + [1, 2]
  found = dividing.divide(groups, np.ones((10, 2), int), seed=0)
  assert set(found[:8]) == {'train'} and found[8:] == ['val', 'val']
