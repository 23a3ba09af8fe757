"""One step of a segmenter and its gate, trained together."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from magnet_jax.metrics import losses
from magnet_jax.models import build
from magnet_jax.models.gate import make_gate
from magnet_jax.ops import normalise
from magnet_jax.train import attention_steps
from magnet_jax.train import state as train_state
from magnet_jax.types import IGNORE, InputError

CLASSES = 3
SIDE = 16
STAGES = 3


def _weight(index):
  return ((1.0, 2.0, 0.5)[index],)


def _batch(stages=STAGES):
  """Windows in the middle of the one before, at twice its scale."""
  rng = np.random.default_rng(0)
  labels = rng.integers(0, CLASSES, (2, stages, 4, 4), np.uint8)
  labels = labels.repeat(4, 2).repeat(4, 3)
  # Colours that tell the classes.
  images = rng.integers(0, 60, (*labels.shape, 3)) + 60 * labels[..., None]
  labels[1, -1, :5] = IGNORE
  return {
    'images': images.astype(np.uint8),
    'offsets': np.full((2, stages, 2), 4.0, np.float32),
    'ratios': np.full((2, stages, 2), 0.5, np.float32),
    'labels': labels,
  }


@pytest.fixture(scope='module')
def networks():
  segmenter = build.segmenter(
    num_classes=CLASSES, name='unet', width=4, levels=1
  )
  gate, make = make_gate(segmenter, (SIDE, SIDE), CLASSES)
  pixels = jnp.zeros((1, SIDE, SIDE, 3))
  variables = attention_steps.join(
    jax.jit(segmenter.init)(jax.random.key(0), pixels),
    jax.jit(make)(jax.random.key(1)),
  )
  return segmenter, gate, variables


def _half(maps):
  """The middle of a map, enlarged bilinearly: [B,h,w,C]."""
  places = 4 + (np.arange(SIDE) + 0.5) / 2 - 0.5
  low = np.floor(places).astype(int)
  part = (places - low)[:, None]
  rows = maps[:, low] * (1 - part[..., None]) + (
    maps[:, low + 1] * part[..., None]
  )
  return rows[:, :, low] * (1 - part) + rows[:, :, low + 1] * part


def _entropy(probabilities, labels):
  known = labels != IGNORE
  picked = np.take_along_axis(
    probabilities, np.where(known, labels, 0)[..., None], -1
  )[..., 0]
  return -np.log(picked[known]).mean()


SGD = optax.chain(optax.clip_by_global_norm(0.5), optax.sgd(0.02, momentum=0.9))


@pytest.fixture(scope='module')
def step(networks):
  """The step, compiled once for all tests, and how often it was traced."""
  segmenter, gate, _ = networks
  traces = []

  def run(state, batch, rate):
    traces.append(rate)
    return attention_steps.attention_step(
      state,
      batch,
      rate,
      segmenter=segmenter,
      gate=gate,
      weights=_weight,
      loss=losses.cross_entropy,
      optimizer=SGD,
      decay=0.9,
    )

  return jax.jit(run), traces


def test_the_loss_before_any_training(networks, step):
  """Until the gate has learnt anything, stages are fused by their mean."""
  segmenter, _, variables = networks
  batch = _batch()
  own = {kind: tree['segmenter'] for kind, tree in variables.items()}
  pixels = normalise.normalise(
    jnp.asarray(batch['images'].reshape(-1, SIDE, SIDE, 3))
  )
  scales = np.asarray(jax.nn.softmax(jax.jit(segmenter.apply)(own, pixels)))
  scales = scales.reshape(2, STAGES, SIDE, SIDE, CLASSES)
  first = (_half(scales[:, 0]) + 2 * scales[:, 1]) / 3
  second = (3 * _half(first) + 0.5 * scales[:, 2]) / 3.5
  fused = np.stack([first, second], 1)
  wanted = _entropy(fused, batch['labels'][:, 1:]) + 0.5 * _entropy(
    scales, batch['labels']
  )
  state = train_state.start(variables, SGD)
  _, metrics = step[0](state, batch, np.float32(0))
  np.testing.assert_allclose(metrics['loss'], wanted, rtol=1e-4)


def test_both_learn_together(networks, step):
  run, traces = step
  before = state = train_state.start(networks[2], SGD)
  found = []
  for _ in range(60):
    state, metrics = run(state, _batch(), np.float32(1))
    found.append(float(metrics['loss']))
  assert len(traces) == 1
  assert found[-1] < 0.8 * found[0]
  for path, leaf in jax.tree_util.tree_leaves_with_path(state.variables):
    old = functools.reduce(lambda x, key: x[key.key], path, before.variables)
    name = jax.tree_util.keystr(path)
    if 'batch_stats' in name:
      np.testing.assert_array_equal(leaf, old, err_msg=name)
    else:
      assert np.abs(leaf - old).max() > 0, name
  # The average follows, and is what is evaluated.
  segmenter, gate, _ = networks
  evaluate = functools.partial(
    attention_steps.evaluate_attention,
    segmenter=segmenter,
    gate=gate,
    weights=_weight,
    num_classes=CLASSES,
  )
  matrix = jax.jit(evaluate)(state.average, _batch())
  assert matrix.sum() == (_batch()['labels'][:, -1] != IGNORE).sum()


def test_one_stage_has_nothing_to_fuse(networks, step):
  state = train_state.start(networks[2], SGD)
  with pytest.raises(InputError, match=r'two stages or more.*plan\.first'):
    jax.eval_shape(step[0], state, _batch(1), np.float32(1))
