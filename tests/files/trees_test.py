"""Trees of arrays by name."""

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from magnet_jax.files import trees
from magnet_jax.types import InputError


@flax.struct.dataclass
class _State:
  step: np.ndarray
  params: dict
  moments: tuple


def _state(value=0.0):
  params = {'conv': {'kernel': jnp.full((3, 2), value, jnp.float32)}}
  moments = optax.chain(optax.clip(1.0), optax.sgd(0.1, momentum=0.9)).init(
    params
  )
  return _State(np.int32(value), params, moments)


def test_names():
  assert sorted(trees.flatten(_state())) == [
    'moments/1/0/trace/conv/kernel',
    'params/conv/kernel',
    'step',
  ]
  assert trees.unflatten({'a/b': 1, 'c': 2}) == {'a': {'b': 1}, 'c': 2}
  assert trees.flatten({'a': None, 'b': {}}) == {}


@pytest.mark.parametrize('shapes', [False, True])
def test_fit_is_the_inverse_of_flatten(shapes):
  state = _state(7.0)
  stored = trees.unflatten(trees.flatten(state))
  template = jax.eval_shape(_state) if shapes else _state()
  back = trees.fit(stored, template, 'x')
  assert jax.tree.structure(back) == jax.tree.structure(state)
  jax.tree.map(np.testing.assert_array_equal, back, state)


@pytest.mark.parametrize(
  ('change', 'message'),
  [
    ({'params/conv/kernel': None}, r'x: params/conv/kernel is missing'),
    ({'params/extra': np.zeros(1)}, r'params/extra is unexpected'),
    (
      {'params/conv/kernel': np.zeros((4, 2), np.float32)},
      r'kernel is float32\[4, 2\], but float32\[3, 2\] is needed',
    ),
    (
      {'params/conv/kernel': np.zeros((3, 2), np.float16)},
      r'kernel is float16\[3, 2\]',
    ),
  ],
)
def test_what_does_not_fit_is_named(change, message):
  flat = trees.flatten(_state()) | change
  flat = {key: leaf for key, leaf in flat.items() if leaf is not None}
  with pytest.raises(InputError, match=message):
    trees.fit(trees.unflatten(flat), _state(), 'x')
