from concurrent import futures
import contextvars

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax import parallel


def _affine(network, *, x, shift, power=1):
  return {'y': network(x) ** power + shift[:, None]}


def _partial(scale):
  return jax.tree_util.Partial(lambda s, x: s * x, jnp.float32(scale))


@pytest.mark.parametrize('each', [1, 2, 3, 4])
@pytest.mark.parametrize('devices', [1, 2, 4])
def test_any_number_of_devices_gives_the_same(devices, each):
  windows = devices * each
  x = np.arange(windows * 3, dtype=np.float32).reshape(windows, 3)
  shift = np.arange(windows, dtype=np.float32)
  run = parallel.over_devices(_affine, _partial(3), devices=devices, power=2)
  found = parallel.fetch(run(x=x, shift=shift))
  assert isinstance(found['y'], np.ndarray)
  np.testing.assert_array_equal(found['y'], (3 * x) ** 2 + shift[:, None])


@pytest.mark.parametrize('devices', [1, 4])
def test_results_whose_axes_are_as_long_as_the_batch(devices):
  x = np.arange(64, dtype=np.float32).reshape(4, 4, 4)
  run = parallel.over_devices(lambda *, x: x + 1, devices=devices)
  np.testing.assert_array_equal(parallel.fetch(run(x=x)), x + 1)


@pytest.mark.parametrize('devices', [1, 4])
def test_closures_serve_as_networks(devices):
  scale = jnp.float32(3)
  x = np.ones((4, 2), np.float32)
  run = parallel.over_devices(_affine, lambda x: scale * x, devices=devices)
  found = parallel.fetch(run(x=x, shift=np.zeros(4, np.float32)))
  np.testing.assert_array_equal(found['y'], 3 * x)


@pytest.mark.parametrize('devices', [1, 4])
def test_compiles_once_for_all_weights_and_bindings(devices):
  traces = []

  def network(scale, x):
    traces.append(x.shape)
    return scale * x

  x, shift = np.ones((4, 2), np.float32), np.zeros(4, np.float32)
  for scale in (1, 2, 3):
    bound = jax.tree_util.Partial(network, jnp.float32(scale))
    run = parallel.over_devices(_affine, bound, devices=devices)
    for _ in range(2):
      found = parallel.fetch(run(x=x, shift=shift))
      np.testing.assert_array_equal(found['y'], scale * x)
  assert len(traces) == 1


def test_tests_run_on_four_devices():
  assert parallel.device_count() == 4


def test_a_choice_of_devices_ends_with_its_block():
  with parallel.use_devices(2):
    assert parallel.device_count() == 2
    with parallel.use_devices(1):
      assert len(parallel.team(4, 'batch').devices) == 1
    assert parallel.device_count() == 2
  with pytest.raises(ZeroDivisionError), parallel.use_devices(3):
    raise ZeroDivisionError
  assert parallel.device_count() == 4


def test_a_thread_sees_the_choice_in_a_copy_of_the_context():
  with parallel.use_devices(2), futures.ThreadPoolExecutor(1) as pool:
    run = contextvars.copy_context().run
    assert pool.submit(run, parallel.device_count).result() == 2
