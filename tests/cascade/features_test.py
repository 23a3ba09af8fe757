"""Refiners that see the segmenter's features."""

import gc
import weakref

import jax
import numpy as np
import pytest
import toy_networks

from magnet_jax import parallel
from magnet_jax.cascade import features, plan
from magnet_jax.cascade.cascade import Cascade
from magnet_jax.cascade.host_segmenter import HostSegmenter
from magnet_jax.cascade.options import Options
from magnet_jax.cascade.released import RELEASED
from magnet_jax.refiners import scale_attention
from magnet_jax.refiners.refiner import Refiner
from magnet_jax.types import InputError

pytestmark = pytest.mark.usefixtures('one_device')
SIZE = (50, 70)
IMAGE = toy_networks.image(SIZE)
NOTHING = (0.0, 0.0, 0.0)


def _plan(**settings):
  wanted = {'first': 0.5, 'factor': 'half-octave', 'overlap': 0.3, **settings}
  return plan.make_plan(SIZE, window=toy_networks.WINDOW, **wanted)


@pytest.mark.parametrize(
  'options',
  [
    {},
    {'network': (8, 8)},
    {'windows': 0.4, 'stage_weights': (2.0, 1.0, 0.5)},
    {'mix': 0.3},
  ],
)
def test_without_a_gate_it_is_the_running_mean(options):
  one = toy_networks.attention_cascade(NOTHING, **options)
  other = toy_networks.mean_cascade(**options)
  for found, wanted in zip(
    one.stages(IMAGE, _plan()), other.stages(IMAGE, _plan()), strict=True
  ):
    assert found.windows == wanted.windows
    np.testing.assert_allclose(
      found.probabilities, wanted.probabilities, atol=1e-6
    )


def test_without_trust_it_is_the_last_stage_alone():
  def never(features, *, scale, coarse):
    return scale[..., 0] * 0 - np.inf

  cascade = _cascade(scale_attention.refiner(never))
  *_, last = cascade.stages(IMAGE, _plan())
  np.testing.assert_allclose(
    last.probabilities, cascade.patches(IMAGE, _plan()[-1].grid), atol=1e-6
  )


def _cascade(refiner, segmenter=None, **arguments):
  return Cascade(
    segmenter or jax.tree_util.Partial(toy_networks.featured, _KERNEL),
    [refiner],
    network=toy_networks.WINDOW,
    options=arguments.pop('options', Options()),
    **arguments,
  )


_KERNEL = toy_networks.kernel()
BLIND = scale_attention.refiner(
  lambda features, *, scale, coarse: scale[..., 0] - coarse[..., 0]
)


def test_any_number_of_devices_gives_the_same(monkeypatch):
  found = []
  for devices in (1, 4):
    monkeypatch.setattr(parallel, 'device_count', lambda n=devices: n)
    found.append(toy_networks.attention_cascade().segment(IMAGE, _plan()))
  np.testing.assert_allclose(*found, atol=1e-5)
  nothing = toy_networks.attention_cascade(NOTHING).segment(IMAGE, _plan())
  assert np.abs(found[0] - nothing).max() > 0.05


def test_a_class_bias_goes_into_the_logits():
  bias = np.array([0.5, -1, 0.25], np.float32)

  def biased(images, *, features=False):
    found = toy_networks.featured(_KERNEL, images, features=features)
    shift = bias[None, None, None]
    return (found[0] + shift, found[1]) if features else found + shift

  one = _cascade(BLIND, options=Options(bias=tuple(bias.tolist())))
  other = _cascade(BLIND, biased)
  np.testing.assert_allclose(
    one.segment(IMAGE, _plan()), other.segment(IMAGE, _plan()), atol=1e-6
  )


def test_the_segmenter_is_traced_once_per_kind_of_step():
  asked = []

  def counting(images, *, features=False):
    asked.append(features)
    return toy_networks.featured(_KERNEL, images, features=features)

  stages = toy_networks.make_plan((60, 60), stages=2, overlap=0.3)
  cascade = _cascade(BLIND, counting)
  assert asked == [True]  # without running it
  for seed in (0, 1):
    cascade.segment(toy_networks.image((60, 60), seed), stages)
  assert sorted(asked) == [False, True, True]


def test_a_check_is_made_once_and_keeps_no_segmenter():
  asked = []

  def counting(images, *, features=False):
    asked.append(images.shape)
    return toy_networks.featured(_KERNEL, images, features=features)

  for network in ((8, 8), (8, 8), (9, 8), (8, 8)):
    features.check(counting, network)
  assert asked == [(1, 8, 8, 3), (1, 9, 8, 3)]
  left = weakref.ref(counting)
  del counting
  gc.collect()
  assert left() is None


@pytest.mark.parametrize(
  ('segmenter', 'reason'),
  [
    (toy_networks.pixelwise, 'unexpected keyword'),
    (lambda images, features: images, 'unpack'),
    (lambda images, features: (images, images), 'beside its logits'),
    (HostSegmenter(lambda images: images, 3), 'NumPy arrays'),
  ],
)
def test_a_segmenter_without_features_is_refused(segmenter, reason):
  with pytest.raises(InputError, match='the segmenter has none') as caught:
    _cascade(BLIND, segmenter)
  assert caught.match(reason) and '\n' not in str(caught.value)
  # Refiners that need none do with any segmenter.
  _cascade(Refiner(lambda variables, seen: seen.scale), segmenter)


def test_the_released_pipeline_has_no_features():
  with pytest.raises(InputError, match=r'needs depth, features.*aligned'):
    _cascade(BLIND, policy=RELEASED)
