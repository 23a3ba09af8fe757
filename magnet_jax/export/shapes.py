"""Which nodes compute which of JAX's operations: shapes and parts."""

from __future__ import annotations

from typing import Any

import numpy as np

from magnet_jax.export.graph import (
  Const,
  Graph,
  Shape,
  Tensor,
  Value,
  in_places,
  place,
)

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
  if graph.free_size and len(shape) == 4 and sizes[1:3] != [1, 1]:
    size = graph.size((shape[1], shape[2]), value)
    rest = graph.integers(sizes[0], sizes[3])
    given = graph.node('Concat', rest, size, axis=0)
  else:
    given = graph.integers(*in_places(sizes, len(sizes)))
  return graph.add('Expand', value, given, shape=shape)


def broadcast(graph: Graph, equation: Any, x: Tensor) -> Tensor:
  """Puts in axes of length 1, not yet repeated."""
  return reshaped(graph, x, _placed(x.shape, equation.params))


def reshape(graph: Graph, equation: Any, x: Tensor) -> Tensor:
  """Reshapes; to rows of pixels, only if these are needed."""
  shape = equation.params['new_sizes']
  rows = len(shape) == 2 and shape[-1] == x.shape[-1]
  if len(x.shape) == 4 and rows and not x.flat:
    return Tensor(x.name, x.shape, flat=True)
  if x.flat and shape == x.shape:
    return Tensor(x.name, x.shape)
  return reshaped(graph, x, shape)


def squeeze(graph: Graph, equation: Any, x: Tensor) -> Tensor:
  """Takes away axes of length 1."""
  return reshaped(graph, x, equation.outvars[0].aval.shape)


def reshaped(graph: Graph, x: Tensor, shape: Shape) -> Tensor:
  """Reshapes; the first axis stays that of the batch."""
  if x.shape == shape:
    return x
  found = _reshaped(graph, x, shape)
  if x.name in graph.sums:
    graph.sums[found.name] = graph.sums[x.name]
  return found


def _reshaped(graph: Graph, x: Tensor, shape: Shape) -> Tensor:
  # An axis of channels more or less, whatever the size, which may be open.
  if x.shape == (*shape, 1) and len(shape) == 3:
    return graph.add('Squeeze', x, graph.integers(1), shape=shape)
  if shape == (*x.shape, 1) and len(x.shape) == 3:
    return graph.add('Unsqueeze', x, graph.integers(1), shape=shape)
  pairs = [*zip(x.shape, shape, strict=False)]
  # Axes that stay may be open: of the images' batch, of their size.
  stay = next((i for i, (a, b) in enumerate(pairs) if a != b), len(pairs))
  sizes = graph.integers(*[0] * max(1, stay), *shape[max(1, stay) :])
  if len(x.shape) == 4:
    x = Tensor(graph.node('Transpose', graph.named(x), perm=[0, 2, 3, 1]), ())
  if len(shape) != 4:
    return graph.add('Reshape', x, sizes, shape=shape)
  found = graph.node('Reshape', x.name, sizes)
  return graph.add('Transpose', found, shape=shape, perm=[0, 3, 1, 2])


def transpose(graph: Graph, equation: Any, x: Tensor) -> Tensor:
  """Exchanges axes."""
  order, rank = equation.params['permutation'], len(x.shape)
  shape = tuple(x.shape[axis] for axis in order)
  perm = in_places([place(axis, rank) for axis in order], rank)
  return graph.add('Transpose', x, shape=shape, perm=perm)


def concatenate(graph: Graph, equation: Any, *parts: Value) -> Tensor:
  """Lays arrays side by side."""
  shape = equation.outvars[0].aval.shape
  axis = place(equation.params['dimension'], len(shape))
  return graph.add('Concat', *parts, shape=shape, axis=axis)


def stack(graph: Graph, equation: Any, *parts: Value) -> Tensor:
  """Lays arrays side by side along a new axis."""
  shape, axis = equation.outvars[0].aval.shape, equation.params['axis']
  each = (*shape[:axis], 1, *shape[axis + 1 :])
  thin = [
    reshaped(graph, part, each)
    if isinstance(part, Tensor)
    else Const(part.array.reshape(each))
    for part in parts
  ]
  at = place(axis, len(shape))
  return graph.add('Concat', *thin, shape=shape, axis=at)


def part(graph: Graph, equation: Any, x: Tensor) -> Tensor:
  """Cuts a part out."""
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


def pad(graph: Graph, equation: Any, x: Tensor, value: Const) -> Tensor:
  """Surrounds an array with a number."""
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
