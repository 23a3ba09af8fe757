"""The networks of a model as functions of arrays, to be exported."""

from __future__ import annotations

from collections.abc import Callable, Mapping
import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from magnet_jax.cascade.host_segmenter import HostSegmenter
from magnet_jax.ops import normalise, strips
from magnet_jax.predict.model import Model
from magnet_jax.refiners.refiner import Refiner
from magnet_jax.scenes import generator
from magnet_jax.types import InputError, Network, Size


@dataclasses.dataclass(frozen=True)
class Part:
  """A network of a model.

  Attributes:
    name: of the file that it becomes, without suffix.
    function: of as many arrays as `inputs` -> as many as `outputs`, or one.
    inputs: their shapes, [1,h,w,C], and types, by name.
    outputs: names of the results, float32 [1,h,w,C].
  """

  name: str
  function: Callable[..., Any]
  inputs: Mapping[str, jax.ShapeDtypeStruct]
  outputs: tuple[str, ...]


def parts(model: Model, size: Size, *, pixels: bool) -> list[Part]:
  """Returns the segmenter and the refiners of a model.

  Args:
    model: the networks.
    size: (h, w) of their inputs.
    pixels: whether the segmenter takes uint8, and normalises it.

  Raises:
    InputError: the segmenter is not one of JAX.
  """
  gated = any('features' in each.needs for each in model.refiners)
  first = segmenter(model.segmenter, size, pixels=pixels, features=gated)
  count = len(model.classes)
  if gated:
    return [first, *(gate(each, first, count) for each in model.refiners)]
  several = len(model.refiners) > 1
  return [
    first,
    *(
      refiner(each, size, count, name=f'refiner{number}' if several else '')
      for number, each in enumerate(model.refiners, start=1)
    ),
  ]


def segmenter(
  network: Network | HostSegmenter, size: Size, *, pixels: bool, features: bool
) -> Part:
  """Returns a segmenter as a part.

  Args:
    network: normalised images [B,h,w,3] -> logits [B,h,w,C].
    size: as for `parts`.
    pixels: as for `parts`.
    features: whether its features are results, too.

  Raises:
    InputError: it is not one of JAX.
  """
  if isinstance(network, HostSegmenter):
    raise InputError(
      f'{network.name}: is a function of NumPy arrays, which only its own '
      'program can export; give a checkpoint'
    )
  images = jax.ShapeDtypeStruct(
    (1, *size, 3), jnp.uint8 if pixels else jnp.float32
  )
  names: tuple[str, ...] = ()
  if features:
    normal = jax.ShapeDtypeStruct(images.shape, jnp.float32)
    shown = functools.partial(network, features=True)
    names = tuple(sorted(jax.eval_shape(shown, normal)[1]))

  def function(given: jax.Array) -> Any:
    seen = normalise.normalise(given) if pixels else given
    if not names:
      return network(seen)
    logits, found = network(seen, features=True)
    return logits, *(found[name] for name in names)

  return Part('segmenter', function, {'images': images}, ('logits', *names))


def refiner(each: Refiner, size: Size, count: int, *, name: str = '') -> Part:
  """Returns a trained refiner of C = `count` classes as a part."""
  maps = jax.ShapeDtypeStruct((1, *size, count), jnp.float32)
  inputs = {'scale': maps, 'coarse': maps}
  network = each.variables
  if isinstance(network.func, strips.InStrips):
    # Other programs have their own ways of saving memory.
    network = jax.tree_util.Partial(network.func.apply, *network.args)

  def function(scale: jax.Array, coarse: jax.Array) -> jax.Array:
    found: jax.Array = network(scale=scale, coarse=coarse)
    return found

  return Part(name or 'refiner', function, inputs, ('logits',))


def gate(each: Refiner, first: Part, count: int) -> Part:
  """Returns the gate of a `scale_attention` refiner as a part.

  Its result, [B,h,w,1], is the logit of the coarse map's share.

  Args:
    each: the refiner.
    first: the segmenter, whose features it sees.
    count: C.
  """
  (images,) = first.inputs.values()
  names = first.outputs[1:]
  _, *seen = jax.eval_shape(first.function, images)
  maps = jax.ShapeDtypeStruct((*images.shape[:3], count), jnp.float32)
  inputs = {
    **dict(zip(names, seen, strict=True)),
    'scale': maps,
    'coarse': maps,
  }

  def function(*given: jax.Array) -> jax.Array:
    *features, scale, coarse = given
    shown = dict(zip(names, features, strict=True))
    found: jax.Array = each.variables(shown, scale=scale, coarse=coarse)
    return found[..., None]

  return Part('gate', function, inputs, ('logits',))


def of_size(part: Part, size: Size) -> Part:
  """Returns a part for inputs of another size; not for gates."""
  inputs = {
    name: jax.ShapeDtypeStruct((1, *size, struct.shape[3]), struct.dtype)
    for name, struct in part.inputs.items()
  }
  return dataclasses.replace(part, inputs=inputs)


def example(part: Part, batch: int) -> list[np.ndarray]:
  """Makes inputs of a part: generated scenes, and maps that sum to 1."""
  rng = np.random.default_rng(0)
  return [
    _example(name, (batch, *struct.shape[1:]), struct.dtype, rng)
    for name, struct in part.inputs.items()
  ]


def _example(
  name: str,
  shape: tuple[int, ...],
  dtype: np.dtype,
  rng: np.random.Generator,
) -> np.ndarray:
  if name == 'images':
    batch, height, width, _ = shape
    pixels = np.stack(
      [generator.generate(i, (height, width)).image for i in range(batch)]
    )
    if dtype == np.uint8:
      return pixels
    return np.asarray(normalise.normalise(jnp.asarray(pixels)))
  values = rng.standard_normal(shape, np.float32)
  if name in ('scale', 'coarse'):
    return np.asarray(jax.nn.softmax(values))
  return values
