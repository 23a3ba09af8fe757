"""How many windows fit on a device."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax import parallel
from magnet_jax.cascade import device_memory, plan
from magnet_jax.cascade.cascade import Cascade
from magnet_jax.cascade.host_segmenter import HostSegmenter
from magnet_jax.cascade.options import Options
from magnet_jax.refiners import magnet, mean

NETWORK = (16, 24)
HOW = {'network': NETWORK, 'points': 0.5, 'kernel': 3}
WEIGHTS = np.linspace(-1, 1, 3 * 4, dtype=np.float32).reshape(3, 4)


def _segment(weights, images):
  return images @ weights


SEGMENTER = jax.tree_util.Partial(_segment, WEIGHTS)


def _both(*, scale, coarse):
  return jnp.log(scale + 1e-6) + jnp.log(coarse + 1e-6)


REFINER = magnet.refiner(_both)


def _bytes(batch):
  before, stage = plan.make_plan((32, 48), window=NETWORK)
  return device_memory.program_bytes(
    SEGMENTER, REFINER, before, stage, batch=batch, **HOW
  )


def _cascade(**options):
  return Cascade(
    SEGMENTER, [REFINER], network=NETWORK, options=Options(**options)
  )


def test_memory_grows_with_the_windows():
  one, four = _bytes(1), _bytes(4)
  assert 3 < four / one < 4.5
  # At least what goes in and out.
  assert one > 16 * 24 * (3 + 4 * 4)


@pytest.mark.parametrize(
  ('room', 'batch'), [(0.1, 1), (1.1, 1), (2.5, 2), (7.9, 4), (1e6, 16)]
)
def test_the_largest_power_of_two_that_fits(room, batch):
  share = 0.6
  memory = int(room * _bytes(1) / share)
  assert (
    device_memory.fitting_batch(SEGMENTER, REFINER, memory=memory, **HOW)
    == batch
  )
  if batch > 1:
    assert _bytes(batch) < share * memory


def test_a_cascade_takes_what_fits(monkeypatch):
  monkeypatch.setattr(parallel, 'device_memory', lambda: 10**10)
  devices = parallel.device_count()
  assert _cascade().batch == 16 * devices
  assert _cascade(batch=3).batch == 3 * devices


def test_a_mean_takes_its_depth_along(monkeypatch):
  monkeypatch.setattr(parallel, 'device_memory', lambda: 10**10)
  cascade = Cascade(
    SEGMENTER, [mean.refiner()], network=NETWORK, options=Options()
  )
  assert cascade.batch == 16 * parallel.device_count()


def test_one_at_a_time_on_a_cpu():
  assert parallel.device_memory() is None
  assert _cascade().batch == parallel.device_count()


def test_one_at_a_time_where_nobody_knows(monkeypatch):
  monkeypatch.setattr(parallel, 'device_memory', lambda: 10**10)
  alone = Cascade(SEGMENTER, [], network=NETWORK, options=Options())
  host = HostSegmenter(lambda images: images @ WEIGHTS, num_classes=4)
  foreign = Cascade(host, [REFINER], network=NETWORK, options=Options())
  assert alone.batch == foreign.batch == parallel.device_count()


def test_weights_alone_are_too_much():
  assert (
    device_memory.fitting_batch(
      SEGMENTER, REFINER, memory=WEIGHTS.nbytes, **HOW
    )
    == 1
  )
