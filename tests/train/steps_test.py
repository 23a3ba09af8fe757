import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from magnet_jax.cascade.cascade import Cascade
from magnet_jax.cascade.options import Options
from magnet_jax.cascade.plan import make_plan
from magnet_jax.metrics import losses
from magnet_jax.models import build, pointrend, resnet
from magnet_jax.ops import normalise, resize
from magnet_jax.refiners import magnet
from magnet_jax.train import optimizer, refiner_steps, steps
from magnet_jax.train import state as train_state

CLASSES = 3
SIDE = 16


def colour_segmenter(images):
  """Logits that are the (normalised) colours: no weights, any size."""
  return images


@pytest.fixture(scope='module')
def refiner():
  module = build.refinement(num_classes=CLASSES, width=8)
  blank = jnp.zeros((1, SIDE, SIDE, CLASSES))
  init = jax.jit(module.init)
  return module, init(jax.random.key(1), scale=blank, coarse=blank)


def pairs(module, variables, batch, **settings):
  make = functools.partial(
    refiner_steps.cascade_pairs,
    segmenter=colour_segmenter,
    refiner=module,
    kernel=3,
    **settings,
  )
  return jax.jit(make)([variables], batch)


def test_cascade_pairs_follow_the_real_cascade(refiner):
  """Down the top left windows the training meets what the loop makes."""
  module, variables = refiner
  rng = np.random.default_rng(0)
  image = rng.integers(0, 255, (4 * SIDE, 4 * SIDE, 3), np.uint8)
  plan = make_plan(image.shape[:2], window=(SIDE, SIDE))
  views = [resize.image(image, s.size)[:SIDE, :SIDE] for s in plan]
  count = len(plan)
  batch = {
    'images': jnp.asarray(np.stack(views)[None]),
    'offsets': jnp.zeros((1, count, 2)),
    'ratios': jnp.asarray([[[1.0, 1.0]] + [[0.5, 0.5]] * (count - 1)]),
  }
  _, coarse, final = pairs(
    module, variables, batch, points=0.5, pairing='cascade'
  )
  cascade = Cascade(
    colour_segmenter,
    [magnet.refiner(jax.tree_util.Partial(module.apply, variables))],
    network=(SIDE, SIDE),
    options=Options(points=0.5, kernel=3),
  )
  *_, before, last = cascade.stages(image, plan)
  # The crop's far edges are resized with less to see than the whole map.
  inner = slice(0, SIDE - 2)
  np.testing.assert_allclose(
    coarse[0, -1, inner, inner],
    resize.probabilities(before.probabilities, last.stage.size)[inner, inner],
    atol=2e-3,
  )
  same = np.isclose(
    final[0, inner, inner], last.probabilities[inner, inner], atol=2e-3
  ).all(-1)
  assert same.mean() > 0.97  # the median may see past the crop's edge


def test_coarsest_pairing_never_refines(refiner):
  module, variables = refiner
  rng = np.random.default_rng(1)
  batch = {
    'images': jnp.asarray(
      rng.integers(0, 255, (2, 3, SIDE, SIDE, 3)), jnp.uint8
    ),
    'offsets': jnp.full((2, 3, 2), 2.0),
    'ratios': jnp.full((2, 3, 2), 0.5),
  }
  scale, coarse, _ = pairs(
    module, variables, batch, points=0.9, pairing='coarsest'
  )
  assert scale.shape == coarse.shape == (2, 2, SIDE, SIDE, CLASSES)
  first = jax.nn.softmax(normalise.normalise(batch['images'][:, 0]))
  once = jax.vmap(
    lambda m: resize.sample(
      m,
      offset=jnp.asarray([2.0, 2.0]),
      ratio=jnp.asarray([0.5, 0.5]),
      size=(SIDE, SIDE),
    )
  )(first)
  np.testing.assert_allclose(coarse[:, 0], once, atol=1e-6)


def small_step(module, variables):
  update = optax.sgd(0.003)
  step = functools.partial(
    steps.segmenter_step,
    segmenter=module,
    loss=losses.cross_entropy,
    optimizer=update,
    decay=0.5,
  )
  return jax.jit(step), train_state.start(variables, update)


def test_segmenter_step_learns_and_averages():
  module = build.segmenter(num_classes=CLASSES, name='unet', width=4, levels=1)
  init = jax.jit(module.init)
  variables = init(jax.random.key(0), jnp.zeros((1, 32, 32, 3)))
  step, state = small_step(module, variables)
  rng = np.random.default_rng(0)
  image = rng.integers(0, 255, (2, 32, 32, 3), np.uint8)
  batch = {'image': image, 'label': image.argmax(-1).astype(np.uint8)}
  found = []
  for _ in range(8):
    state, metrics = step(state, batch)
    found.append(float(metrics['loss']))
  assert found[-1] < found[0]
  assert int(state.step) == 8
  kernels, averages = (
    np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree['params'])])
    for tree in (state.variables, state.average)
  )
  assert np.abs(kernels - averages).max() > 0
  assert np.isfinite(averages).all()


def test_average_of_decay_zero_is_the_latest():
  state = train_state.TrainState(
    step=jnp.asarray(5, jnp.int32),
    variables={'params': jnp.ones(2), 'batch_stats': jnp.zeros(2)},
    moments=optax.sgd(1.0).init(jnp.ones(2)),
    average={'params': jnp.full(2, 9.0), 'batch_stats': jnp.zeros(2)},
  )
  after = train_state.update(
    state,
    jnp.ones(2),
    {'batch_stats': jnp.ones(2)},
    optimizer=optax.sgd(1.0),
    decay=0.0,
  )
  np.testing.assert_array_equal(after.average['params'], [0.0, 0.0])
  np.testing.assert_array_equal(after.average['batch_stats'], [1.0, 1.0])
  assert int(after.step) == 6


def test_random_crops_cut_all_alike_and_reach_the_last_offset():
  windows = jnp.arange(36, dtype=jnp.float32).reshape(1, 1, 6, 6)
  seen = set()
  for seed in range(60):
    cut = refiner_steps.random_crop(jax.random.key(seed), (6, 6), (5, 5))
    crop = cut(windows)
    assert crop.shape == (1, 1, 5, 5)
    np.testing.assert_array_equal(crop, cut(windows))
    seen.add(float(crop[0, 0, 0, 0]))
  assert seen == {0.0, 1.0, 6.0, 7.0}


class WithAuxiliary(nn.Module):
  """Logits of one dense layer, and the auxiliary ones of another."""

  @nn.compact
  def __call__(self, images, *, train=False):
    if train:
      self.sow('auxiliary', 'logits', nn.Dense(CLASSES, name='aux')(images))
    elif self.is_initializing():
      nn.Dense(CLASSES, name='aux')(images)
    nn.BatchNorm(not train, name='norm')(images)
    return nn.Dense(CLASSES, name='head')(images)


@pytest.mark.parametrize('auxiliary', [0.0, 0.4])
def test_auxiliary_heads_add_their_weighted_loss(auxiliary):
  module = WithAuxiliary()
  rng = np.random.default_rng(0)
  image = rng.integers(0, 255, (1, 4, 4, 3), np.uint8)
  batch = {'image': image, 'label': rng.integers(0, CLASSES, (1, 4, 4))}
  variables = module.init(jax.random.key(0), jnp.zeros((1, 4, 4, 3)))
  update = optax.sgd(0.1)
  step = functools.partial(
    steps.segmenter_step,
    segmenter=module,
    loss=losses.cross_entropy,
    optimizer=update,
    decay=0.0,
    auxiliary=auxiliary,
  )
  _, metrics = jax.jit(step)(train_state.start(variables, update), batch)
  pixels = normalise.normalise(jnp.asarray(image))
  params = variables['params']
  wanted = 0.0
  for name, weight in (('head', 1.0), ('aux', auxiliary)):
    layer = nn.Dense(CLASSES)
    logits = layer.apply({'params': params[name]}, pixels)
    wanted += weight * losses.mean_loss(
      *losses.cross_entropy(logits, batch['label'])
    )
  np.testing.assert_allclose(metrics['loss'], wanted, rtol=1e-5)


class _Trunk(nn.Module):
  """A dense layer and its normalisation."""

  @nn.compact
  def __call__(self, images, *, train=False):
    x = nn.Dense(4)(images)
    return nn.BatchNorm(not train, momentum=0.5)(x)


class _WithTrunk(nn.Module):
  trunk: nn.Module

  @nn.compact
  def __call__(self, images, *, train=False):
    return nn.Dense(CLASSES, name='head')(self.trunk(images, train=train))


@pytest.mark.parametrize('rate', [0.0, 0.25, 1.0])
def test_the_trunk_learns_at_its_own_rate(rate):
  module = _WithTrunk(_Trunk())
  rng = np.random.default_rng(0)
  batch = {
    'image': rng.integers(0, 255, (1, 4, 4, 3), np.uint8),
    'label': rng.integers(0, CLASSES, (1, 4, 4)),
  }
  variables = module.init(jax.random.key(0), jnp.zeros((1, 4, 4, 3)))

  def after(rate):
    update = optimizer.optimizer(
      name='sgd',
      rate=optax.constant_schedule(0.1),
      weight_decay=0.5,
      trunk_rate=rate,
    )
    state, _ = steps.segmenter_step(
      train_state.start(variables, update),
      batch,
      segmenter=module,
      loss=losses.cross_entropy,
      optimizer=update,
      decay=0.0,
      frozen_trunk=rate == 0,
    )
    return state.variables

  found, whole = after(rate), after(1.0)
  kernels = [
    tree['params']['trunk']['Dense_0']['kernel']
    for tree in (variables, found, whole)
  ]
  start, ours, full = map(np.asarray, kernels)
  assert np.abs(full - start).max() > 0.01
  np.testing.assert_allclose(ours - start, rate * (full - start), atol=1e-6)
  statistics = found['batch_stats']['trunk']
  same = jax.tree.map(
    np.array_equal, statistics, variables['batch_stats']['trunk']
  )
  assert all(jax.tree.leaves(same)) == (rate == 0)
  head = found['params']['head']['kernel']
  assert not np.array_equal(head, variables['params']['head']['kernel'])


def test_points_add_their_loss_and_follow_key_and_step():
  module = pointrend.PointRend(
    resnet.ResNet((1,), resnet.BasicBlock, width=4),
    CLASSES,
    pyramid=4,
    head=4,
    units=4,
    points=8,
  )
  rng = np.random.default_rng(0)
  batch = {
    'image': rng.integers(0, 255, (2, 16, 16, 3), np.uint8),
    'label': rng.integers(0, CLASSES, (2, 16, 16), np.uint8),
  }
  variables = jax.jit(module.init)(jax.random.key(0), jnp.zeros((1, 16, 16, 3)))
  update = optax.sgd(0.1)
  state = train_state.start(variables, update)

  @jax.jit
  def loss_and_change(key, step):
    after, metrics = steps.segmenter_step(
      state.replace(step=step),
      batch,
      segmenter=module,
      loss=losses.cross_entropy,
      optimizer=update,
      decay=0.0,
      key=key,
    )
    return metrics['loss'], after.variables['params']

  (one, params), (again, _), (later, _), (other, _) = (
    loss_and_change(jax.random.key(seed), jnp.int32(step))
    for seed, step in ((0, 0), (0, 0), (0, 1), (1, 0))
  )
  assert one == again and len({float(x) for x in (one, later, other)}) == 3
  # Of the fresh head, which is undecided, and about as much for the map.
  np.testing.assert_allclose(one, 2 * np.log(CLASSES), rtol=0.1)
  changed = jax.tree.map(np.array_equal, params, variables['params'])
  assert not any(jax.tree.leaves(changed['point_head']['predictor']))
