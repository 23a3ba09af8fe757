"""The three trainings of GLNet: what each changes, and what it is scored by."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from magnet_jax.configs import tiny
from magnet_jax.data import splits, whole_images
from magnet_jax.data.augment import Augmentation
from magnet_jax.data.schedule import Schedule
from magnet_jax.metrics import losses
from magnet_jax.models import glnet, resnet
from magnet_jax.ops import resize, sharing
from magnet_jax.train import glnet_steps, glnet_task, segmenter_task
from magnet_jax.train import state as train_state
from magnet_jax.types import InputError, Sample

CLASSES = 3


@pytest.fixture(scope='module', name='batch')
def make_batch():
  rng = np.random.default_rng(0)
  grid = sharing.make_grid((24, 40), (16, 16))
  shape = 2, len(grid), 16, 16
  return {
    'image': rng.integers(0, 255, (2, 16, 16, 3), np.uint8),
    'label': rng.integers(0, CLASSES, (2, 16, 16), np.uint8),
    'windows': rng.integers(0, 255, (*shape, 3), np.uint8),
    'labels': rng.integers(0, CLASSES, shape, np.uint8),
    'places': np.stack([sharing.places(grid)] * 2),
  }


@pytest.fixture(scope='module', name='network')
def make_network():
  trunk = resnet.ResNet((1,), resnet.BasicBlock, width=4)
  module = glnet.GLNet(trunk, CLASSES, pyramid=4, head=4)
  shapes = jax.eval_shape(
    module.init, jax.random.key(0), jnp.zeros((1, 16, 16, 3))
  )
  rng = np.random.default_rng(0)
  return module, jax.tree.map(
    lambda leaf: rng.uniform(0.01, 0.1, leaf.shape).astype(np.float32), shapes
  )


@pytest.mark.parametrize('part', [1, 2])
def test_each_training_changes_its_own_parts(network, batch, part):
  module, variables = network
  names = glnet_steps.TRAINED[part]
  update = optax.chain(
    optax.adamw(0.01, weight_decay=0.1), glnet_steps.only(*names)
  )
  step = functools.partial(
    glnet_steps.STEPS[part],
    segmenter=module,
    loss=losses.focal,
    optimizer=update,
    decay=0.0,
    key=jax.random.key(1),
  )
  jax.config.update('jax_numpy_dtype_promotion', 'standard')  # for Optax
  try:
    step = jax.jit(step)
    state, metrics = step(train_state.start(variables, update), batch)
    state, later = step(state, batch)
  finally:
    jax.config.update('jax_numpy_dtype_promotion', 'strict')
  assert np.isfinite(metrics['loss']) and metrics['loss'] != later['loss']
  assert metrics['gradient_norm'] > 0
  for name, tree in state.variables['params'].items():
    before = variables['params'][name]
    same = jax.tree.leaves(jax.tree.map(np.array_equal, tree, before))
    assert all(same) == (name not in names), name
  trunks = state.variables['batch_stats']
  for name, own in (('trunk', 0), ('local_trunk', 1)):
    before = variables['batch_stats'][name]
    same = jax.tree.map(np.array_equal, trunks[name], before)
    assert all(jax.tree.leaves(same)) == (part != own)


def test_windows_are_drawn_without_repeats(batch):
  some = jax.jit(glnet_steps.draw)(jax.random.key(0), batch)
  assert some['windows'].shape == (2 * 6, 16, 16, 3)
  for image in (0, 1):
    own = some['windows'][image * 6 : image * 6 + 6]
    at = [
      next(n for n, w in enumerate(batch['windows'][image]) if (w == x).all())
      for x in np.asarray(own)
    ]
    assert len(set(at)) == 6
    for name in ('places', 'labels'):
      np.testing.assert_array_equal(
        some[name][image * 6 : image * 6 + 6], batch[name][image][at]
      )


def test_labels_are_reduced_as_on_the_host():
  label = np.random.default_rng(0).integers(0, 9, (1, 13, 10), np.uint8)
  found = glnet_steps.reduced(jnp.asarray(label), (4, 5))
  np.testing.assert_array_equal(found[0], resize.label(label[0], (4, 5)))


def test_the_score_is_that_of_all_windows(network, batch):
  module, variables = network
  evaluate = functools.partial(
    glnet_steps.evaluate, module=module, num_classes=CLASSES
  )
  counts = np.asarray(jax.jit(evaluate)(variables, batch))
  count = batch['labels'].shape[1]
  assert counts.shape == (CLASSES, CLASSES)
  assert counts.sum() == 2 * count * 4 * 4  # at a quarter of a side


def test_focal_loss():
  gamma = 3.0
  rng = np.random.default_rng(0)
  logits = rng.normal(0, 3, (50, CLASSES)).astype(np.float32)
  labels = rng.integers(0, CLASSES, 50)
  labels[:5] = 255
  odds = np.exp(logits)[np.arange(5, 50), labels[5:]]
  p = odds / np.exp(logits[5:]).sum(-1)
  total, weight = jax.jit(losses.focal)(logits, labels, gamma=gamma)
  np.testing.assert_allclose(total, ((1 - p) ** gamma * -np.log(p)).sum(), 1e-4)
  assert weight == 45
  sure = jnp.full((1, CLASSES), 0.0).at[0, 1].set(100)
  slope = jax.grad(lambda x: losses.focal(x, jnp.ones(1, int))[0])(sure)
  assert np.isfinite(slope).all()


def config():
  settings = tiny.get_config()
  settings.segmenter.name = 'glnet'
  training = settings.train.segmenter
  training.patience = 0
  training.scale_jitter = 1.0
  return settings


def test_batches_show_each_image_whole_and_in_windows():
  source = splits.open_split(config().data, 'train')
  grid_for = functools.partial(sharing.make_grid, window=(32, 32))
  (batch,) = whole_images.batches(
    source,
    Schedule(seed=0, batch=2, steps=1),
    grid_for=grid_for,
    network=(32, 32),
  )
  whole = {source[n].image.tobytes(): source[n] for n in range(len(source))}
  for row in range(2):
    sample = next(
      each
      for each in whole.values()
      if (resize.image(each.image, (32, 32)) == batch['image'][row]).all()
    )
    for n, (top, left) in enumerate(grid_for((96, 96)).corners):
      inside = slice(top, top + 32), slice(left, left + 32)
      np.testing.assert_array_equal(
        batch['windows'][row, n], sample.image[inside]
      )
      np.testing.assert_array_equal(
        batch['labels'][row, n], sample.label[inside]
      )


def test_images_of_any_sizes_are_seen_in_parts_of_one():
  rng = np.random.default_rng(0)
  sizes = (40, 57), (48, 40), (90, 70)
  samples = [
    Sample(
      '',
      rng.integers(0, 256, (*size, 3), np.uint8),
      rng.integers(0, CLASSES, size, np.uint8),
    )
    for size in sizes
  ]
  source = Listed(samples)
  grid_for = functools.partial(sharing.make_grid, window=(16, 16))
  batches = whole_images.batches(
    source,
    Schedule(seed=0, batch=1, steps=12),
    grid_for=grid_for,
    network=(40, 40),
    part=(40, 40),
  )
  corners = set()
  for batch in batches:
    image, label = batch['image'][0], batch['label'][0]
    corners |= {
      (n, top, left)
      for n, sample in enumerate(samples)
      for top in range(sample.label.shape[0] - 39)
      for left in range(sample.label.shape[1] - 39)
      if (sample.image[top : top + 40, left : left + 40] == image).all()
      and (sample.label[top : top + 40, left : left + 40] == label).all()
    }
    for n, (top, left) in enumerate(grid_for((40, 40)).corners):
      np.testing.assert_array_equal(
        batch['windows'][0, n],
        resize.image(image[top : top + 16, left : left + 16], (40, 40)),
      )
  assert {n for n, *_ in corners} == {0, 1, 2} and len(corners) > 6
  with pytest.raises(
    InputError, match=r'crop \(41, 9\): an image is of \(40, 57'
  ):
    whole_images.batches(
      source,
      Schedule(seed=0, batch=1),
      grid_for=grid_for,
      network=(40, 40),
      part=(41, 9),
    )


class Listed(list):
  """A source of given samples."""

  def size(self, index):
    return self[index].label.shape


class Sizes:
  """A source of which only sizes are asked."""

  def __init__(self, *sizes):
    self.sizes = sizes

  def __len__(self):
    return len(self.sizes)

  def size(self, index):
    return self.sizes[index]


@pytest.mark.parametrize(
  ('sizes', 'jitter', 'words'),
  [
    (((40, 40), (40, 90)), 1.0, 'must have as many each'),
    (((40, 40),), 1.5, r'scale_jitter 1\.5'),
  ],
)
def test_images_of_other_counts_and_scales_are_refused(sizes, jitter, words):
  with pytest.raises(InputError, match=words):
    whole_images.batches(
      Sizes(*sizes),
      Schedule(seed=0, batch=1),
      grid_for=functools.partial(sharing.make_grid, window=(32, 32)),
      network=(32, 32),
      augmentation=Augmentation(scale_jitter=jitter),
    )


@pytest.mark.parametrize('steps', [3, 4, 29, 290])
def test_the_steps_of_each_training(steps):
  starts = glnet_task.spans(steps)
  assert starts[0] == 0 and starts == tuple(sorted(set(starts)))
  assert starts[-1] < steps
  if steps == 290:
    assert starts == (0, 120, 170)


def test_a_config_makes_one_training_of_three():
  settings = config()
  images = splits.Splits(settings.data)
  settings.train.segmenter.steps = 29
  task = segmenter_task.make(settings)
  assert [task.fixed(n) for n in (0, 11, 12, 13, 17, 18)] == [
    (0, False),
    (0, False),
    (1, True),
    (1, False),
    (2, True),
    (2, False),
  ]
  rates = [float(task.rate(n)) for n in (0, 12, 17, 11.9, 16.9, 28.9)]
  np.testing.assert_allclose(np.divide(rates[:3], rates[0]), (1, 0.4, 1))
  assert max(rates[3:]) < 0.1 * rates[0]  # each part has its own schedule
  for name, value in (
    ('hours', 1.0),
    ('patience', 3),
    ('crop', (8, 200)),
    ('steps', 2),
  ):
    wrong = config()
    wrong.train.segmenter[name] = value
    where = f'train.segmenter.{name}' if name != 'crop' else r'crop \(8, 200\)'
    with pytest.raises(InputError, match=where):
      task = segmenter_task.make(wrong)
      task.batches(0)
  with pytest.raises(InputError, match='unseen'):
    segmenter_task.make_all(settings, images, [(0,)])
