"""Which nodes compute which of JAX's operations: convolutions and the like."""

from __future__ import annotations

from collections.abc import Sequence
import string
from typing import Any

import numpy as np

from magnet_jax.export.graph import (
  Const,
  Graph,
  Shape,
  Tensor,
  Value,
  in_places,
)
from magnet_jax.ops import depthwise as depthwise_ops
from magnet_jax.types import InputError

_IMAGES = ((0, 3, 1, 2), (3, 2, 0, 1), (0, 3, 1, 2))  # NHWC, HWIO, NHWC
Margins = Sequence[tuple[int, int]]


def convolution(graph: Graph, equation: Any, x: Value, kernel: Value) -> Tensor:
  """A convolution of images [B,H,W,C] by a kernel [k,k,C,C']."""
  p = equation.params
  numbers = p['dimension_numbers']
  plain = (numbers.lhs_spec, numbers.rhs_spec, numbers.out_spec) == _IMAGES
  if (
    not plain
    or not isinstance(kernel, Const)
    or {*p['lhs_dilation']} != {1}
    or p['batch_group_count'] != 1
  ):
    raise InputError(
      'export: the network has a convolution that is transposed, or not of '
      'images [B,H,W,C] by weights; it can be exported as StableHLO'
    )
  return _convolved(
    graph,
    x,
    kernel.array,
    p['window_strides'],
    p['padding'],
    dilation=p['rhs_dilation'],
    groups=p['feature_group_count'],
    shape=equation.outvars[0].aval.shape,
  )


def _convolved(
  graph: Graph,
  x: Value,
  kernel: np.ndarray,
  strides: Sequence[int],
  margins: Margins,
  *,
  dilation: Sequence[int] = (1, 1),
  groups: int = 1,
  shape: Shape,
) -> Tensor:
  assert isinstance(x, Tensor)
  sides = kernel.shape[:2]
  weights = graph.constant(kernel.transpose(3, 2, 0, 1).astype(np.float32))
  return graph.add(
    'Conv',
    x,
    weights,
    shape=shape,
    kernel_shape=[*sides],
    strides=[*strides],
    dilations=[*dilation],
    group=groups,
    **_margins(graph, x.shape[1:3], sides, strides, margins),
  )


def _margins(
  graph: Graph,
  size: Shape,
  sides: Sequence[int],
  strides: Sequence[int],
  margins: Margins,
) -> dict[str, Any]:
  """Attributes of a padding, which may depend on the images' size."""
  given = [tuple(margin) for margin in margins]
  if graph.free_size and max(strides) > 1:
    # Of an even height and an odd width, only TensorFlow's padding has these.
    same = [
      depthwise_ops.margins(*each)
      for each in zip(size, sides, strides, strict=True)
    ]
    if given == same:
      return {'auto_pad': 'SAME_UPPER'}
  return {'pads': [margin[side] for side in (0, 1) for margin in given]}


def depthwise(graph: Graph, x: Value, kernel: Value, *, shape: Shape) -> Tensor:
  """`depthwise.convolve`."""
  assert isinstance(x, Tensor) and isinstance(kernel, Const)
  side = kernel.array.shape[0]
  strides = [-(-n // m) for n, m in zip(x.shape[1:3], shape[1:3], strict=True)]
  margins = [
    depthwise_ops.margins(n, side, stride)
    for n, stride in zip(x.shape[1:3], strides, strict=True)
  ]
  return _convolved(
    graph, x, kernel.array, strides, margins, groups=shape[-1], shape=shape
  )


def plain_convolution(
  graph: Graph, x: Value, kernel: Value, *, shape: Shape
) -> Tensor:
  """`winograd.convolve_tiles`."""
  assert isinstance(kernel, Const)
  margins = [(1, 1), (1, 1)]
  return _convolved(graph, x, kernel.array, (1, 1), margins, shape=shape)


def max_pool(graph: Graph, equation: Any, x: Tensor) -> Tensor:
  """The largest of each window."""
  p = equation.params
  sides, strides = p['window_dimensions'][1:3], p['window_strides'][1:3]
  dilated = {*p['base_dilation'], *p['window_dilation']} != {1}
  if len(x.shape) != 4 or p['window_dimensions'][3] != 1 or dilated:
    raise InputError(
      'export: the network has a pooling that is not one of images [B,H,W,C]; '
      'it can be exported as StableHLO'
    )
  return graph.add(
    'MaxPool',
    x,
    shape=equation.outvars[0].aval.shape,
    kernel_shape=[*sides],
    strides=[*strides],
    **_margins(graph, x.shape[1:3], sides, strides, p['padding'][1:3]),
  )


def product(graph: Graph, equation: Any, a: Value, b: Value) -> Tensor:
  """A product: by weights, a 1x1 convolution, else a sum over axes."""
  (left, right), (left_batch, right_batch) = equation.params[
    'dimension_numbers'
  ]
  shape = equation.outvars[0].aval.shape
  of_pixels = isinstance(a, Tensor) and len(a.shape) == 4
  if of_pixels and isinstance(b, Const) and b.array.ndim == 2:
    assert isinstance(a, Tensor)
    if (left, right) == (((1 if a.flat else 3),), (0,)):
      kernel = b.array[None, None]
      size = (*a.shape[:3], kernel.shape[-1])
      source = Tensor(a.name, a.shape)
      margins = [(0, 0), (0, 0)]
      found = _convolved(graph, source, kernel, (1, 1), margins, shape=size)
      return Tensor(found.name, size, flat=a.flat)
  letters = iter(string.ascii_lowercase)
  ranks = [len(_shape(value)) for value in (a, b)]
  of_a = [next(letters) for _ in range(ranks[0])]
  of_b = [next(letters) for _ in range(ranks[1])]
  for i, j in zip((*left, *left_batch), (*right, *right_batch), strict=True):
    of_b[j] = of_a[i]
  result = [of_a[i] for i in left_batch]
  result += [x for i, x in enumerate(of_a) if i not in (*left, *left_batch)]
  result += [x for i, x in enumerate(of_b) if i not in (*right, *right_batch)]
  words = [''.join(in_places(word, len(word))) for word in (of_a, of_b, result)]
  text = f'{words[0]},{words[1]}->{words[2]}'
  return graph.add('Einsum', a, b, shape=shape, equation=text)


def _shape(value: Value) -> Shape:
  return value.array.shape if isinstance(value, Const) else value.shape


def resize_centred(graph: Graph, x: Value, *, shape: Shape) -> Tensor:
  """`resize.upsample`."""
  return _resize(graph, x, shape, 'half_pixel')


def resize_cornered(graph: Graph, x: Value, *, shape: Shape) -> Tensor:
  """`resize.upsample_corners`."""
  return _resize(graph, x, shape, 'align_corners')


def _resize(graph: Graph, x: Value, shape: Shape, rule: str) -> Tensor:
  assert isinstance(x, Tensor)
  size = (shape[1], shape[2])
  if x.shape[1:3] == size:
    return x
  return graph.add(
    'Resize',
    x,
    '',
    '',
    graph.sizes(x, size),
    shape=shape,
    mode='linear',
    coordinate_transformation_mode=rule,
  )
