"""Folds what follows a convolution, channel by channel, into its weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import onnx

from magnet_jax.export.graph import Graph

_AFFINE = ('Add', 'Sub', 'Mul')


def fold(graph: Graph, outputs: Sequence[str]) -> None:
  """Folds batch normalisations and biases into the convolutions before them.

  Args:
    graph: changed in place.
    outputs: names that must stay.
  """
  # Who asks for a shape alone may ask the folded result.
  readers = Counter(
    name
    for node in graph.nodes
    if node.op_type != 'Shape'
    for name in node.input
  )
  readers.update(outputs)
  kept: list[onnx.NodeProto] = []
  renamed: dict[str, str] = {}
  makers: dict[str, onnx.NodeProto] = {}  # the convolution behind a name
  for node in graph.nodes:
    before = _before(graph, node, makers)
    if before is None or readers[before.output[0]] > 1:
      kept.append(node)
      if node.op_type == 'Conv':
        makers[node.output[0]] = node
      continue
    _take(graph, before, node)
    renamed[before.output[0]] = node.output[0]
    before.output[0] = node.output[0]
    makers[node.output[0]] = before
  for node in kept:
    if node.op_type == 'Shape':
      while node.input[0] in renamed:
        node.input[0] = renamed[node.input[0]]
  graph.nodes = kept


def _before(
  graph: Graph, node: onnx.NodeProto, makers: dict[str, onnx.NodeProto]
) -> onnx.NodeProto | None:
  """The convolution whose result a node changes channel by channel."""
  if node.op_type not in _AFFINE:
    return None
  first, second = node.input
  if node.op_type != 'Sub' and second in makers:
    first, second = second, first
  if first not in makers or second not in graph.constants:
    return None
  shape = graph.constants[second].shape
  by_channel = not shape or (
    len(shape) == 4 and {*shape[:1], *shape[2:]} == {1}
  )
  return makers[first] if by_channel else None


def _take(
  graph: Graph, convolution: onnx.NodeProto, node: onnx.NodeProto
) -> None:
  """Changes a convolution's weights to do what a node does after it."""
  name = next(each for each in node.input if each in graph.constants)
  number = graph.constants[name].reshape(-1)
  kernel = graph.constants[convolution.input[1]]
  bias = np.zeros(len(kernel), np.float32)
  if len(convolution.input) > 2:
    bias = graph.constants[convolution.input[2]]
  if node.op_type == 'Mul':
    kernel = kernel * number.reshape(-1, 1, 1, 1)
    bias = bias * number
  else:
    bias = bias + (number if node.op_type == 'Add' else -number)
  weights = [graph.constant(kernel), graph.constant(bias)]
  del convolution.input[1:]
  convolution.input.extend(weights)
