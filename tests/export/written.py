"""Networks and functions written as ONNX, and what comes out of them."""

from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np

from magnet_jax.engines import sessions
from magnet_jax.export import formats, onnx_model


def variables(module, *args, **kwargs):
  """Random weights and statistics of a module."""
  return filled(module.init, *args, **kwargs)


def filled(init, *args, **kwargs):
  """Random weights and statistics."""
  rng = np.random.default_rng(0)

  def fill(path, leaf):
    name = jax.tree_util.keystr(path)
    if 'kernel' in name:
      spread = np.sqrt(2 / np.prod(leaf.shape[:-1]))
      return (rng.standard_normal(leaf.shape) * spread).astype(np.float32)
    if 'var' in name or 'scale' in name:
      return rng.uniform(0.5, 1.5, leaf.shape).astype(np.float32)
    return (rng.standard_normal(leaf.shape) / 9).astype(np.float32)

  shapes = jax.eval_shape(init, jax.random.key(0), *args, **kwargs)
  return jax.tree_util.tree_map_with_path(
    fill, {k: v for k, v in shapes.items() if k in ('params', 'batch_stats')}
  )


def struct(*shape):
  """The shape of float32 images."""
  return jax.ShapeDtypeStruct(shape, jnp.float32)


def difference(made, function, *given, channels='last'):
  """The largest difference of the first result, of its range."""
  names = [entry.name for entry in made.graph.input]
  if channels == 'first':
    given = [each.transpose(0, 3, 1, 2) for each in given]
  session = sessions.make('onnxruntime', made.SerializeToString(), 'float32')
  found = session(**dict(zip(names, given, strict=True)))[0]
  if channels == 'first':
    given = [each.transpose(0, 2, 3, 1) for each in given]
    found = found.transpose(0, 2, 3, 1)
  wanted = np.asarray(jax.jit(function)(*given))
  assert found.shape == wanted.shape
  return np.abs(found - wanted).max() / np.ptp(wanted)


def kinds(made):
  """How many nodes of each kind a model has."""
  return Counter(node.op_type for node in made.graph.node)


def images(batch, size, channels=3):
  """Random images."""
  rng = np.random.default_rng(1)
  return rng.standard_normal((batch, *size, channels), np.float32)


def opened(function, count=3, **how):
  """A function of images of any size."""
  return onnx_model.make(
    function,
    {'images': struct(1, *formats.TRACED, count)},
    ['logits'],
    free_batch=True,
    free_size=True,
    **how,
  )


def ways(function, size, count=2):
  """The same function written for a size, and for any."""
  fixed = onnx_model.make(
    function, {'images': struct(1, *size, count)}, ['y'], channels='last'
  )
  return fixed, opened(function, count, channels='last')
