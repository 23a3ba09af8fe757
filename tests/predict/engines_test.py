"""Networks on another engine: the labels of XLA, whatever the pipeline."""

import dataclasses
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import toy_model

from magnet_jax.engines import sessions
from magnet_jax.predict import engines, fingerprint
from magnet_jax.refiners import scale_attention
from magnet_jax.types import InputError

ENGINES = ['onnxruntime', 'openvino']


@pytest.fixture(params=ENGINES)
def engine(request):
  pytest.importorskip(request.param)
  return request.param


def _shows(weights, images, *, features=False):
  """Logits by colour, and every other pixel as features."""
  logits = images @ weights
  return (logits, {'fused': images[:, ::2, ::2]}) if features else logits


def _gate(weight, features, *, scale, coarse):
  """Weighs by the mean of the features."""
  del coarse
  return (
    weight * features['fused'].mean((1, 2, 3))[:, None, None]
    + 0 * (scale[..., 0])
  )


def _gated():
  model = toy_model.make()
  network = jax.tree_util.Partial(_shows, model.segmenter.args[0])
  gate = jax.tree_util.Partial(_gate, np.float32(3))
  return dataclasses.replace(
    model, segmenter=network, refiners=(scale_attention.refiner(gate),)
  )


@pytest.mark.parametrize(
  'change',
  [
    {},
    {'selection': 'image'},
    {'mix': 0.5},
    {'flips': 4},
    {'fusion': 'mean'},
    {'bias': tuple(range(7))},
    {'batch': 2},
  ],
)
def test_the_same_probabilities(change, engine):
  model, image = toy_model.make(), toy_model.sample(size=(70, 90)).image
  placed = engines.use(model, engine)
  wanted = model.segment(image, **change).probabilities
  found = placed.segment(image, **change).probabilities
  np.testing.assert_allclose(found, wanted, atol=1e-4)
  assert engines.name(placed).startswith(engine)
  assert engines.name(model) == 'xla'


def test_the_refiner_runs_there_and_not_in_the_step(engine):
  model, image = toy_model.make(), toy_model.sample(size=(70, 90)).image
  placed = engines.use(model, engine)
  (refiner,) = placed.refiners
  calls = []

  def counted(*, scale, coarse):
    calls.append(scale.shape)
    return refiner.host(scale=scale, coarse=coarse)

  def never(variables, seen):
    raise AssertionError('the refiner is traced')

  spied = dataclasses.replace(refiner, host=counted, apply=never)
  placed = dataclasses.replace(placed, refiners=(spied,))
  found = placed.segment(image)
  assert set(calls) == {(1, 32, 32, 7)}
  np.testing.assert_array_equal(found.label, model.segment(image).label)


def test_a_gate_gets_the_features(engine):
  model, image = _gated(), toy_model.sample(size=(70, 90)).image
  for change in ({}, {'flips': 2}):
    wanted = model.segment(image, **change).probabilities
    found = engines.use(model, engine).segment(image, **change).probabilities
    np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_the_released_pipeline(engine):
  model = dataclasses.replace(toy_model.make(), pipeline='released')
  image = toy_model.sample(size=(64, 64)).image
  found = engines.use(model, engine).segment(image).probabilities
  np.testing.assert_allclose(
    found, model.segment(image).probabilities, atol=1e-4
  )


def test_fingerprints_know_engine_and_precision():
  model = toy_model.make()

  def of(**changes):
    placed = engines.use(model, 'onnxruntime')
    session = dataclasses.replace(placed.segmenter.function.session, **changes)
    function = dataclasses.replace(placed.segmenter.function, session=session)
    return fingerprint.networks(
      dataclasses.replace(placed.segmenter, function=function)
    )

  assert of() == of()
  others = [of(engine='openvino'), of(precision='bfloat16'), of(version='0')]
  assert len({of(), fingerprint.networks(model.segmenter), *others}) == 5


def test_the_fastest_of_what_is_installed():
  model, found = engines.fastest(toy_model.make())
  assert found.startswith('engine ') and 'ms a window' in found
  assert engines.name(model).split()[0] in found


@pytest.mark.parametrize(
  ('engine', 'precision', 'missing', 'message'),
  [
    (
      'openvino',
      'float32',
      'openvino',
      r"pip install 'magnet-jax\[openvino\]'",
    ),
    ('onnxruntime', 'float32', 'onnx', r"pip install 'magnet-jax\[onnx\]'"),
    ('onnxruntime', 'bfloat16', '', 'computes in float32 only'),
  ],
)
def test_refusals(engine, precision, missing, message, monkeypatch):
  monkeypatch.setitem(sys.modules, missing, None)
  with pytest.raises(InputError, match=message):
    engines.use(toy_model.make(), engine, precision)


def test_what_an_engine_cannot_run_is_one_line():
  model = dataclasses.replace(
    toy_model.make(), segmenter=jax.tree_util.Partial(lambda x: jnp.sort(x, 1))
  )
  with pytest.raises(InputError, match='computes sort'):
    engines.use(model, 'onnxruntime')
  broken = sessions.make('onnxruntime', b'no model', 'float32')
  with pytest.raises(InputError, match='cannot run the network'):
    broken(images=np.zeros(1))
