"""Which nodes compute our means over parts and boxes, and repeat pixels."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from magnet_jax.export.graph import Const, Graph, Shape, Tensor, Value
from magnet_jax.ops import part_means
from magnet_jax.types import InputError


def mean_pool(graph: Graph, x: Value, *, shape: Shape) -> Tensor:
  """`part_means.mean_pool`: as many parts as an image before, or a number."""
  assert isinstance(x, Tensor)
  (height, width), (rows, columns) = x.shape[1:3], shape[1:3]
  if (height, width) == (rows, columns):
    return x
  if (rows, columns) == (1, 1):
    axes = graph.integers(2, 3)
    return graph.add('ReduceMean', x, axes, shape=shape, keepdims=1)
  if graph.free_size:
    counts = graph.followed((rows, columns)) or graph.integers(rows, columns)
    return _open_parts(graph, x, counts, shape)
  if not height % rows and not width % columns:
    sides = [height // rows, width // columns]
    return graph.add(
      'AveragePool', x, shape=shape, kernel_shape=sides, strides=sides
    )
  down, across = (
    graph.constant(part_means.weights(*each))
    for each in ((height, rows), (width, columns))
  )
  return _weighed(graph, x, down, across, shape)


def shrunk(graph: Graph, x: Value, by: Value, *, shape: Shape) -> Tensor:
  """`part_means.shrunk`."""
  assert isinstance(x, Tensor) and isinstance(by, Const)
  side = by.array.item()
  if side == 1 or not graph.free_size:
    return mean_pool(graph, x, shape=shape)
  upper = graph.node('Add', graph.size_of(x), graph.integers(side - 1))
  counts = graph.node('Div', upper, graph.integers(side))
  return _open_parts(graph, x, counts, shape)


def _open_parts(graph: Graph, x: Tensor, counts: str, shape: Shape) -> Tensor:
  """Means over parts whose numbers, int64 [2], are known when it runs."""
  sides = graph.size_of(x)
  down, across = (
    _weights(graph, graph.part(sides, i, i + 1), graph.part(counts, i, i + 1))
    for i in (0, 1)
  )
  return _weighed(graph, x, down, across, shape)


def _weights(graph: Graph, length: str, count: str) -> str:
  """`part_means.weights` of an axis whose length and count are int64 [1]."""
  parts = graph.node('Unsqueeze', _range(graph, count), graph.integers(1))
  places = _range(graph, length)
  one = graph.integers(1)
  starts = graph.node('Div', graph.node('Mul', parts, length), count)
  after = graph.node('Mul', graph.node('Add', parts, one), length)
  upper = graph.node('Add', after, graph.node('Sub', count, one))
  ends = graph.node('Div', upper, count)
  inside = graph.node(
    'And',
    graph.node('GreaterOrEqual', places, starts),
    graph.node('Less', places, ends),
  )
  widths = graph.node('Sub', ends, starts)
  share, number = (
    graph.node('Cast', each, to=TensorProto.FLOAT) for each in (inside, widths)
  )
  return graph.node('Div', share, number)


def _range(graph: Graph, count: str) -> str:
  """The numbers below one that is given as int64 [1]."""
  zero, one = (graph.constant(np.array(n, np.int64)) for n in (0, 1))
  end = graph.node('Squeeze', count, graph.integers(0))
  return graph.node('Range', zero, end, one)


def _weighed(
  graph: Graph, x: Tensor, down: str, across: str, shape: Shape
) -> Tensor:
  """Multiplies columns and rows by weights, float32 [m,W] and [n,H]."""
  turned = graph.node('Transpose', across, perm=[1, 0])
  narrow = graph.node('MatMul', graph.named(x), turned)
  return graph.add('MatMul', down, Tensor(narrow, ()), shape=shape)


def box_means(graph: Graph, x: Value, radius: Value, *, shape: Shape) -> Tensor:
  """`box_means.box_means`."""
  assert isinstance(x, Tensor) and isinstance(radius, Const)
  reach = radius.array.item()
  if not reach:
    return x
  return graph.add(
    'AveragePool',
    x,
    shape=shape,
    kernel_shape=[2 * reach + 1] * 2,
    pads=[reach] * 4,
    count_include_pad=0,
  )


def repeat(graph: Graph, x: Value, *, shape: Shape) -> Tensor:
  """`resize.repeated`."""
  assert isinstance(x, Tensor)
  size = (shape[1], shape[2])
  if x.shape[1:3] == size:
    return x
  times = [-(-n // m) for n, m in zip(size, x.shape[1:3], strict=True)]
  # Of what is halved, rounding up; a longer step may differ in small images.
  if graph.free_size and times != [2, 2]:
    raise InputError(
      'export: pixels inside the network are repeated other than 2 times, '
      'which cannot follow the size of its input; export it with a fixed size'
    )
  scales = graph.constant(np.array([1, 1, *times], np.float32))
  larger = graph.node(
    'Resize',
    graph.named(x),
    '',
    scales,
    mode='nearest',
    coordinate_transformation_mode='asymmetric',
    nearest_mode='floor',
  )
  starts, ends = graph.integers(0, 0), graph.size(size, x)
  return graph.add(
    'Slice',
    Tensor(larger, ()),
    starts,
    ends,
    graph.integers(2, 3),
    shape=shape,
  )
