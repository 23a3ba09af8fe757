"""What stands apart: the same values, computed once, and only on CPUs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.ops import apart, resize


def _maps(*shape):
  return jnp.asarray(np.random.default_rng(0).random(shape), jnp.float32)


def _pair(given, x):
  return jnp.tanh(given['scale'] * x)


def test_it_is_the_same_function_of_trees():
  x = _maps(3, 4)
  given = {'scale': jnp.float32(2)}
  for run in (apart.apart(_pair), jax.jit(apart.apart(_pair))):
    np.testing.assert_array_equal(run(given, x), jax.jit(_pair)(given, x))


def test_gradients_and_batches_are_those_of_the_function():
  x = _maps(3, 4)
  for way in (jax.grad, jax.vmap):
    found, wanted = (
      way(lambda x, f=function: f({'scale': jnp.float32(2)}, x).sum())(x)
      for function in (apart.apart(_pair), _pair)
    )
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


@pytest.mark.parametrize('rule', [resize.upsample, resize.upsample_corners])
def test_what_is_resized_twice_is_computed_once(rule):
  """Without it each of four pixels would be resized anew, by 16 gathers."""

  def program(x):
    return rule(rule(x, (6, 8)) + 1, (12, 16)) + 1

  text = jax.jit(program).lower(_maps(1, 3, 4, 2)).compile().as_text()
  assert text.count(' gather(') == 8


def test_only_programs_for_cpus_hold_it(monkeypatch):
  x = _maps(3, 4)

  def text(platform):
    run = jax.jit(apart.apart(jnp.sin))
    program = jax.export.export(run, platforms=[platform])(x)
    return program.mlir_module()

  assert 'inlineable = "false"' in text('cpu')
  assert 'inlineable' not in text('cuda')
  monkeypatch.setattr(jax, 'default_backend', lambda: 'gpu')
  assert str(jax.make_jaxpr(apart.apart(jnp.sin))(x)) == str(
    jax.make_jaxpr(jnp.sin)(x)
  )
