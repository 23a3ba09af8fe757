"""From a function of JAX to an ONNX graph: its jaxpr, equation by equation.

Every network is exported by what JAX traces, so there is no second description
of any. What depends on the weights alone is computed on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.extend import core
import numpy as np

from magnet_jax.export import pooling, rules, shapes, spatial
from magnet_jax.export.graph import Const, Graph, Tensor, Value
from magnet_jax.types import InputError

# Functions of ours that ONNX has as a node or a few, by the names that they are
# jitted under.
_FUNCTIONS: dict[str, Callable[..., Tensor]] = {
  'upsample': spatial.resize_centred,
  'upsample_corners': spatial.resize_cornered,
  'convolve': spatial.depthwise,
  'convolve_tiles': spatial.plain_convolution,
  'mean_pool': pooling.mean_pool,
  '_shrunk': pooling.shrunk,
  '_box_means': pooling.box_means,
  'repeated': pooling.repeat,
}
# Parameters that hold what a call computes.
_CALLED = ('jaxpr', 'call_jaxpr', 'fun_jaxpr')


def trace(
  function: Callable[..., Any], *shapes: jax.ShapeDtypeStruct
) -> core.ClosedJaxpr:
  """Traces a function of arrays, with its weights as constants."""
  traced: core.ClosedJaxpr = jax.make_jaxpr(function)(*shapes)
  return traced


def run(
  graph: Graph, jaxpr: core.ClosedJaxpr, inputs: Sequence[Value]
) -> list[Value]:
  """Adds the nodes that compute a jaxpr; returns its outputs.

  Raises:
    InputError: it holds an operation that is not known here.
  """
  known: dict[core.Var, Value] = {}
  constants = [Const(np.asarray(each)) for each in jaxpr.consts]
  variables = [*jaxpr.jaxpr.constvars, *jaxpr.jaxpr.invars]
  known.update(zip(variables, [*constants, *inputs], strict=True))

  def read(atom: Any) -> Value:
    if isinstance(atom, core.Literal):
      return Const(np.asarray(atom.val))
    return known[atom]

  for equation in jaxpr.jaxpr.eqns:
    given = [read(atom) for atom in equation.invars]
    outputs = _equation(graph, equation, given)
    known.update(zip(equation.outvars, outputs, strict=True))
  return [read(atom) for atom in jaxpr.jaxpr.outvars]


def _equation(
  graph: Graph, equation: Any, given: list[Value]
) -> Sequence[Value]:
  name, parameters = equation.primitive.name, equation.params
  constant = all(isinstance(value, Const) for value in given)
  if not constant and parameters.get('name') in _FUNCTIONS:
    rule = _FUNCTIONS[parameters['name']]
    return [rule(graph, *given, shape=equation.outvars[0].aval.shape)]
  called, given = _called(equation, given)
  if called is not None:
    return run(graph, called, given)
  if constant and name == 'broadcast_in_dim':
    return [shapes.placed(given[0], parameters)]
  if constant:
    return _computed(equation, given)
  if name == 'optimization_barrier':
    return given
  if name not in rules.RULES:
    raise InputError(
      f'export: the network computes {name}, which cannot be written as ONNX '
      'here; it can be exported as StableHLO'
    )
  if name in rules.EXACT:
    given = [
      shapes.repeated(graph, value, atom.aval.shape)
      for value, atom in zip(given, equation.invars, strict=True)
    ]
  return [rules.RULES[name](graph, equation, *given)]


def _called(
  equation: Any, given: list[Value]
) -> tuple[core.ClosedJaxpr | None, list[Value]]:
  """Returns what an equation calls, if it does, and its arguments."""
  parameters = equation.params
  if parameters.get('branches_platforms'):
    # Of one branch per platform, after the number of its own: other programs
    # are given the plain one, of all that have none.
    place = parameters['branches_platforms'].index(None)
    return parameters['branches'][place], given[1:]
  for key in _CALLED:
    if key in parameters:
      called = parameters[key]
      if not isinstance(called, core.ClosedJaxpr):
        called = core.ClosedJaxpr(called, ())
      return called, given
  return None, given


def _computed(equation: Any, given: Sequence[Value]) -> list[Value]:
  """Computes what depends on the weights alone."""
  arrays = [
    jax.numpy.asarray(np.broadcast_to(value.array, atom.aval.shape))
    for value, atom in zip(given, equation.invars, strict=True)
    if isinstance(value, Const)
  ]
  found = equation.primitive.bind(*arrays, **equation.params)
  several = equation.primitive.multiple_results
  return [Const(np.asarray(each)) for each in (found if several else [found])]
