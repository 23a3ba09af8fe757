import functools
import sys

import jax
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
import onnx_network
import pytest

from magnet_jax.cascade import plan
from magnet_jax.cascade.cascade import Cascade
from magnet_jax.cascade.options import Options
from magnet_jax.ops import normalise
from magnet_jax.predict import onnx_file
from magnet_jax.refiners import magnet
from magnet_jax.types import InputError

CLASSES = 4
NETWORK = (16, 12)
_KERNEL = np.random.default_rng(3).normal(0, 1, (3, 3, 3, CLASSES))
KERNEL = _KERNEL.astype(np.float32)  # HWIO


def write(path, **settings):
  return onnx_network.write(path, KERNEL, **settings)


@pytest.fixture
def path(tmp_path):
  return tmp_path / 'net.onnx'


def with_jax(images):
  return jax.lax.conv_general_dilated(
    images, KERNEL, (1, 1), 'SAME', dimension_numbers=('NHWC', 'HWIO', 'NHWC')
  )


def pixels(count=3, size=NETWORK):
  rng = np.random.default_rng(0)
  return rng.integers(0, 256, (count, *size, 3), np.uint8)


@pytest.mark.parametrize(
  ('file', 'batch', 'channels', 'size'),
  [
    ({}, 2, 'first', None),
    ({'batch': 4, 'size': NETWORK}, 4, 'first', NETWORK),
    ({'batch': None, 'size': (None, None)}, 2, 'first', None),
    ({'batch': 1, 'last': True}, 1, 'last', None),
    ({'channels': 3, 'dtype': TensorProto.DOUBLE}, 2, 'first', None),
  ],
)
def test_equals_the_same_weights_in_jax(path, file, batch, channels, size):
  found = onnx_file.load(write(path, **file), num_classes=CLASSES, batch=2)
  assert (found.batch, found.channels, found.size) == (batch, channels, size)
  wanted = with_jax(normalise.normalise(pixels()))
  np.testing.assert_allclose(found(pixels()), wanted, atol=1e-4)


def test_a_cascade_gives_what_it_gives_with_jax(path):
  image = pixels(1, (40, 50))[0]
  stages = plan.make_plan((40, 50), window=NETWORK, stages=2)
  one, other = (
    Cascade(
      segmenter,
      [magnet.refiner(lambda *, scale, coarse: 4 * scale + coarse)],
      network=NETWORK,
      options=Options(kernel=3, points=0.5),
    ).segment(image, stages)
    for segmenter in (
      onnx_file.load(write(path), num_classes=CLASSES),
      with_jax,
    )
  )
  # Rounding may swap two points of nearly one score at the border of K.
  assert (np.abs(one - other).max(-1) > 1e-4).mean() < 0.005


def test_raw_images_probabilities_and_a_stride(path):
  write(path, dtype=TensorProto.UINT8, softmax=True, stride=4)
  found = onnx_file.load(path, num_classes=CLASSES, outputs='probabilities')
  assert not found.normalised
  maps = jax.nn.softmax(found(pixels() // 64))
  assert maps.shape == (3, *NETWORK, CLASSES)
  with pytest.raises(InputError, match="outputs='probabilities'"):
    onnx_file.load(path, num_classes=CLASSES)(pixels() // 64)


def fails(path, classes=CLASSES, **settings):
  with pytest.raises(InputError) as caught:
    onnx_file.load(path, num_classes=classes, **settings).try_out(NETWORK)
  line = str(caught.value)
  assert line.startswith(str(path)) and '\n' not in line
  return line


@pytest.mark.parametrize(
  ('file', 'words'),
  [
    ({'channels': 1}, 'must take images of 3 channels'),
    ({'extra_input': True}, 'scale [1]: must take one batch'),
    ({'size': (16, 'w')}, '[16,w]'),
    ({'size': (32, 32)}, 'only images of 32x32'),
    ({'dtype': TensorProto.INT64}, 'tensor(int64)'),
  ],
)
def test_files_that_do_not_fit(path, file, words):
  assert words in fails(write(path, **file))


def test_outputs_that_do_not_fit(path):
  write(path)
  assert '4 classes: must be [B,5,h,w], 5 classes' in fails(path, classes=5)
  assert 'its outputs are logits, best' in fails(path, output='worst')
  assert 'without the argmax' in fails(path, output='best')


def test_files_that_are_no_models(path, monkeypatch):
  assert 'no such file' in fails(path)
  path.write_bytes(b'no model')
  assert 'cannot be loaded as an ONNX model' in fails(path)
  whole = write(path).read_bytes()
  path.write_bytes(whole[: len(whole) // 2])
  assert 'cannot be loaded as an ONNX model' in fails(path)
  monkeypatch.setitem(sys.modules, 'onnxruntime', None)
  assert "pip install 'magnet-jax[onnx]'" in fails(path)


def _enlarged(path, factor, size):
  """A file whose maps have so many times the sides of its images."""
  scales = np.array([1, 1, factor, factor], np.float32)
  nodes = [
    helper.make_node('Conv', ['images', 'kernel'], ['c']),
    helper.make_node('Resize', ['c', '', 'scales'], ['logits']),
  ]
  images = helper.make_tensor_value_info(
    'images', TensorProto.FLOAT, [1, 3, *size]
  )
  maps = helper.make_tensor_value_info(
    'logits', TensorProto.FLOAT, [1, CLASSES, 'mh', 'mw']
  )
  graph = helper.make_graph(
    nodes,
    'net',
    [images],
    [maps],
    [
      numpy_helper.from_array(KERNEL[:1, :1].transpose(3, 2, 0, 1), 'kernel'),
      numpy_helper.from_array(scales, 'scales'),
    ],
  )
  opsets = [helper.make_opsetid('', 13)]
  onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
  return path


def test_maps_that_are_too_large(path):
  load = functools.partial(onnx_file.load, num_classes=CLASSES)
  given = pixels(1)
  assert load(_enlarged(path, 4, NETWORK))(given).shape == (1, *NETWORK, 4)
  words = (
    r'returns \[1,4,80,60\].* images of 16x12: maps may be at most 4 times'
  )
  with pytest.raises(InputError, match=words):
    load(_enlarged(path, 5, NETWORK))
  segmenter = load(_enlarged(path, 5, ('h', 'w')))
  with pytest.raises(InputError, match=words):
    segmenter(given)


def test_maps_that_need_more_memory_than_there_is(path):
  with pytest.raises(InputError, match='needs more memory than is free'):
    onnx_file.load(_enlarged(path, 10**5, ('h', 'w')), num_classes=CLASSES)(
      pixels(1)
    )
