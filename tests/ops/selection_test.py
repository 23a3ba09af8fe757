import functools
import math
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage

from magnet_jax.ops import selection
from magnet_jax.types import InputError

GOLDEN = pathlib.Path(__file__).parents[1] / 'goldens' / 'operations.npz'

_choose = jax.jit(selection.choose, static_argnums=2)


def _probabilities(shape, seed=0):
  logits = np.random.default_rng(seed).normal(0, 2, shape)
  p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
  return p.astype(np.float32)


def _unsure(p):
  ordered = np.sort(p, axis=-1)
  return 1 - (ordered[..., -1] - ordered[..., -2])


@pytest.mark.parametrize('kernel', [1, 3])
def test_score_is_the_median_of_y_unsure_times_r_sure(kernel):
  y, r = _probabilities((9, 8, 4)), _probabilities((9, 8, 4), seed=1)
  expected = ndimage.median_filter(
    _unsure(y) * (1 - _unsure(r)), kernel, mode='reflect'
  )
  found = selection.score(coarse=y, refined=r, kernel=kernel)
  np.testing.assert_allclose(found, expected, atol=1e-6)


def test_score_is_high_where_y_is_unsure_and_r_sure():
  sure, unsure = [1.0, 0.0], [0.5, 0.5]
  y = jnp.asarray([[unsure, unsure, sure, sure]], jnp.float32)
  r = jnp.asarray([[sure, unsure, sure, unsure]], jnp.float32)
  found = selection.score(coarse=y, refined=r, kernel=1)
  assert found.tolist() == [[1, 0, 0, 0]]


@pytest.mark.parametrize('kernel', [1, 3])
def test_padding_scores_below_everything(kernel):
  y, r = _probabilities((6, 7, 3)), _probabilities((6, 7, 3), seed=1)
  valid = jnp.array([4, 5], jnp.int32)
  found = np.array(
    selection.score(coarse=y, refined=r, kernel=kernel, valid=valid)
  )
  alone = selection.score(coarse=y[:4, :5], refined=r[:4, :5], kernel=kernel)
  np.testing.assert_allclose(found[:4, :5], alone, atol=1e-7)
  assert found[:4, :5].min() >= 0
  found[:4, :5] = -1
  assert (found == -1).all()


def test_one_class_scores_zero_everywhere():
  ones = jnp.ones((4, 4, 1), jnp.float32)
  found = selection.score(coarse=ones, refined=ones, kernel=1)
  assert (np.asarray(found) == 0).all()


@pytest.mark.parametrize(
  ('points', 'pixels', 'expected'),
  [
    (0, 10, 0),
    (0.0, 10, 0),
    (3, 10, 3),
    (10, 10, 10),
    (11, 10, 10),
    (1, 10, 1),
    (1.0, 10, 10),
    (0.75, 10, 8),
    (1e-9, 10, 1),
    (0.5, 0, 0),
  ],
)
def test_count_points(points, pixels, expected):
  assert selection.count_points(points, pixels) == expected


@pytest.mark.parametrize('points', [-1, -0.1, 1.01, math.nan, math.inf, True])
def test_count_points_refuses(points):
  with pytest.raises(InputError, match=f'points {points}'):
    selection.count_points(points, 10)


@pytest.mark.parametrize('points', [0, 1, 13, 62, 63, 64, 100])
def test_choice_equals_numpy_argsort(points):
  scores = np.random.default_rng(0).permutation(63).reshape(7, 9)
  scores = (scores / 63).astype(np.float32)
  expected = np.zeros(63, bool)
  expected[np.argsort(-scores.reshape(-1))[:points]] = True
  for found in (
    _choose(scores, jnp.int32(points), 63),
    _choose(scores, jnp.int32(points), max(points, 1)),
    selection.choose_on_host(scores, points),
  ):
    assert found.dtype == bool
    np.testing.assert_array_equal(found, expected.reshape(7, 9))


def test_choice_is_cut_at_its_static_bound():
  scores = np.random.default_rng(0).random((5, 5), np.float32)
  assert _choose(scores, jnp.int32(20), 7).sum() == 7
  assert _choose(scores, jnp.int32(20), 0).sum() == 0


@pytest.mark.parametrize('points', [0, 1, 5, 24, 25])
def test_ties_still_give_the_exact_number(points):
  scores = np.zeros((5, 5), np.float32)
  assert _choose(scores, jnp.int32(points), 25).sum() == points
  assert selection.choose_on_host(scores, points).sum() == points


@pytest.mark.parametrize('points', [0, 3, 30, 59, 60])
def test_of_equal_scores_the_first_are_taken_everywhere(points):
  rng = np.random.default_rng(0)
  scores = rng.integers(-1, 3, (6, 10)).astype(np.float32)
  np.testing.assert_array_equal(
    selection.choose_on_host(scores, points),
    _choose(scores, jnp.int32(points), 60),
  )


@pytest.mark.parametrize('points', [1, 100, 3000])
def test_choice_equals_the_published_points(points):
  with np.load(GOLDEN) as golden:
    scores, published = golden['score'], golden[f'top_points_{points}']
  choices = (
    functools.partial(_choose, scores, jnp.int32(points), points),
    functools.partial(selection.choose_on_host, scores, points),
  )
  for choose in choices:
    found = np.flatnonzero(np.asarray(choose()))
    np.testing.assert_array_equal(found, np.sort(published))
