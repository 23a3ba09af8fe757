"""How the gate's share mixes two maps, and which refiner a fusion means."""

import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.refiners import magnet, mean, scale_attention, table
from magnet_jax.refiners.refiner import Seen
from magnet_jax.types import InputError

SHAPE = (2, 5, 4)


def _maps(seed):
  drawn = np.random.default_rng(seed).random((*SHAPE, 3), np.float32)
  return drawn / drawn.sum(-1, keepdims=True)


def _arrays():
  rng = np.random.default_rng(7)
  return {
    'scale': _maps(0),
    'coarse': _maps(1),
    'depth': rng.integers(0, 4, (*SHAPE, 1)).astype(np.float32),
  }


def test_the_share_of_each_pixel():
  arrays = _arrays()
  gate = np.random.default_rng(2).normal(0, 3, SHAPE).astype(np.float32)
  found = scale_attention.fuse(gate, **arrays)
  for place in np.ndindex(SHAPE):
    depth = arrays['depth'][place][0] * np.exp(gate[place])
    share = depth / (1 + depth)
    wanted = (
      share * arrays['coarse'][place] + (1 - share) * (arrays['scale'][place])
    )
    np.testing.assert_allclose(found[place], wanted, atol=1e-6)
  np.testing.assert_allclose(found.sum(-1), 1, atol=1e-6)


def test_limits():
  arrays = _arrays()
  zero = np.zeros(SHAPE, np.float32)
  fuse = scale_attention.fuse
  np.testing.assert_allclose(
    fuse(zero, **arrays), mean.mean(**arrays), atol=1e-6
  )
  np.testing.assert_array_equal(fuse(zero - np.inf, **arrays), arrays['scale'])
  arrays['depth'] = zero[..., None] + np.inf
  np.testing.assert_allclose(fuse(zero, **arrays), arrays['coarse'], atol=1e-6)


def test_the_gate_sees_features_and_both_maps():
  def gate(features, *, scale, coarse):
    return (features['fused'] + scale * coarse).sum(-1)

  arrays = _arrays()
  features = {'fused': jnp.asarray(_maps(3))}
  found = scale_attention.refiner(gate).probabilities(
    Seen(features=features, **arrays)
  )
  both = arrays['scale'] * arrays['coarse']
  wanted = scale_attention.fuse((_maps(3) + both).sum(-1), **arrays)
  np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_a_fusion_takes_the_refiners_trained_for_it():
  gate = scale_attention.refiner(lambda *_, **__: 0)
  network = magnet.refiner(lambda *, scale, coarse: scale)
  assert table.choose('scale_attention', [gate]) == (gate,)
  assert table.choose('auto', [gate]) == (gate,)
  assert table.choose('mean', [gate]) == (mean.refiner(),)
  assert table.is_trained('scale_attention') and not table.is_trained('mean')
  for name, trained in (('magnet', [gate]), ('scale_attention', [network])):
    with pytest.raises(InputError, match=f'fusion {name}: the model has no'):
      table.choose(name, trained)
