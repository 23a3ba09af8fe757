import pathlib

import numpy as np
import pytest

from magnet_jax.cascade import released_points

GOLDEN = pathlib.Path(__file__).parents[1] / 'goldens' / 'operations.npz'


@pytest.mark.parametrize('points', [1, 100, 3000])
def test_equals_the_published_points(points):
  with np.load(GOLDEN) as golden:
    scores, published = golden['score'], golden[f'top_points_{points}']
  found = released_points.choose(scores, points)
  np.testing.assert_array_equal(np.flatnonzero(found), np.sort(published))


def _scores(kind, count, seed=0):
  rng = np.random.default_rng(seed)
  return {
    'all different': lambda: rng.permutation(count),
    'few values': lambda: rng.integers(0, 5, count),
    'all equal': lambda: np.zeros(count),
    'ascending': lambda: np.arange(count) // 3,
    'descending': lambda: -(np.arange(count) // 3),
    'blocks': lambda: rng.integers(0, 99, -(-count // 8)).repeat(8)[:count],
  }[kind]().astype(np.float32)


KINDS = [
  'all different',
  'few values',
  'all equal',
  'ascending',
  'descending',
  'blocks',
]


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('count', [1, 2, 3, 4, 5, 64, 700])
def test_marks_as_many_as_asked_and_none_higher_is_left(kind, count):
  scores = _scores(kind, count)
  wanted = {0, 1, 2, count // 64, count // 3, count - 1, count, count + 5}
  for points in sorted(wanted):
    chosen = released_points.choose(scores[None], points)[0]
    assert chosen.sum() == min(points, count)
    if 0 < points < count:
      assert scores[chosen].min() >= scores[~chosen].max()


def test_falls_back_to_the_heap_where_no_pivot_is_good(monkeypatch):
  scores = _scores('all different', 500)
  expected = np.sort(np.argsort(-scores)[:50])

  def worst(scores, order, first, last):
    best = first + int(np.argmax(scores[order[first:last]]))
    order[first], order[best] = order[best], order[first]

  monkeypatch.setattr(released_points, '_pivot_to_first', worst)
  found = released_points.choose(scores, 50)
  np.testing.assert_array_equal(np.flatnonzero(found), expected)


def test_what_is_no_number_goes_first():
  scores = np.full((2, 20), np.nan, np.float32)
  scores[1] = np.arange(20)
  chosen = released_points.choose(scores, 22)
  assert np.flatnonzero(chosen).tolist() == [*range(20), 38, 39]


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('count', [5, 64, 700, 6401])
def test_ties_are_broken_as_by_pytorch(kind, count):
  torch = pytest.importorskip('torch')
  scores = _scores(kind, count, seed=1)
  for points in sorted({1, 2, 3, count // 64, 100, count // 3, count - 1}):
    if 0 < points < count:
      order = torch.topk(torch.from_numpy(scores), points).indices.numpy()
      found = np.flatnonzero(released_points.choose(scores, points))
      np.testing.assert_array_equal(found, np.sort(order))
