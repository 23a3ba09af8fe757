"""A map corrected in windows is that of the whole image."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.cascade import finished
from magnet_jax.ops import normalise
from magnet_jax.ops.box_means import box_means
from magnet_jax.refiners.refiner import Refiner, Seen


def _apply(weight, seen):
  """Sees two pixels in each direction."""
  near = box_means(seen.images.mean(-1, keepdims=True), 2)
  return jnp.log(box_means(seen.coarse, 1)) + weight * near


REFINER = Refiner(
  _apply,
  np.array([0.5, -1, 2], np.float32).reshape(1, 1, 1, 3),
  needs=frozenset({'images'}),
  halo=2,
)


def example(size):
  rng = np.random.default_rng(0)
  image = rng.integers(0, 256, (*size, 3)).astype(np.uint8)
  maps = rng.random((*size, 3)).astype(np.float32) + np.float32(0.01)
  return image, maps / maps.sum(-1, keepdims=True)


def corrected(image, maps, side):
  rows = []

  def read(first, last):
    rows.append(last - first)
    return maps[first:last]

  found = [*finished.bands(REFINER, image, read, side=side)]
  return np.concatenate(found), found, rows


@pytest.mark.parametrize('size', [(1, 1), (3, 40), (23, 17), (16, 16)])
def test_any_size_in_windows_is_the_whole(size):
  image, maps = example(size)
  found, bands, rows = corrected(image, maps, side=8)
  seen = Seen(
    coarse=jnp.asarray(maps)[None],
    images=normalise.normalise(jnp.asarray(image)[None]),
  )
  wanted = jax.jit(REFINER.probabilities)(seen)[0]
  np.testing.assert_allclose(found, wanted, atol=1e-6)
  assert max(rows) <= 12 and all(len(band) <= 12 for band in bands)


def test_all_windows_have_one_shape():
  assert finished.window(REFINER, (40, 30), side=8) == (12, 12)
  assert finished.window(REFINER, (5, 30), side=8) == (5, 12)
  cuts = finished._cuts(40, 8, 2)
  assert {cut.seen.stop - cut.seen.start for cut in cuts} == {12}
  kept = [number for cut in cuts for number in range(40)[cut.seen][cut.kept]]
  assert kept == [*range(40)]


@pytest.mark.parametrize(
  'refiner', [Refiner(_apply), Refiner(_apply, needs=frozenset({'images'}))]
)
def test_what_sees_more_cannot_correct_a_finished_map(refiner):
  image, maps = example((4, 4))
  with pytest.raises(ValueError, match='it may need images only, and a halo'):
    next(finished.bands(refiner, image, lambda a, b: maps[a:b]))
