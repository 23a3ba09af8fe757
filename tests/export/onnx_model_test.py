"""Networks as ONNX: the same results, at any size, by few and simple nodes."""

from collections import Counter
import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.engines import sessions
from magnet_jax.export import formats, onnx_model
from magnet_jax.models import (
  batch_norm,
  deeplab,
  efficientnet_lite,
  fpn,
  gate,
  hrnet,
  layers,
  ocr,
  pspnet,
  refiner,
  resnet,
  semantic_fpn,
  unet,
)
from magnet_jax.ops import depthwise, resize
from magnet_jax.types import InputError

TRACED = (32, 48)


def _lite():
  trunk = efficientnet_lite.EfficientNetLite(
    (1,) * 7, (8, 8, 8, 8, 8, 8, 8), stem=8, coarsest=8
  )
  return fpn.FPN(trunk, 3, pyramid=8, head=4)


def _trunk(block=resnet.BasicBlock, stride=32):
  return resnet.ResNet((1, 1), block, width=4, output_stride=stride)


def _hrnet():
  return hrnet.HRNet(4, stem_blocks=1, modules=(1,), blocks=1, stem_width=4)


# The network, and whether it can be exported for any size.
NETWORKS = {
  'fpn': (lambda: fpn.FPN(_trunk(), 3, pyramid=8, head=4), True),
  'fpn on bottlenecks': (
    lambda: fpn.FPN(_trunk(resnet.BottleneckBlock), 3, pyramid=8, head=4),
    True,
  ),
  'fpn on efficientnet': (_lite, True),
  'hrnet_ocr': (lambda: ocr.OCR(_hrnet(), 3, features=8, keys=4), True),
  'unet': (lambda: unet.UNet(3, width=4, levels=2), True),
  'pspnet': (
    lambda: pspnet.PSPNet(_trunk(stride=4), 3, features=8, head=(4,)),
    False,
  ),
  'deeplab': (
    lambda: deeplab.DeepLab(_trunk(stride=4), 3, features=8),
    False,
  ),
}


def _variables(module, *args, **kwargs):
  return _filled(module.init, *args, **kwargs)


def _filled(init, *args, **kwargs):
  """Random weights and statistics."""
  rng = np.random.default_rng(0)

  def fill(path, leaf):
    name = jax.tree_util.keystr(path)
    if 'kernel' in name:
      spread = np.sqrt(2 / np.prod(leaf.shape[:-1]))
      return (rng.standard_normal(leaf.shape) * spread).astype(np.float32)
    if 'stats' in name or 'scale' in name:
      return rng.uniform(0.5, 1.5, leaf.shape).astype(np.float32)
    return (rng.standard_normal(leaf.shape) / 9).astype(np.float32)

  shapes = jax.eval_shape(init, jax.random.key(0), *args, **kwargs)
  return jax.tree_util.tree_map_with_path(
    fill, {k: v for k, v in shapes.items() if k in ('params', 'batch_stats')}
  )


def _struct(*shape):
  return jax.ShapeDtypeStruct(shape, jnp.float32)


def _difference(made, function, *given, channels='last'):
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


def _kinds(made):
  return Counter(node.op_type for node in made.graph.node)


def _images(batch, size, channels=3):
  rng = np.random.default_rng(1)
  return rng.standard_normal((batch, *size, channels), np.float32)


@pytest.mark.parametrize('name', NETWORKS)
def test_a_network_at_its_size_and_at_others(name):
  make, any_size = NETWORKS[name]
  module = make()
  variables = _variables(module, jnp.zeros((1, *TRACED, 3)))
  function = jax.tree_util.Partial(module.apply, variables)
  inputs = {'images': _struct(1, *TRACED, 3)}
  fixed = onnx_model.make(function, inputs, ['logits'], free_batch=True)
  images = _images(2, TRACED)
  assert _difference(fixed, function, images, channels='first') < 1e-5
  assert not {'Gemm', 'MatMul', 'Gather'} & _kinds(fixed).keys()
  inputs = {'images': _struct(1, *formats.TRACED, 3)}
  if not any_size:
    return
  opened = onnx_model.make(
    function, inputs, ['logits'], free_batch=True, free_size=True
  )
  assert _difference(opened, function, images, channels='first') < 1e-5
  odd = _images(1, (37, 52))
  assert _difference(opened, function, odd, channels='first') < 1e-5


def test_the_refiner_and_the_gate():
  maps = np.asarray(jax.nn.softmax(_images(2, (12, 16), 3)))
  module = refiner.Refiner(3, width=8, prior=True)
  variables = _variables(module, scale=maps, coarse=maps)

  def refine(scale, coarse):
    return module.apply(variables, scale=scale, coarse=coarse)

  struct = _struct(1, 12, 16, 3)
  made = onnx_model.make(
    refine,
    {'scale': struct, 'coarse': struct},
    ['logits'],
    free_batch=True,
    channels='last',
  )
  assert _difference(made, refine, maps, maps[:, ::-1].copy()) < 1e-5

  fused = _images(2, (6, 8), 5)
  weigh = gate.Gate(2, width=4)
  shown = {'fused': fused}
  variables = _variables(weigh, shown, scale=maps, coarse=maps)

  def weighed(fused, scale):
    found = weigh.apply(variables, {'fused': fused}, scale=scale, coarse=scale)
    return found[..., None]

  made = onnx_model.make(
    weighed,
    {'fused': _struct(1, 6, 8, 5), 'scale': struct},
    ['logits'],
    free_batch=True,
    channels='last',
  )
  assert _difference(made, weighed, fused, maps) < 1e-5


def test_the_sum_of_pyramids_with_group_normalisation():
  module = semantic_fpn.Sum(3, features=8)
  pyramid = [_images(2, size, 4) for size in ((8, 12), (4, 6))]
  variables = _variables(module, pyramid)

  def function(fine, coarse):
    return module.apply(variables, [fine, coarse])[0]

  inputs = {'fine': _struct(1, 8, 12, 4), 'coarse': _struct(1, 4, 6, 4)}
  made = onnx_model.make(
    function, inputs, ['logits'], free_batch=True, channels='last'
  )
  assert _difference(made, function, *pyramid) < 1e-5


@pytest.mark.parametrize('size', [(1, 1), (1, 7), (6, 5)])
@pytest.mark.parametrize('stride', [1, 2])
def test_depthwise_convolutions_of_any_side(size, stride):
  kernel = _images(3, (3, 1), 4).reshape(3, 3, 1, 4)

  def function(x):
    return depthwise.convolve(x, kernel, stride=stride)

  made = onnx_model.make(
    function, {'x': _struct(1, *size, 4)}, ['y'], channels='last'
  )
  assert _kinds(made)['Conv'] == 1
  assert _difference(made, function, _images(1, size, 4)) < 1e-5


@pytest.mark.parametrize('rule', [resize.upsample, resize.upsample_corners])
@pytest.mark.parametrize('size', [(1, 1), (9, 13), (3, 4)])
def test_resizing_is_one_node(rule, size):
  def function(x):
    return rule(x, size) * 2

  made = onnx_model.make(
    function, {'x': _struct(1, 4, 5, 2)}, ['y'], channels='last'
  )
  assert _kinds(made)['Resize'] == 1
  assert _difference(made, function, _images(1, (4, 5), 2)) < 1e-5


def test_a_convolution_that_two_read_is_not_folded():
  module = layers.convolution(4, 3)
  images = _images(1, (6, 7))
  variables = _variables(module, images)
  norm = batch_norm.BatchNorm()
  start = functools.partial(norm.init, train=False)
  of_norm = _filled(start, _images(1, (6, 7), 4))

  def both(x):
    y = module.apply(variables, x)
    return norm.apply(of_norm, y, train=False) + nn.relu(y)

  def one(x):
    return norm.apply(of_norm, module.apply(variables, x), train=False)

  inputs = {'x': _struct(1, 6, 7, 3)}
  twice = onnx_model.make(both, inputs, ['y'], channels='last')
  assert _difference(twice, both, images) < 1e-5 and _kinds(twice)['Mul'] == 1
  once = onnx_model.make(one, inputs, ['y'], channels='last')
  assert _difference(once, one, images) < 1e-5
  assert _kinds(once) == {'Conv': 1, 'Transpose': 2}


def test_bytes_normalised_inside_and_metadata():
  def function(x):
    return x.astype(jnp.float32) / 255

  inputs = {'images': jax.ShapeDtypeStruct((1, 4, 5, 3), jnp.uint8)}
  made = onnx_model.make(
    function, inputs, ['y'], channels='last', metadata={'classes': '["a"]'}
  )
  images = np.arange(60, dtype=np.uint8).reshape(1, 4, 5, 3)
  assert _difference(made, function, images) < 1e-6
  assert made.metadata_props[0].value == '["a"]'


@pytest.mark.parametrize(
  ('function', 'message'),
  [
    (lambda x: jnp.sort(x, axis=1), 'computes sort'),
    (lambda x: x.reshape(-1, 3) * 2, 'rows of pixels'),
    (lambda x: jnp.zeros((1, 4, 4, 3)), 'does not depend'),
    (lambda x: resize.upsample(x, (9, 9)), 'no image before it'),
  ],
)
def test_what_cannot_be_written_is_named(function, message):
  with pytest.raises(InputError, match=message):
    onnx_model.make(function, {'x': _struct(1, 4, 4, 3)}, ['y'], free_size=True)
