"""Which nodes compute which of JAX's operations: values, and the table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from onnx import helper

from magnet_jax.export import shapes, spatial
from magnet_jax.export.graph import (
  Const,
  Graph,
  Shape,
  Sum,
  Tensor,
  Value,
  place,
)

Rule = Callable[..., Value]


def _elementwise(kind: str) -> Rule:
  def rule(graph: Graph, equation: Any, *given: Value) -> Tensor:
    return _each(graph, kind, *given)

  return rule


def _each(graph: Graph, kind: str, *given: Value) -> Tensor:
  """A node whose inputs are repeated as in NumPy."""
  shape = np.broadcast_shapes(*(_shape(value) for value in given))
  return graph.add(kind, *map(_scalar, given), shape=shape)


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
    axes, shape = equation.params['axes'], equation.outvars[0].aval.shape
    return _reduced(graph, kind, x, axes, shape)

  return rule


def _reduced(
  graph: Graph, kind: str, x: Tensor, axes: Shape, shape: Shape
) -> Tensor:
  rank = len(x.shape)
  kept = tuple(1 if i in axes else n for i, n in enumerate(x.shape))
  at = graph.integers(*(place(axis, rank) for axis in axes))
  found = graph.add(kind, x, at, shape=kept, keepdims=1)
  if kind == 'ReduceSum':
    graph.sums[found.name] = Sum(x, axes)
  return shapes.reshaped(graph, found, shape)


def _divide(graph: Graph, equation: Any, a: Value, b: Value) -> Tensor:
  if isinstance(a, Tensor) and isinstance(b, Const) and b.array.size == 1:
    found = graph.sums.get(a.name)
    # The number may be that of all pixels, whose size may be open.
    if found and found.terms == b.array.item():
      return _reduced(graph, 'ReduceMean', *found, a.shape)
  return _each(graph, 'Div', a, b)


RULES: dict[str, Rule] = {
  **{
    name: _elementwise(kind)
    for name, kind in {
      'add': 'Add',
      'add_any': 'Add',
      'sub': 'Sub',
      'mul': 'Mul',
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
  'div': _divide,
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
  'broadcast_in_dim': shapes.broadcast,
  'reshape': shapes.reshape,
  'squeeze': shapes.squeeze,
  'transpose': shapes.transpose,
  'concatenate': shapes.concatenate,
  'stack': shapes.stack,
  'slice': shapes.part,
  'pad': shapes.pad,
  'conv_general_dilated': spatial.convolution,
  'dot_general': spatial.product,
  'reduce_window_max': spatial.max_pool,
}
# Those whose inputs must be as large as their variables say.
EXACT = frozenset(
  {
    'reduce_sum',
    'concatenate',
    'stack',
    'slice',
    'pad',
    'reshape',
    'transpose',
    'conv_general_dilated',
    'dot_general',
    'reduce_window_max',
  }
)
