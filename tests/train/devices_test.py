"""Training on four devices gives the same result as on one."""

import dataclasses
import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from magnet_jax import parallel
from magnet_jax.files import checkpoint_store, records
from magnet_jax.metrics import losses
from magnet_jax.models import build, layers
from magnet_jax.train import loop, pace, refiner_steps, steps
from magnet_jax.train import state as train_state
from magnet_jax.types import InputError, Meta

CLASSES = 3
SIDE = 16
ROWS = 8
STEPS = 4
SGD = optax.sgd(0.03, 0.9)
# Fewer pixels than a device has: it matters that the call is the whole batch.
OHEM = functools.partial(losses.ohem_cross_entropy, min_kept=100)


class Small(nn.Module):
  """A segmenter that is compiled at once, and has batch statistics."""

  @nn.compact
  def __call__(self, x, *, train=False):
    x = layers.ConvNorm(4)(x, train=train)
    return layers.convolution(CLASSES, 1, use_bias=True, name='classify')(x)


def segmenter_parts():
  """State before the first step, step and evaluation of the segmenter."""
  network = Small()
  variables = network.init(jax.random.key(0), jnp.zeros((1, SIDE, SIDE, 3)))
  step = functools.partial(
    steps.segmenter_step,
    segmenter=network,
    loss=OHEM,
    optimizer=SGD,
    decay=0.9,
  )
  evaluate = functools.partial(
    steps.evaluate_segmenter, segmenter=network, num_classes=CLASSES
  )
  return train_state.start(variables, SGD), step, evaluate


def segmenter_batch(index):
  rng = np.random.default_rng(index)
  # Of different colours: a mean over one device's rows would be another one.
  image = rng.integers(0, 256, (ROWS, SIDE, SIDE, 3))
  image = image // np.arange(1, ROWS + 1)[:, None, None, None]
  label = image.argmax(-1).astype(np.uint8)
  label[: ROWS // 2, :9] = 255  # the devices have different numbers of pixels
  return {'image': image.astype(np.uint8), 'label': label}


def refiner_parts():
  """As `segmenter_parts`, of the refiner; colours are its segmenter."""
  refiner = build.refinement(num_classes=CLASSES, width=4)
  blank = jnp.zeros((1, SIDE, SIDE, CLASSES))
  variables = refiner.init(jax.random.key(0), scale=blank, coarse=blank)
  shared = {
    'segmenter': Colours(),
    'refiner': refiner,
    'count': 1,
    'points': 0.5,
    'kernel': 3,
  }
  step = functools.partial(
    refiner_steps.refiner_step,
    segmenter_variables={},
    loss=OHEM,
    optimizer=SGD,
    decay=0.9,
    pairing='cascade',
    crop=(12, 12),
    key=jax.random.key(3),
    **shared,
  )
  evaluate = functools.partial(
    refiner_steps.evaluate_refiner,
    segmenter_variables={},
    num_classes=CLASSES,
    **shared,
  )
  return train_state.start(variables, SGD), step, evaluate


class Colours(nn.Module):
  """Logits that are the (normalised) colours."""

  def __call__(self, images):
    return images


def refiner_batch(index):
  rng = np.random.default_rng(index)
  shape = (ROWS, 2, SIDE, SIDE)
  images = rng.integers(0, 256, (*shape, 3), np.uint8)
  labels = images.argmax(-1).astype(np.uint8)
  labels[:3] = 255
  return {
    'images': images,
    'labels': labels,
    'offsets': rng.uniform(0, 8, (ROWS, 2, 2)).astype(np.float32),
    'ratios': np.full((ROWS, 2, 2), 0.5, np.float32),
  }


KINDS = {
  'segmenter': (segmenter_parts, segmenter_batch),
  'refiner': (refiner_parts, refiner_batch),
}


def make_task(kind, devices, parts):
  with parallel.use_devices(devices):
    team = parallel.team(ROWS, 'batch')
  _, step, evaluate = parts
  return loop.Task(
    name=kind,
    limits=pace.Limits(STEPS),
    start=lambda: jax.tree.map(jnp.copy, parts[0]),
    step=team.compile(step, donate=True),
    rate=lambda step: 0.03,
    batches=lambda first: map(KINDS[kind][1], range(first, 99)),
    validation=lambda: iter([KINDS[kind][1](100)]),
    evaluate=team.compile(evaluate),
    validate_every=2,
    unscored=(),
    meta=Meta(kind=kind),
    team=team,
  )


def outcome(folder):
  with checkpoint_store.CheckpointStore(folder / 'checkpoints') as store:
    state, _ = checkpoint_store.read(store.folder / str(store.latest_step()))
  return state, records.read(folder / 'train.jsonl')


def stopped(task, after):
  """The task with an end in the middle of it, as by a killed process."""

  def step(state, batch, rate):
    if int(state.step) == after:
      raise KeyboardInterrupt
    return task.step(state, batch, rate)

  return dataclasses.replace(task, step=step)


@pytest.mark.parametrize('kind', KINDS)
def test_four_devices_are_one_and_a_run_changes_between_them(kind, tmp_path):
  parts = KINDS[kind][0]()
  one, four = (make_task(kind, count, parts) for count in (1, 4))
  assert [len(task.team.devices) for task in (one, four)] == [1, 4]
  loop.train(one, tmp_path / 'one')
  with pytest.raises(KeyboardInterrupt):
    loop.train(stopped(four, 3), tmp_path / 'four')
  state, found = outcome(tmp_path / 'four')
  assert int(state['step']) == 2
  assert [record['step'] for record in found] == [1, 2, 3]
  loop.train(one, tmp_path / 'four')  # the rest on one
  states, lists = zip(
    *(outcome(tmp_path / name) for name in ('one', 'four')), strict=True
  )
  close = functools.partial(np.testing.assert_allclose, rtol=0, atol=1e-5)
  jax.tree.map(close, *states)
  for key in ('loss', 'gradient_norm'):
    close(*([record[key] for record in each] for each in lists), err_msg=key)
  assert [r.get('miou') for r in lists[0]] == [r.get('miou') for r in lists[1]]


def test_a_record_says_how_long_the_step_waited(tmp_path):
  loop.train(make_task('segmenter', 1, segmenter_parts()), tmp_path)
  _, found = outcome(tmp_path)
  assert all(0 <= r['wait'] <= r['seconds'] for r in found)


def test_idle_devices_are_told():
  team = parallel.team(6, 'train.batch')
  assert len(team.devices) == 3
  assert 'train.batch 6' in team.note and '3 of the 4' in team.note
  assert not parallel.team(8, 'train.batch').note


def test_a_choice_that_does_not_divide_the_batch_is_refused():
  with (
    parallel.use_devices(4),
    pytest.raises(InputError, match=r'train.batch 6: .* 4 devices.* 8 '),
  ):
    parallel.team(6, 'train.batch')
  with (
    pytest.raises(InputError, match=r'--devices=5: there are 4'),
    parallel.use_devices(5),
  ):
    pass


def test_devices_exchange_sums_alone():
  """The compiler splits every part by rows; it gathers no maps."""
  state, step, _ = refiner_parts()
  team = parallel.team(ROWS, 'batch')
  lowered = team.compile(step).lower(
    team.copy(state), team.split(refiner_batch(0)), np.float32(1)
  )
  program = lowered.compile().as_text()
  assert 'all-reduce' in program
  for kind in ('all-gather', 'all-to-all', 'collective-permute'):
    assert kind not in program
