"""A network as an ONNX model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
import functools
from typing import Any

import jax
import onnx
from onnx import TensorProto, helper

from magnet_jax.export import folding, walk
from magnet_jax.export.graph import (
  IR,
  OPSET,
  Graph,
  Shape,
  Tensor,
  Value,
  in_places,
)
from magnet_jax.types import InputError

_TYPES = {'float32': TensorProto.FLOAT, 'uint8': TensorProto.UINT8}
Inputs = Mapping[str, jax.ShapeDtypeStruct]


def make(
  function: Callable[..., Any],
  inputs: Inputs,
  outputs: Sequence[str],
  *,
  free_batch: bool = False,
  free_size: bool = False,
  channels: str = 'first',
  metadata: Mapping[str, str] | None = None,
) -> onnx.ModelProto:
  """Exports a function of images.

  Args:
    function: of as many arrays [B,h,w,C] as inputs -> as many as outputs, or a
      single one; its weights are written into the model.
    inputs: their shapes and types by name, in the order of its arguments.
    outputs: names of its results.
    free_batch: whether B is open instead of that of `inputs`.
    free_size: whether h and w are open. Those of `inputs` are then
      `formats.TRACED`.
    channels: 'first' for [B,C,h,w], as usual in ONNX, or 'last'.
    metadata: stored in the model.

  Raises:
    InputError: the function computes what is not known here, or images inside
      it have sizes that cannot follow an open one.
  """
  graph = Graph(free_size=free_size)
  given = [
    graph.input(_first(graph, name, channels), struct.shape)
    for name, struct in inputs.items()
  ]
  found = walk.run(graph, walk.trace(function, *inputs.values()), given)
  results = dict(zip(outputs, map(_result, found), strict=True))
  names = [result.name for result in results.values()]
  graph.keep(names)
  folding.fold(graph, names)
  for name, result in results.items():
    _last(graph, result, name, channels)

  declare = functools.partial(
    _declared,
    like=next(iter(inputs.values())).shape,
    free_batch=free_batch,
    free_size=free_size,
    channels=channels,
  )
  made = helper.make_graph(
    graph.nodes,
    'network',
    [declare(name, x.shape, str(x.dtype)) for name, x in inputs.items()],
    [declare(name, x.shape, 'float32') for name, x in results.items()],
    graph.initializers(),
  )
  model = helper.make_model(
    made,
    opset_imports=[helper.make_opsetid('', OPSET)],
    ir_version=IR,
    producer_name='magnet_jax',
  )
  helper.set_model_props(model, dict(metadata or {}))
  return model


def _first(graph: Graph, name: str, channels: str) -> str:
  """The name of an input once its channels stand first."""
  if channels == 'first':
    return name
  return graph.node('Transpose', name, perm=[0, 3, 1, 2])


def _last(graph: Graph, result: Tensor, name: str, channels: str) -> None:
  """Gives a result its name and its order of channels."""
  kind, turn = 'Identity', {}
  if channels == 'last':
    kind, turn = 'Transpose', {'perm': [0, 2, 3, 1]}
  graph.nodes.append(
    helper.make_node(kind, [result.name], [name], name=name, **turn)
  )


def _result(value: Value) -> Tensor:
  if isinstance(value, Tensor):
    return value
  raise InputError(
    'export: a result of the network does not depend on its input; leave it out'
  )


def _declared(
  name: str,
  shape: Shape,
  dtype: str,
  *,
  like: Shape,
  free_batch: bool,
  free_size: bool,
  channels: str,
) -> onnx.ValueInfoProto:
  """An input or output of the model; open axes have names."""
  batch, *size, count = shape
  axes: list[int | str] = ['batch' if free_batch else batch, *size, count]
  if free_size:
    prefix = '' if shape[1:3] == like[1:3] else f'{name}_'
    axes[1:3] = f'{prefix}height', f'{prefix}width'
  if channels == 'first':
    axes = in_places(axes, 4)
  return helper.make_tensor_value_info(name, _TYPES[dtype], axes)
