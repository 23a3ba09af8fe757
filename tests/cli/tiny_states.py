"""PyTorch state dicts of tiny networks."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from magnet_jax.configs import tiny
from magnet_jax.files import trees
from magnet_jax.models import build, resnet
from magnet_jax.weights import torch_weights

CLASSES = 7
TINY = tiny.get_config().to_dict()
# Of somebody's own network; two levels take least time to compile.
OWN = {'name': 'unet', 'width': 4, 'levels': 1}
# A SegFix whose file tells all but the stride of its stem.
SEGFIX = {
  'width': 2,
  'stem_blocks': 1,
  'modules': (1, 2, 1),
  'blocks': 1,
  'stem_width': 3,
  'stem_stride': 2,
  'head': 4,
}
# With which `convert` takes them.
FLAGS = ['--config=tiny', '--config.refiner.prior=false']


def drawn(shapes, seed=0):
  """Variables whose activations stay in range."""
  rng = np.random.default_rng(seed)
  flat = {}
  for key, leaf in trees.flatten(shapes).items():
    values = rng.normal(size=leaf.shape)
    if key.endswith('kernel'):
      values *= np.sqrt(2 / np.prod(leaf.shape[:-1]))
    elif key.endswith(('scale', 'var')):
      values = 1 + 0.1 * np.tanh(values)
    else:
      values *= 0.1
    flat[key] = values.astype(np.float32)
  return trees.unflatten(flat)


def initial(module, *inputs, **named):
  key = jax.random.key(0)
  return jax.eval_shape(lambda: module.init(key, *inputs, **named))


@functools.cache
def state(kind, seed=0):
  """A state as PyTorch has it, of a tiny network."""
  image = jnp.zeros((1, 64, 64, 3))
  if kind in ('segmenter', 'unet'):
    network = {'segmenter': 'fpn', 'unet': 'unet'}[kind]
    settings = {'segmenter': TINY['segmenter'], 'unet': OWN}[kind]
    module = build.segmenter(num_classes=CLASSES, **settings)
    shapes = initial(module, image)
  elif kind == 'refiner':
    network = 'refiner'
    maps = jnp.zeros((1, 4, 4, CLASSES))
    module = build.refinement(
      num_classes=CLASSES, width=TINY['refiner']['width']
    )
    shapes = initial(module, scale=maps, coarse=maps)
  elif kind == 'segfix':
    network = kind
    module = build.directions(**SEGFIX)
    shapes = initial(module, image)
  else:
    network = 'resnet'
    module = resnet.RESNETS['resnet18'](width=4)
    shapes = initial(module, image)
  found = torch_weights.to_torch(drawn(shapes, seed), network)
  for key in found:
    if key.endswith('num_batches_tracked'):
      found[key] = np.array(100 + seed, np.int64)
  return found
