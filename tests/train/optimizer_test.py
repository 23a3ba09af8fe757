import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from magnet_jax.train import optimizer
from magnet_jax.types import InputError


def rates(**settings):
  schedule = optimizer.schedule(rate=1.0, steps=100, **settings)
  return np.array([float(schedule(step)) for step in range(100)])


def test_polynomial_is_the_power_of_what_is_left():
  expected = (1 - np.arange(100) / 100) ** 0.9
  np.testing.assert_allclose(rates(name='polynomial'), expected, rtol=1e-5)


def test_cosine_falls_from_the_rate_to_zero():
  expected = (1 + np.cos(np.pi * np.arange(100) / 100)) / 2
  np.testing.assert_allclose(rates(name='cosine'), expected, atol=1e-6)


def test_step_divides_by_ten_at_each_drop():
  found = rates(name='step', drops=(0.2, 0.5))
  expected = np.repeat([1.0, 0.1, 0.01], [20, 30, 50])
  np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize('name', ['polynomial', 'cosine', 'step'])
def test_warm_up_rises_from_zero_to_the_rate(name):
  found = rates(name=name, warmup=10, drops=(0.9,))
  np.testing.assert_allclose(found[:11], np.arange(11) / 10, rtol=1e-5)
  assert (np.diff(found[10:]) <= 0).all()


def test_sgd_decays_like_pytorch():
  # velocity = momentum * velocity + gradient + decay * weight
  update = optimizer.optimizer(
    name='sgd',
    rate=optax.constant_schedule(0.1),
    weight_decay=0.5,
    momentum=0.9,
  )
  weight = jnp.asarray([2.0])
  state = update.init(weight)
  expected, velocity = 2.0, 0.0
  for gradient in (1.0, -3.0, 0.5):
    change, state = update.update(jnp.asarray([gradient]), state, weight)
    weight = optax.apply_updates(weight, change)
    velocity = 0.9 * velocity + gradient + 0.5 * expected
    expected -= 0.1 * velocity
  np.testing.assert_allclose(weight, [expected], rtol=1e-6)


def test_adamw_decays_kernels_alone():
  update = optimizer.optimizer(
    name='adamw', rate=optax.constant_schedule(0.1), weight_decay=0.5
  )
  params = {'kernel': jnp.ones((2, 2)), 'bias': jnp.ones((2,))}
  still = {'kernel': jnp.zeros((2, 2)), 'bias': jnp.zeros((2,))}
  # Optax itself leans on promotion when it corrects Adam's bias.
  with jax.numpy_dtype_promotion('standard'):
    change, _ = update.update(still, update.init(params), params)
  np.testing.assert_allclose(change['kernel'], -0.05)
  np.testing.assert_allclose(change['bias'], 0)


@pytest.mark.parametrize('factor', [0.0, 0.25])
def test_a_part_has_a_rate_of_its_own(factor):
  ones = {'a': {'trunk': {'k': jnp.ones(2)}, 'head': jnp.ones(3)}, 'trunk': 1.0}
  update = optimizer.part_rate('a', 'trunk', factor=factor)
  state = update.init(ones)
  change, _ = update.update(ones, state)
  np.testing.assert_array_equal(change['a']['trunk']['k'], factor)
  np.testing.assert_array_equal(change['a']['head'], 1)
  assert change['trunk'] == 1  # another part of that name
  # Checkpoints of a training with and without it have the same arrays.
  assert not jax.tree.leaves(state)


@pytest.mark.parametrize(
  'call',
  [
    lambda: optimizer.schedule(name='linear', rate=1.0, steps=10),
    lambda: optimizer.schedule(name='cosine', rate=1.0, steps=10, warmup=11),
    lambda: optimizer.optimizer(
      name='lion', rate=optax.constant_schedule(1.0), weight_decay=0.0
    ),
  ],
)
def test_bad_settings_are_named(call):
  with pytest.raises(InputError, match=r'linear|11|lion'):
    call()
