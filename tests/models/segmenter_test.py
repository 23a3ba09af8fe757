"""Properties that all segmenters share, as a table."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.models import (
  build,
  deeplab,
  fpn,
  hrnet,
  ocr,
  pspnet,
  resnet,
  unet,
)
from magnet_jax.types import InputError


def _trunk(block, dtype, output_stride=32):
  """A ResNet of two levels with one block each; 4 dilates the second."""
  return resnet.ResNet(
    (1, 1), block, width=4, output_stride=output_stride, dtype=dtype
  )


def _fpn(dtype):
  trunk = _trunk(resnet.BasicBlock, dtype)
  return fpn.FPN(trunk, num_classes=3, pyramid=8, head=4, dtype=dtype)


def _pspnet(dtype):
  trunk = _trunk(resnet.BasicBlock, dtype, 4)
  return pspnet.PSPNet(trunk, 3, features=8, head=(4,), dtype=dtype)


def _hrnet_ocr(dtype):
  trunk = hrnet.HRNet(
    4, stem_blocks=1, modules=(1,), blocks=1, stem_width=4, dtype=dtype
  )
  return ocr.OCR(trunk, 3, features=8, keys=4, dtype=dtype)


def _deeplab(dtype):
  trunk = _trunk(resnet.BottleneckBlock, dtype, 4)
  return deeplab.DeepLab(trunk, 3, features=8, dtype=dtype)


def _unet(dtype):
  return unet.UNet(3, width=4, levels=1, dtype=dtype)


SHALLOW = {
  'fpn': _fpn,
  'pspnet': _pspnet,
  'hrnet_ocr': _hrnet_ocr,
  'deeplab': _deeplab,
  'unet': _unet,
}
AUXILIARY = ('pspnet', 'hrnet_ocr')

# What the table below says of whole networks, counted by hand where nobody
# published it: torchvision's trunks without their classifier, and the heads.
RESNET18, RESNET50, RESNET101 = 11_176_512, 23_508_032, 42_500_160


def _fpn_head(top, *laterals):
  head = sum((features + 1) * 256 for features in (top, *laterals))
  head += 4 * (256 * 9 + 1) * 256 + 4 * (256 * 9 + 1) * 128
  return head + (512 * 9 + 1) * 7


def _deeplab_head(coarse, fine):
  views = 2 * coarse * 256 + 3 * 9 * coarse * 256 + 5 * 256 * 256 + 6 * 512
  decoder = fine * 48 + 9 * (256 + 48) * 256 + 9 * 256 * 256 + 96 + 2 * 512
  return views + decoder + 257 * 7


def _pointrend_head(*levels):
  pyramid = sum((features + 1 + 9 * 256 + 1) * 256 for features in levels)
  # One convolution per level and step of enlargement, normalised by groups.
  total = 4 * 9 * 256 * 128 + 3 * 9 * 128 * 128 + 7 * 2 * 128 + 129 * 7
  return pyramid + total + 200_967  # of the point head


def _unet_parameters():
  widths = (64, 128, 256, 512, 1024)

  def double(before, after):
    return 9 * (before + after) * after + 4 * after

  down = sum(map(double, (3, *widths), widths))
  up = sum(double(2 * w, w) + (2 * w + 1) * w for w in widths[:-1])
  return down + up + 65 * 7


COUNTS = [
  ('fpn', {'trunk': 'resnet18'}, 7, RESNET18 + _fpn_head(512, 256, 128, 64)),
  ('fpn', {}, 7, 28_064_839),  # published
  ('pspnet', {}, 7, 72_323_729),  # published
  ('hrnet_ocr', {}, 19, 6_379_278),  # published
  ('hrnet_ocr', {'trunk': 'hrnet48'}, 19, 70_372_678),  # published
  ('deeplab', {}, 7, RESNET50 + _deeplab_head(2048, 256)),
  (
    'deeplab',
    {'trunk': 'resnet101'},
    7,
    RESNET101 + _deeplab_head(2048, 256),
  ),
  ('unet', {}, 7, _unet_parameters()),
  ('glnet', {}, 7, 79_200_917),  # published
  ('pointrend', {}, 7, RESNET50 + _pointrend_head(2048, 1024, 512, 256)),
]


def _shapes(segmenter, size=(16, 16), batch=1):
  """Shapes of the logits and of the variables."""
  return jax.eval_shape(
    lambda: segmenter.init_with_output(
      jax.random.key(0), jnp.zeros((batch, *size, 3))
    )
  )


@functools.cache
def _variables(name):
  """Variables drawn without compiling the init."""
  rng = np.random.default_rng(0)
  draw = {
    'scale': lambda shape: 1 + 0.2 * rng.normal(size=shape),
    'var': np.ones,
    'kernel': lambda s: rng.normal(size=s) * np.sqrt(2 / np.prod(s[:-1])),
    'bias': lambda shape: 0.1 * rng.normal(size=shape),
    'mean': np.zeros,
    'negative_slope': lambda shape: np.full(shape, 0.25),
  }
  return jax.tree_util.tree_map_with_path(
    lambda path, x: jnp.asarray(draw[path[-1].key](x.shape), jnp.float32),
    _shapes(SHALLOW[name](jnp.float32))[1],
  )


def _images(size=(20, 17), batch=2):
  return jax.random.normal(jax.random.key(1), (batch, *size, 3))


@functools.cache
def _evaluate(name):
  """The compiled network, and the shapes that it was traced with."""
  segmenter, traces = SHALLOW[name](jnp.float32), []

  @jax.jit
  def apply(variables, images):
    traces.append(images.shape)
    return segmenter.apply(variables, images)

  return apply, traces


@pytest.mark.parametrize(('name', 'settings', 'classes', 'count'), COUNTS)
def test_number_of_parameters_at_full_width(name, settings, classes, count):
  segmenter = build.segmenter(num_classes=classes, name=name, **settings)
  variables = _shapes(segmenter)[1]
  leaves = jax.tree.leaves(variables['params'])
  assert sum(leaf.size for leaf in leaves) == count


@pytest.mark.parametrize(
  ('size', 'dtype'),
  [
    ((17, 33), jnp.float32),
    ((1, 1), jnp.float32),
    ((5, 50), jnp.bfloat16),
  ],
)
@pytest.mark.parametrize('name', SHALLOW)
def test_logits_have_the_images_size_and_float32(name, size, dtype):
  logits, variables = _shapes(SHALLOW[name](dtype), size, batch=2)
  assert logits.shape == (2, *size, 3)
  assert logits.dtype == jnp.float32
  dtypes = {x.dtype for x in jax.tree.leaves(variables)}
  assert dtypes == {jnp.dtype('float32')}
  assert variables.keys() == {'params', 'batch_stats'}


@pytest.mark.parametrize('name', SHALLOW)
def test_evaluating_compiles_once_and_no_image_sees_its_neighbour(name):
  apply, traces = _evaluate(name)
  variables, images = _variables(name), _images()
  first, again = apply(variables, images), apply(variables, images)
  np.testing.assert_array_equal(first, again)
  doubled = jax.tree.map(lambda x: 2 * x, variables)
  assert np.abs(apply(doubled, images) - first).max() > 0
  other = apply(variables, images.at[1].set(0))
  assert len(traces) == 1
  np.testing.assert_allclose(first[0], other[0], atol=1e-5)
  assert np.abs(first[1] - other[1]).max() > 1e-3


@pytest.mark.parametrize('name', SHALLOW)
def test_half_precision_is_near(name):
  variables, images = _variables(name), _images()
  one = _evaluate(name)[0](variables, images)
  half = jax.jit(SHALLOW[name](jnp.bfloat16).apply)(variables, images)
  assert half.dtype == jnp.float32
  np.testing.assert_allclose(one, half, atol=0.05 * np.ptp(one))


@pytest.mark.parametrize('name', SHALLOW)
def test_training_has_finite_gradients_statistics_and_auxiliary(name):
  segmenter, variables = SHALLOW[name](jnp.float32), _variables(name)
  images = _images()

  def loss(params):
    logits, state = segmenter.apply(
      {**variables, 'params': params},
      images,
      train=True,
      mutable=['batch_stats', 'auxiliary'],
    )
    everything = [logits, *jax.tree.leaves(state.get('auxiliary', {}))]
    return sum(-jax.nn.log_softmax(x)[..., 0].mean() for x in everything), state

  gradients, state = jax.jit(jax.grad(loss, has_aux=True))(variables['params'])
  for path, leaf in jax.tree_util.tree_leaves_with_path(gradients):
    assert np.isfinite(np.asarray(leaf)).all(), path
    assert np.abs(np.asarray(leaf)).max() > 0, path
  for old, new in zip(
    jax.tree.leaves(variables['batch_stats']),
    jax.tree.leaves(state['batch_stats']),
    strict=True,
  ):
    assert np.abs(new - old).max() > 0
  assert ('auxiliary' in state) == (name in AUXILIARY)
  if name in AUXILIARY:
    (logits,) = state['auxiliary']['logits']
    assert logits.shape == (*images.shape[:3], 3)
    assert logits.dtype == jnp.float32


@pytest.mark.parametrize(
  ('settings', 'message'),
  [
    (
      {'name': 'segnet'},
      'segnet.*fpn, pspnet, hrnet_ocr, deeplab, unet, pointrend',
    ),
    ({'trunk': 'resnet19'}, 'resnet19.*resnet18, resnet34'),
    ({'name': 'hrnet_ocr', 'trunk': 'resnet18'}, 'resnet18.*hrnet18, hrnet48'),
    ({'name': 'deeplab', 'output_stride': 4}, '4.*32, 16, 8'),
    (
      {'name': 'unet', 'pyramid': 8},
      'pyramid: .*unet.*levels, width; leave out',
    ),
    ({'dtype': 'float64'}, 'float64.*float32, bfloat16'),
  ],
)
def test_unknown_names_are_refused_with_the_known_ones(settings, message):
  with pytest.raises(InputError, match=message):
    build.segmenter(num_classes=3, **settings)


def test_a_trunk_of_another_kind_has_its_own_settings():
  given = {'num_classes': 3, 'trunk': 'efficientnet_lite1'}
  assert build.segmenter(**given, finest=2).trunk.finest == 2
  with pytest.raises(
    InputError, match=r'\.width, pool: unknown to fpn with trunk efficientnet_'
  ):
    build.segmenter(**given, width=16, pool=False)
  with pytest.raises(InputError, match=r"trunk 'efficientnet_lite1': unknown"):
    build.segmenter(**given, name='pspnet')


def test_a_fresh_pyramid_knows_nothing():
  """Its logits are small."""
  network = _fpn(jnp.float32)
  images = jax.random.normal(jax.random.key(0), (1, 32, 32, 3))
  variables = network.init(jax.random.key(1), images)
  assert float(jnp.abs(network.apply(variables, images)).max()) < 1


@pytest.mark.parametrize(
  ('settings', 'lacking'),
  [
    ({'width': 8, 'pool': True, 'head': 4, 'dtype': 'float32'}, []),
    ({'trunk': 'efficientnet_lite1', 'width': 8, 'finest': 2}, ['width']),
    ({'name': 'unet', 'width': 8, 'trunk': 'resnet18'}, ['trunk']),
    ({'name': 'hrnet_ocr', 'width': 8, 'pool': True}, ['pool']),
    ({'name': 'mine:Net', 'anything': 1}, []),
  ],
)
def test_fields_that_a_network_lacks(settings, lacking):
  assert build.foreign(settings) == lacking
