"""Trained networks from loaded variables, checked and placed."""

from collections.abc import Callable, Iterator
import contextlib
import functools
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from magnet_jax import checked, outside
from magnet_jax.models import build, gate, initial
from magnet_jax.models.refiner import HALO, join, refiner_count, split
from magnet_jax.ops import strips
from magnet_jax.refiners import magnet, scale_attention
from magnet_jax.refiners.refiner import Refiner
from magnet_jax.types import (
  ClassTable,
  InputError,
  Meta,
  Network,
  Section,
  Size,
)


def is_gate(refiner: Section) -> bool:
  """Returns whether a refiner's variables are those of scale attention."""
  return 'gate' in refiner.get('params', {})


def segmenter(
  variables: Section, meta: Meta, num_classes: int, name: str
) -> Network:
  """Returns the segmenter with its variables, checked and placed."""
  with building(name, 'segmenter'):
    module = _segmenter(meta, num_classes)
    # Jitted, so that all steps that contain it trace it once.
    apply = jax.jit(
      initial.weights_given(module.apply),
      static_argnames=('features', 'decided'),
    )
    given = variables['segmenter']
    wanted = given
    gated = is_gate(variables.get('refiner', {}))
    if not _fits(apply, given, meta, num_classes, gated):  # to say why
      wanted = build.shapes(module, (64, 64), num_classes)
  check(name, 'segmenter', variables, wanted)
  # Placed once, so that all cascades of this model share the same copy.
  placed = jax.device_put(given)
  return jax.tree_util.Partial(_one_trace(apply) if gated else apply, placed)


def _one_trace(apply: Callable[..., Any]) -> Callable[..., Any]:
  """Lets steps without features use what is traced for those with them.

  The compiler leaves out what is not used.
  """

  @functools.wraps(apply)
  def run(
    variables: Section, images: jax.Array, *, features: bool = False
  ) -> Any:
    found = apply(variables, images, features=True)
    return found if features else found[0]

  return run


def module_of(network: object) -> nn.Module | None:
  """Returns the module of Partial(module.apply, variables); else None."""
  function = getattr(network, 'func', None)
  while function is not None:
    found = getattr(function, '__self__', None)
    if isinstance(found, nn.Module):
      return found
    function = getattr(function, '__wrapped__', None)
  return None


def _fits(
  apply: Any, variables: Section, meta: Meta, num_classes: int, gated: bool
) -> bool:
  """Whether a network runs with its variables and needs all of them.

  What is traced is what steps use later; `build.shapes` would trace what makes
  the variables as well, which takes twice as long.
  """
  try:
    height, width = meta.section('plan')['network']
    images = jax.ShapeDtypeStruct((1, height, width, 3), jnp.float32)
    if gated:
      traced = apply.trace(variables, images, features=True)
      found, _ = traced.out_info
    else:
      traced = apply.trace(variables, images)
      found = traced.out_info
    leaves = jax.tree.leaves(found)
  # Flax has an error of its own for each way of not fitting.
  except Exception:
    return False
  jaxpr = traced.jaxpr.jaxpr
  read = {id(x) for equation in jaxpr.eqns for x in equation.invars}
  all_read = all(id(x) in read for x in jaxpr.invars)
  wanted = (1, height, width, num_classes)
  return all_read and [leaf.shape for leaf in leaves] == [wanted]


def _segmenter(meta: Meta, num_classes: int) -> nn.Module:
  """Builds the segmenter that a config describes."""
  make = functools.partial(build.segmenter, num_classes=num_classes)
  return checked.call(make, meta.section('segmenter'), 'segmenter')


def refiners(
  variables: Section,
  meta: Meta,
  num_classes: int,
  name: str,
  segmenter: Network | None = None,
) -> tuple[Refiner, ...]:
  """Returns the refiners of stages 1, 2, …, if there are any.

  Args:
    variables: with those of the refiners.
    meta: of the networks.
    num_classes: C.
    name: used in messages.
    segmenter: of the same variables, if it has been made: whose features a gate
      sees.
  """
  if 'refiner' not in variables:
    return ()
  if is_gate(variables['refiner']):
    return (_attention(variables, meta, num_classes, name, segmenter),)
  with building(name, 'refiner'):
    number, wanted = refiner_count(meta.section('refiner'))
    make = functools.partial(build.refinement, num_classes=num_classes)
    module = checked.call(make, wanted, 'refiner')
    maps = np.zeros((1, 8, 8, num_classes), np.float32)
    each = initial.shapes(module.init, scale=maps, coarse=maps)
    shapes = join([each] * number)
  check(name, 'refiner', variables, shapes)
  apply = strips.InStrips(initial.weights_given(module.apply), halo=HALO)
  placed = jax.device_put(variables['refiner'])
  return tuple(
    magnet.refiner(jax.tree_util.Partial(apply, each))
    for each in split(placed, number)
  )


def _attention(
  variables: Section,
  meta: Meta,
  num_classes: int,
  name: str,
  segmenter: Network | None,
) -> Refiner:
  """Returns the refiner of a gate on the segmenter's features."""
  with building(name, 'segmenter'):
    height, width = meta.section('plan')['network']
    size = (height, width)
    fused = None if segmenter is None else _fused(segmenter, size)
    if fused is None:  # says why
      network = _segmenter(meta, num_classes)
      module, init = gate.make_gate(network, size, num_classes)
    else:
      module, init = gate.of_features(fused, size, num_classes)
  shapes = initial.shapes(init)
  check(name, 'refiner', variables, {'params': {'gate': shapes['params']}})
  given = variables['refiner']['params']['gate']
  placed = jax.device_put({'params': given})
  apply = initial.weights_given(module.apply)
  return scale_attention.refiner(jax.tree_util.Partial(apply, placed))


def _fused(segmenter: Network, size: Size) -> jax.ShapeDtypeStruct | None:
  """The features that a gate sees, None if there are none of the right kind.

  Traced as the steps call it, which is done once; a module that is initialised
  would be traced again, and what draws its weights as well.
  """
  images = jax.ShapeDtypeStruct((1, *size, 3), jnp.float32)
  run = functools.partial(segmenter, features=True)
  try:
    _, found = jax.eval_shape(run, images)
    fused: jax.ShapeDtypeStruct = found['fused']
  # Anything may be raised in a network of the user's own.
  except Exception:
    return None
  return fused if fused.ndim == 4 else None


def class_table(meta: Meta) -> ClassTable:
  """Returns the classes that networks were trained for.

  Raises:
    InputError: the metadata has none, like that of a trunk.
  """
  if meta.classes is None:
    raise InputError(
      'meta.classes is missing: networks need the names and colours of their '
      'classes; use a whole checkpoint or export the model again from its run'
    )
  return meta.classes


@contextlib.contextmanager
def building(name: str, network: str) -> Iterator[None]:
  """Turns whatever settings of a network raise into one line."""
  # Modules do not check their settings for types and ranges.
  with (
    outside.reading(
      name,
      f'config.{network} builds no network',
      'use the config that it was trained with',
    ),
    checked.named(name),
  ):
    yield


def check(
  name: str,
  network: str,
  variables: Section,
  wanted: object,
) -> None:
  """Checks that variables have the shapes of a network and are finite."""
  shapes = {
    jax.tree_util.keystr(path): leaf.shape
    for path, leaf in jax.tree_util.tree_leaves_with_path(wanted)
  }
  found = {
    jax.tree_util.keystr(path): np.asarray(leaf)
    for path, leaf in jax.tree_util.tree_leaves_with_path(variables[network])
  }
  for key in sorted(shapes.keys() ^ found.keys()):
    where = 'missing' if key in shapes else 'unknown'
    raise InputError(
      f'{name}: {network}{key} is {where}: the variables must be those of the '
      "checkpoint's config; export it again from its run"
    )
  for key, leaf in found.items():
    if leaf.shape != shapes[key]:
      raise InputError(
        f'{name}: {network}{key} has shape {leaf.shape}, but the '
        f'config needs {shapes[key]}; use the config it was trained with'
      )
    if not jnp.issubdtype(leaf.dtype, jnp.floating):
      raise InputError(
        f'{name}: {network}{key} is of {leaf.dtype}: weights must be '
        'floating-point numbers; export it again from its run'
      )
    if not np.isfinite(leaf).all():
      raise InputError(
        f'{name}: {network}{key} holds NaN or infinity: weights must be '
        'finite; use an earlier checkpoint'
      )
