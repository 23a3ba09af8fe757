import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage

from magnet_jax.ops import median
from magnet_jax.types import InputError

GOLDEN = pathlib.Path(__file__).parents[1] / 'goldens' / 'operations.npz'

KERNELS = [1, 3, 5, 7, 9, 11, 13]  # each way of finding it
SIZE = (13, 17)  # of all maps but a few: one compile for each kernel

_filter = jax.jit(median.median_filter, static_argnums=1)


def _reference(values, kernel):
  return ndimage.median_filter(values, kernel, mode='reflect')


def _map(shape=SIZE, seed=0):
  return np.random.default_rng(seed).random(shape, np.float32)


def _found(values, kernel, filler=0.0):
  """The filter on a map that lies in the corner of a padded one."""
  padded = np.full(SIZE, filler, np.float32)
  padded[: values.shape[0], : values.shape[1]] = values
  valid = jnp.asarray(values.shape, jnp.int32)
  found = np.asarray(_filter(padded, kernel, valid))
  return found[: values.shape[0], : values.shape[1]]


# Some are smaller than the kernels: there the mirror folds more than once.
@pytest.mark.parametrize('kernel', KERNELS)
@pytest.mark.parametrize(
  'shape', [SIZE, (9, 4), (3, 4), (1, 17), (13, 1), (2, 1), (1, 1)]
)
def test_equals_scipy_and_never_looks_at_padding(kernel, shape):
  values = _map(shape)
  expected = _reference(values, kernel)
  np.testing.assert_array_equal(_found(values, kernel, 0.0), expected)
  np.testing.assert_array_equal(_found(values, kernel, 9.0), expected)


@pytest.mark.parametrize(
  ('kernel', 'shape'),
  [(1, (3, 4)), (3, (6, 5)), (5, (3, 4)), (7, (1, 9)), (3, (1, 1))],
)
def test_all_is_valid_by_default(kernel, shape):
  values = _map(shape)
  np.testing.assert_array_equal(
    _filter(values, kernel), _reference(values, kernel)
  )


@pytest.mark.parametrize('kernel', KERNELS)
def test_ties_zeros_and_ones(kernel):
  values = np.round(_map() * 3) / np.float32(3)
  np.testing.assert_array_equal(
    _found(values, kernel), _reference(values, kernel)
  )


@pytest.mark.parametrize('kernel', KERNELS)
def test_negative_zero_counts_as_zero(kernel):
  values = np.where(_map() < 0.7, np.float32(-0.0), np.float32(0.5))
  np.testing.assert_array_equal(
    _found(values, kernel), _reference(values, kernel)
  )


@pytest.mark.parametrize('kernel', KERNELS)
def test_a_constant_map_stays_up_to_its_corners(kernel):
  values = np.full(SIZE, 0.25, np.float32)
  np.testing.assert_array_equal(_found(values, kernel), values)


def test_maps_of_a_batch_are_filtered_apart():
  values = _map((3, *SIZE))
  valid = np.array([SIZE, (4, 9), (8, 2)], np.int32)
  found = jax.vmap(lambda m, v: median.median_filter(m, 3, v))(values, valid)
  for one, map_, (h, w) in zip(found, values, valid, strict=True):
    np.testing.assert_array_equal(one[:h, :w], _reference(map_[:h, :w], 3))


@pytest.mark.parametrize('kernel', [7, 11])
def test_maps_of_many_strips(kernel):
  values = _map((49, 20))
  maps = np.stack([values, values[::-1]])
  found = jax.jit(jax.vmap(lambda m: median.median_filter(m, kernel)))(maps)
  for one, each in zip(found, maps, strict=True):
    np.testing.assert_array_equal(one, _reference(each, kernel))


@pytest.mark.parametrize('kernel', [7, 9, 11])
def test_what_accelerators_run_instead_is_equal(kernel):
  values = _map((20, 23))
  padded = np.pad(values, kernel // 2, 'symmetric')
  views = np.lib.stride_tricks.sliding_window_view(padded, (kernel, kernel))
  neighbours = [*jnp.asarray(views).transpose(2, 3, 0, 1).reshape(-1, 20, 23)]
  found = median._by_bits(neighbours)
  np.testing.assert_array_equal(found, _reference(values, kernel))


@pytest.mark.parametrize('kernel', [3, 7, 11])
def test_the_median_is_among_those_in_the_middle(kernel):
  places = median._in_the_middle(kernel)
  rng = np.random.default_rng(kernel)
  for _ in range(20):
    table = np.sort(np.sort(rng.random((kernel, kernel)), axis=0), axis=1)
    kept = [table[place] for place in places]
    assert len(kept) % 2 == 1
    assert np.median(kept) == np.median(table)


@pytest.mark.parametrize('kernel', [3, 5, 11])
def test_interior_equals_the_published_filter(kernel):
  # Its borders are padded with zeros, which is a bias that ours has not.
  with np.load(GOLDEN) as golden:
    values = golden['score']
    published = golden[f'median_zero_padded_{kernel}']
  inner = np.s_[kernel // 2 : -(kernel // 2), kernel // 2 : -(kernel // 2)]
  np.testing.assert_array_equal(
    np.asarray(_filter(values, kernel))[inner], published[inner]
  )


@pytest.mark.parametrize('kernel', [0, 2, -1, 10])
def test_refuses_kernels_without_a_middle(kernel):
  with pytest.raises(InputError, match=f'median kernel {kernel}:'):
    median.median_filter(jnp.zeros((4, 4)), kernel)
