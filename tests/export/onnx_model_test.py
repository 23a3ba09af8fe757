"""Networks as ONNX: the same results, at any size, by few and simple nodes."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import written

from magnet_jax.export import onnx_model
from magnet_jax.models import (
  batch_norm,
  deeplab,
  efficientnet_lite,
  fpn,
  gate,
  glnet,
  hrnet,
  layers,
  ocr,
  pointrend,
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


NETWORKS = {
  'fpn': lambda: fpn.FPN(_trunk(), 3, pyramid=8, head=4),
  'fpn on bottlenecks': lambda: fpn.FPN(
    _trunk(resnet.BottleneckBlock), 3, pyramid=8, head=4
  ),
  'fpn on efficientnet': _lite,
  'hrnet_ocr': lambda: ocr.OCR(_hrnet(), 3, features=8, keys=4),
  'unet': lambda: unet.UNet(3, width=4, levels=2),
  'pspnet': lambda: pspnet.PSPNet(_trunk(stride=4), 3, features=8, head=(4,)),
  'deeplab': lambda: deeplab.DeepLab(_trunk(stride=4), 3, features=8),
  'pointrend': lambda: pointrend.PointRend(
    _trunk(), 3, pyramid=8, head=8, units=4
  ),
  'glnet': lambda: glnet.GLNet(_trunk(), 3, pyramid=8, head=4),
}
# Those of one image are found by products with weights of its parts.
PARTS = ('pspnet',)


@pytest.mark.parametrize('name', NETWORKS)
def test_a_network_at_its_size_and_at_others(name):
  module = NETWORKS[name]()
  variables = written.variables(module, jnp.zeros((1, *TRACED, 3)))
  function = jax.tree_util.Partial(module.apply, variables)
  inputs = {'images': written.struct(1, *TRACED, 3)}
  fixed = onnx_model.make(function, inputs, ['logits'], free_batch=True)
  images = written.images(2, TRACED)
  # Weights at which the images do not count would prove nothing.
  assert np.ptp(np.asarray(function(images)), axis=(1, 2)).min() > 0.1
  assert written.difference(fixed, function, images, channels='first') < 1e-5
  products = {'Gemm', 'Gather', *([] if name in PARTS else ['MatMul'])}
  assert not products & written.kinds(fixed).keys()
  opened = written.opened(function)
  assert written.difference(opened, function, images, channels='first') < 1e-5
  for size in ((37, 52), (51, 33), (5, 3)):
    odd = written.images(1, size)
    assert written.difference(opened, function, odd, channels='first') < 1e-5


def test_the_refiner_and_the_gate():
  maps = np.asarray(jax.nn.softmax(written.images(2, (12, 16), 3)))
  module = refiner.Refiner(3, width=8, prior=True)
  variables = written.variables(module, scale=maps, coarse=maps)

  def refine(scale, coarse):
    return module.apply(variables, scale=scale, coarse=coarse)

  struct = written.struct(1, 12, 16, 3)
  made = onnx_model.make(
    refine,
    {'scale': struct, 'coarse': struct},
    ['logits'],
    free_batch=True,
    channels='last',
  )
  assert written.difference(made, refine, maps, maps[:, ::-1].copy()) < 1e-5

  fused = written.images(2, (6, 8), 5)
  weigh = gate.Gate(2, width=4)
  shown = {'fused': fused}
  variables = written.variables(weigh, shown, scale=maps, coarse=maps)

  def weighed(fused, scale):
    found = weigh.apply(variables, {'fused': fused}, scale=scale, coarse=scale)
    return found[..., None]

  made = onnx_model.make(
    weighed,
    {'fused': written.struct(1, 6, 8, 5), 'scale': struct},
    ['logits'],
    free_batch=True,
    channels='last',
  )
  assert written.difference(made, weighed, fused, maps) < 1e-5


def test_the_sum_of_pyramids_with_group_normalisation():
  module = semantic_fpn.Sum(3, features=8)
  pyramid = [written.images(2, size, 4) for size in ((8, 12), (4, 6))]
  variables = written.variables(module, pyramid)

  def function(fine, coarse):
    return module.apply(variables, [fine, coarse])[0]

  inputs = {
    'fine': written.struct(1, 8, 12, 4),
    'coarse': written.struct(1, 4, 6, 4),
  }
  made = onnx_model.make(
    function, inputs, ['logits'], free_batch=True, channels='last'
  )
  assert written.difference(made, function, *pyramid) < 1e-5


@pytest.mark.parametrize('size', [(1, 1), (1, 7), (6, 5)])
@pytest.mark.parametrize('stride', [1, 2])
def test_depthwise_convolutions_of_any_side(size, stride):
  kernel = written.images(3, (3, 1), 4).reshape(3, 3, 1, 4)

  def function(x):
    return depthwise.convolve(x, kernel, stride=stride)

  made = onnx_model.make(
    function, {'x': written.struct(1, *size, 4)}, ['y'], channels='last'
  )
  assert written.kinds(made)['Conv'] == 1
  assert written.difference(made, function, written.images(1, size, 4)) < 1e-5


@pytest.mark.parametrize('rule', [resize.upsample, resize.upsample_corners])
@pytest.mark.parametrize('size', [(1, 1), (9, 13), (3, 4)])
def test_resizing_is_one_node(rule, size):
  def function(x):
    return rule(x, size) * 2

  made = onnx_model.make(
    function, {'x': written.struct(1, 4, 5, 2)}, ['y'], channels='last'
  )
  assert written.kinds(made)['Resize'] == 1
  assert written.difference(made, function, written.images(1, (4, 5), 2)) < 1e-5


def test_a_convolution_that_two_read_is_not_folded():
  module = layers.convolution(4, 3)
  images = written.images(1, (6, 7))
  variables = written.variables(module, images)
  norm = batch_norm.BatchNorm()
  start = functools.partial(norm.init, train=False)
  of_norm = written.filled(start, written.images(1, (6, 7), 4))

  def both(x):
    y = module.apply(variables, x)
    return norm.apply(of_norm, y, train=False) + nn.relu(y)

  def one(x):
    return norm.apply(of_norm, module.apply(variables, x), train=False)

  inputs = {'x': written.struct(1, 6, 7, 3)}
  twice = onnx_model.make(both, inputs, ['y'], channels='last')
  assert (
    written.difference(twice, both, images) < 1e-5
    and written.kinds(twice)['Mul'] == 1
  )
  once = onnx_model.make(one, inputs, ['y'], channels='last')
  assert written.difference(once, one, images) < 1e-5
  assert written.kinds(once) == {'Conv': 1, 'Transpose': 2}


def test_bytes_normalised_inside_and_metadata():
  def function(x):
    return x.astype(jnp.float32) / 255

  inputs = {'images': jax.ShapeDtypeStruct((1, 4, 5, 3), jnp.uint8)}
  made = onnx_model.make(
    function, inputs, ['y'], channels='last', metadata={'classes': '["a"]'}
  )
  images = np.arange(60, dtype=np.uint8).reshape(1, 4, 5, 3)
  assert written.difference(made, function, images) < 1e-6
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
    onnx_model.make(
      function, {'x': written.struct(1, 4, 4, 3)}, ['y'], free_size=True
    )
