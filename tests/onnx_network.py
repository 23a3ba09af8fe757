"""A small segmenter as an ONNX file, of any input shape and type."""

import onnx
from onnx import TensorProto, helper, numpy_helper


def write(
  path,
  kernel,
  *,
  batch='batch',
  size=('height', 'width'),
  channels=3,
  dtype=TensorProto.FLOAT,
  stride=1,
  softmax=False,
  last=False,
  extra_input=False,
):
  """Writes a convolution [k,k,3,C] as an ONNX file; returns the path."""
  side = kernel.shape[0]
  images = [batch, *size, channels] if last else [batch, channels, *size]
  nodes, name = [], 'images'
  if last:
    turn = helper.make_node('Transpose', [name], ['a'], perm=[0, 3, 1, 2])
    nodes, name = [turn], 'a'
  if dtype != TensorProto.FLOAT:
    nodes.append(helper.make_node('Cast', [name], ['b'], to=TensorProto.FLOAT))
    name = 'b'
  nodes.append(
    helper.make_node(
      'Conv',
      [name, 'kernel'],
      ['c'],
      kernel_shape=[side, side],
      pads=[side // 2] * 4,
      strides=[stride, stride],
    )
  )
  name = 'c'
  if softmax:
    nodes.append(helper.make_node('Softmax', [name], ['d'], axis=1))
    name = 'd'
  if last:
    turn = helper.make_node('Transpose', [name], ['e'], perm=[0, 2, 3, 1])
    nodes.append(turn)
    name = 'e'
  nodes.append(helper.make_node('Identity', [name], ['logits']))
  best = helper.make_node('ArgMax', ['c'], ['best'], axis=1, keepdims=0)
  nodes.append(best)
  inputs = [helper.make_tensor_value_info('images', dtype, images)]
  if extra_input:
    inputs.append(helper.make_tensor_value_info('scale', dtype, [1]))
  weights = numpy_helper.from_array(
    kernel[:, :, :channels].transpose(3, 2, 0, 1).copy(), 'kernel'
  )
  outputs = [
    helper.make_tensor_value_info('logits', TensorProto.FLOAT, None),
    helper.make_tensor_value_info('best', TensorProto.INT64, None),
  ]
  graph = helper.make_graph(nodes, 'net', inputs, outputs, [weights])
  opsets = [helper.make_opsetid('', 13)]
  model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
  onnx.save(model, path)
  return path
