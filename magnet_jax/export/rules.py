"""Which nodes compute which of JAX's operations: values and shapes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from onnx import helper

from magnet_jax.export import spatial
from magnet_jax.export.graph import (
  Const,
  Graph,
  Shape,
  Tensor,
  Value,
  in_places,
  place,
)

Rule = Callable[..., Value]
_END = 2**62  # of an axis


def placed(value: Value, parameters: Any) -> Const:
  """A constant with axes of length 1 put in, not yet repeated."""
  assert isinstance(value, Const)
  return Const(value.array.reshape(_placed(value.array.shape, parameters)))


def _placed(shape: Shape, parameters: Any) -> Shape:
  found = [1] * len(parameters['shape'])
  for axis, where in enumerate(parameters['broadcast_dimensions']):
    found[where] = shape[axis]
  return tuple(found)


def repeated(graph: Graph, value: Value, shape: Shape) -> Value:
  """Makes a value as large as its variable."""
  if isinstance(value, Const):
    return Const(np.broadcast_to(value.array, shape))
  if value.flat or value.shape == shape:
    return value
  # Where nothing is repeated, the size may be open.
  sizes = [
    1 if have == want else want
    for have, want in zip(value.shape, shape, strict=True)
  ]
  given = graph.integers(*in_places(sizes, len(sizes)))
  return graph.add('Expand', value, given, shape=shape)


def _elementwise(kind: str) -> Rule:
  def rule(graph: Graph, equation: Any, *given: Value) -> Tensor:
    return _each(graph, kind, *given)

  return rule


def _each(graph: Graph, kind: str, *given: Value) -> Tensor:
  """A node whose inputs are repeated as in NumPy."""
  shapes = [_shape(value) for value in given]
  inputs = [_scalar(value) for value in given]
  return graph.add(kind, *inputs, shape=np.broadcast_shapes(*shapes))


def _shape(value: Value) -> Shape:
  return value.array.shape if isinstance(value, Const) else value.shape


def _scalar(value: Value) -> Value:
  if isinstance(value, Const) and value.array.size == 1:
    return Const(value.array.reshape(()))
  return value


def _largest(graph: Graph, equation: Any, a: Value, b: Value) -> Tensor:
  for one, other in ((a, b), (b, a)):
    if isinstance(one, Const) and not one.array.any():
      return _each(graph, 'Relu', other)
  return _each(graph, 'Max', a, b)


def _rsqrt(graph: Graph, equation: Any, x: Value) -> Tensor:
  return _each(graph, 'Reciprocal', _each(graph, 'Sqrt', x))


def _square(graph: Graph, equation: Any, x: Value) -> Tensor:
  return _each(graph, 'Mul', x, x)


def _power(graph: Graph, equation: Any, x: Value) -> Tensor:
  exponent = np.asarray(equation.params['y'], np.float32)
  return _each(graph, 'Pow', x, Const(exponent))


def _select(graph: Graph, equation: Any, which: Value, *cases: Value) -> Tensor:
  no, yes = cases
  return _each(graph, 'Where', which, yes, no)


def _cast(graph: Graph, equation: Any, x: Value) -> Value:
  before = equation.invars[0].aval.dtype
  after = equation.params['new_dtype']
  if before == after:
    return x
  return graph.add(
    'Cast', x, shape=_shape(x), to=helper.np_dtype_to_tensor_dtype(after)
  )


def _same(graph: Graph, equation: Any, x: Value) -> Value:
  return x


def _reduction(kind: str) -> Rule:
  def rule(graph: Graph, equation: Any, x: Tensor) -> Tensor:
    rank, axes = len(x.shape), equation.params['axes']
    shape = equation.outvars[0].aval.shape
    kept = tuple(1 if i in axes else n for i, n in enumerate(x.shape))
    at = graph.integers(*(place(axis, rank) for axis in axes))
    found = graph.add(kind, x, at, shape=kept, keepdims=1)
    return reshaped(graph, found, shape)

  return rule


def _broadcast(graph: Graph, equation: Any, x: Tensor) -> Tensor:
  return reshaped(graph, x, _placed(x.shape, equation.params))


def _reshape(graph: Graph, equation: Any, x: Tensor) -> Tensor:
  shape = equation.params['new_sizes']
  rows = len(shape) == 2 and shape[-1] == x.shape[-1]
  if len(x.shape) == 4 and rows and not x.flat:
    return Tensor(x.name, x.shape, flat=True)
  if x.flat and shape == x.shape:
    return Tensor(x.name, x.shape)
  return reshaped(graph, x, shape)


def _squeeze(graph: Graph, equation: Any, x: Tensor) -> Tensor:
  return reshaped(graph, x, equation.outvars[0].aval.shape)


def reshaped(graph: Graph, x: Tensor, shape: Shape) -> Tensor:
  """Reshapes; the first axis stays that of the batch."""
  if x.shape == shape:
    return x
  # An axis of channels more or less, whatever the size, which may be open.
  if x.shape == (*shape, 1) and len(shape) == 3:
    return graph.add('Squeeze', x, graph.integers(1), shape=shape)
  if shape == (*x.shape, 1) and len(x.shape) == 3:
    return graph.add('Unsqueeze', x, graph.integers(1), shape=shape)
  if len(x.shape) == 4:
    x = Tensor(graph.node('Transpose', graph.named(x), perm=[0, 2, 3, 1]), ())
  sizes = graph.integers(0, *shape[1:])
  if len(shape) != 4:
    return graph.add('Reshape', x, sizes, shape=shape)
  found = graph.node('Reshape', x.name, sizes)
  return graph.add('Transpose', found, shape=shape, perm=[0, 3, 1, 2])


def _transpose(graph: Graph, equation: Any, x: Tensor) -> Tensor:
  order, rank = equation.params['permutation'], len(x.shape)
  shape = tuple(x.shape[axis] for axis in order)
  perm = in_places([place(axis, rank) for axis in order], rank)
  return graph.add('Transpose', x, shape=shape, perm=perm)


def _concatenate(graph: Graph, equation: Any, *parts: Value) -> Tensor:
  shape = equation.outvars[0].aval.shape
  axis = place(equation.params['dimension'], len(shape))
  return graph.add('Concat', *parts, shape=shape, axis=axis)


def _slice(graph: Graph, equation: Any, x: Tensor) -> Tensor:
  p, rank = equation.params, len(x.shape)
  steps = p['strides'] or (1,) * rank
  cut = [
    # To the end, wherever that is: the size may be open.
    (first, _END if last == x.shape[axis] else last, place(axis, rank), step)
    for axis, (first, last, step) in enumerate(
      zip(p['start_indices'], p['limit_indices'], steps, strict=True)
    )
    if (first, last, step) != (0, x.shape[axis], 1)
  ]
  if not cut:
    return x
  bounds = [graph.integers(*each) for each in zip(*cut, strict=True)]
  return graph.add('Slice', x, *bounds, shape=equation.outvars[0].aval.shape)


def _pad(graph: Graph, equation: Any, x: Tensor, value: Const) -> Tensor:
  margins = equation.params['padding_config']
  rank = len(x.shape)
  edges = [
    number
    for side in (0, 1)
    for number in in_places([margin[side] for margin in margins], rank)
  ]
  shape = equation.outvars[0].aval.shape
  filling = graph.constant(value.array.reshape(()))
  return graph.add('Pad', x, graph.integers(*edges), filling, shape=shape)


RULES: dict[str, Rule] = {
  **{
    name: _elementwise(kind)
    for name, kind in {
      'add': 'Add',
      'add_any': 'Add',
      'sub': 'Sub',
      'mul': 'Mul',
      'div': 'Div',
      'min': 'Min',
      'exp': 'Exp',
      'log': 'Log',
      'neg': 'Neg',
      'abs': 'Abs',
      'sqrt': 'Sqrt',
      'tanh': 'Tanh',
      'erf': 'Erf',
      'logistic': 'Sigmoid',
      'ge': 'GreaterOrEqual',
      'gt': 'Greater',
      'le': 'LessOrEqual',
      'lt': 'Less',
    }.items()
  },
  'max': _largest,
  'rsqrt': _rsqrt,
  'square': _square,
  'integer_pow': _power,
  'select_n': _select,
  'convert_element_type': _cast,
  'copy': _same,
  'stop_gradient': _same,
  'reduce_sum': _reduction('ReduceSum'),
  'reduce_max': _reduction('ReduceMax'),
  'reduce_min': _reduction('ReduceMin'),
  'broadcast_in_dim': _broadcast,
  'reshape': _reshape,
  'squeeze': _squeeze,
  'transpose': _transpose,
  'concatenate': _concatenate,
  'slice': _slice,
  'pad': _pad,
  'conv_general_dilated': spatial.convolution,
  'dot_general': spatial.product,
  'reduce_window_max': spatial.max_pool,
}
# Those whose inputs must be as large as their variables say.
EXACT = frozenset(
  {
    'reduce_sum',
    'concatenate',
    'slice',
    'pad',
    'reshape',
    'transpose',
    'conv_general_dilated',
    'dot_general',
    'reduce_window_max',
  }
)
