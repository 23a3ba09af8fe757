"""The deep guided filter against the guided filter of NumPy, pixel by pixel."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import slow_guided

from magnet_jax.ops import normalise
from magnet_jax.refiners import deep_guided
from magnet_jax.refiners.refiner import Seen
from magnet_jax.types import InputError

CLASSES = 3
WEIGHTS = {
  'conv1': {'kernel': (3, 5), 'bias': (5,)},
  'conv2': {'kernel': (5, CLASSES), 'bias': (CLASSES,)},
}


def variables(seed=0):
  rng = np.random.default_rng(seed)
  return {
    'params': jax.tree.map(
      lambda shape: rng.normal(0, 0.7, shape).astype(np.float32),
      WEIGHTS,
      is_leaf=lambda x: isinstance(x, tuple),
    )
  }


def guides(params, image):
  """The network in NumPy, on colours in [0, 1]."""
  x = image / 255 @ params['conv1']['kernel'] + params['conv1']['bias']
  x = np.maximum(x, 0)
  return x @ params['conv2']['kernel'] + params['conv2']['bias']


def test_it_is_small():
  made = deep_guided.make(num_classes=7)
  shapes = jax.eval_shape(
    lambda: made.module.init(jax.random.key(0), **made.inputs)
  )
  assert sum(leaf.size for leaf in jax.tree.leaves(shapes)) == 711


@pytest.mark.parametrize('size', [(9, 14), (1, 1)])
def test_each_class_is_filtered_by_its_guide(size):
  image, maps = slow_guided.example(size, classes=CLASSES)
  corrector = deep_guided.make(num_classes=CLASSES, width=5, radius=2, eps=0.1)
  given = variables()
  refiner = corrector.refiner(
    jax.tree_util.Partial(corrector.module.apply, given)
  )
  seen = Seen(
    coarse=jnp.asarray(maps)[None],
    images=normalise.normalise(jnp.asarray(image)[None]),
  )
  found = jax.jit(refiner.apply)(refiner.variables, seen)
  guide = guides(given['params'], image.astype(np.float64))
  for index in range(CLASSES):
    wanted = slow_guided.guided(
      guide[..., index : index + 1],
      np.log(maps[..., index : index + 1] + 1e-3),
      radius=2,
      eps=0.1,
    )
    np.testing.assert_allclose(found[0, ..., index], wanted[..., 0], atol=1e-4)


@pytest.mark.parametrize('count', [7, 19])
def test_the_guide_has_the_published_number_of_parameters(count):
  corrector = deep_guided.make(num_classes=count)
  shapes = jax.eval_shape(
    lambda: corrector.module.init(jax.random.key(0), **corrector.inputs)
  )
  assert sum(x.size for x in jax.tree.leaves(shapes)) == 256 + 65 * count


def test_gradients_are_finite_where_the_guide_is_flat():
  corrector = deep_guided.make(num_classes=CLASSES, width=5)
  seen = Seen(
    coarse=jnp.full((1, 12, 12, CLASSES), 1 / CLASSES),
    images=jnp.zeros((1, 12, 12, 3)),
  )

  def total(given):
    network = jax.tree_util.Partial(corrector.module.apply, given)
    (logits,) = corrector.outputs(network, seen)
    return logits[..., 0].sum()

  gradient = jax.jit(jax.grad(total))(variables())
  assert all(np.isfinite(x).all() for x in jax.tree.leaves(gradient))


@pytest.mark.parametrize('bad', [{'radius': 0}, {'eps': 0.0}])
def test_bad_settings(bad):
  with pytest.raises(InputError, match='must be at least 1 pixel and above 0'):
    deep_guided.make(num_classes=2, **bad)
