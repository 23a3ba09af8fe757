"""Networks as functions of arrays, to be exported."""

from __future__ import annotations

from collections.abc import Callable, Mapping
import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from magnet_jax.cascade.host_segmenter import HostSegmenter
from magnet_jax.ops import normalise, resize, strips
from magnet_jax.predict.held import Held
from magnet_jax.refiners.corrector import Call, Corrector, Map
from magnet_jax.refiners.refiner import Refiner, Seen
from magnet_jax.scenes import generator
from magnet_jax.types import InputError, Network, Section, Size

_PART = 16  # pixels of a side of the parts of an example
_LOGITS = 'of the classes'
_FINISHED = 'probabilities of the classes, of the finished map'
_MAPS = {
  'scale': "probabilities of the classes, the segmenter's for the window",
  'coarse': 'probabilities of the classes, of the map so far in the window',
}


@dataclasses.dataclass(frozen=True)
class Part:
  """A network of a model.

  Attributes:
    name: of the file that it becomes, without suffix.
    function: of as many arrays as `inputs` -> as many as `outputs`, or one.
    inputs: their shapes, [1,h,w,C], and types, by name.
    outputs: names of the results, float32 [1,h,w,C].
    about: what inputs and outputs are, by name.
    facts: what else a reader must know, as JSON writes it.
  """

  name: str
  function: Callable[..., Any]
  inputs: Mapping[str, jax.ShapeDtypeStruct]
  outputs: tuple[str, ...]
  about: Mapping[str, str]
  facts: Mapping[str, object] = dataclasses.field(default_factory=dict)


def parts(held: Held, size: Size, *, pixels: bool) -> list[Part]:
  """Returns all networks of a checkpoint.

  Args:
    held: the networks.
    size: (h, w) of their inputs.
    pixels: whether networks that see images take uint8, and normalise it.
  """
  count = 1 if held.classes is None else len(held.classes)
  gated = any('features' in each.needs for each in held.refiners)
  found = []
  if held.segmenter:
    found.append(segmenter(held.segmenter, size, pixels=pixels, features=gated))
  several = len(held.refiners) > 1
  for number, each in enumerate(held.refiners, start=1):
    if gated:
      found.append(gate(each, found[0], count))
    else:
      name = f'refiner{number}' if several else 'refiner'
      found.append(refiner(each, size, count, name=name))
  for name, (corrector, variables) in held.correctors.items():
    for end, call in _calls(corrector, count).items():
      found.append(_called(name + end, call, variables, size, pixels))
  return found


def _calls(corrector: Corrector, count: int) -> Mapping[str, Call]:
  """What other programs run of a corrector of maps of C = `count` classes."""
  if corrector.refiner is None:
    return corrector.calls
  make, module = corrector.refiner, corrector.module

  def run(variables: Any, images: jax.Array, coarse: jax.Array) -> jax.Array:
    trained = make(jax.tree_util.Partial(module.apply, variables))
    found = trained.apply(trained.variables, Seen(coarse=coarse, images=images))
    return found

  seen = {'images': Map(3, 'images'), 'coarse': Map(count, _FINISHED)}
  halo = make(jax.tree_util.Partial(module.apply)).halo
  return {'': Call(run, seen, {'logits': _LOGITS}, {'halo': halo})}


def _called(
  name: str, call: Call, variables: Section, size: Size, pixels: bool
) -> Part:
  """Returns what other programs run of a corrector as a part."""
  inputs = {
    key: jax.ShapeDtypeStruct((1, *size, each.channels), jnp.float32)
    for key, each in call.inputs.items()
  }
  inputs['images'] = _images(size, pixels)

  def function(images: jax.Array, *maps: jax.Array) -> Any:
    seen = normalise.normalise(images) if pixels else images
    return call.run(variables, seen, *maps)

  about = {key: each.about for key, each in call.inputs.items()}
  about |= {'images': _about_images(pixels), **call.outputs}
  return Part(name, function, inputs, (*call.outputs,), about, call.facts)


def _images(size: Size, pixels: bool) -> jax.ShapeDtypeStruct:
  dtype = jnp.uint8 if pixels else jnp.float32
  return jax.ShapeDtypeStruct((1, *size, 3), dtype)


def _about_images(pixels: bool) -> str:
  if pixels:
    return 'red, green, blue, 0 to 255, as in image files'
  return 'red, green, blue, 0 to 255, less mean, divided by std'


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
  images = _images(size, pixels)
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

  about = {
    'images': _about_images(pixels),
    'logits': _LOGITS,
    **dict.fromkeys(names, 'features for the gate'),
  }
  outputs = ('logits', *names)
  return Part('segmenter', function, {'images': images}, outputs, about)


def refiner(
  each: Refiner, size: Size, count: int, *, name: str = 'refiner'
) -> Part:
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

  about = {**_MAPS, 'logits': _LOGITS}
  return Part(name, function, inputs, ('logits',), about)


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

  about = {
    **dict.fromkeys(names, "the segmenter's features for the window"),
    **_MAPS,
    'logits': "of the coarse map's share: sigmoid(logits + log d), where d is "
    'the number of stages that it holds',
  }
  return Part('gate', function, inputs, ('logits',), about)


def example(part: Part, batch: int) -> list[np.ndarray]:
  """Makes inputs of a part: generated scenes, maps that sum to 1, masks."""
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
  if name not in ('scale', 'coarse', 'masks', 'found'):
    return values
  # As networks make them: parts, with sure insides and some noise.
  batch, height, width, channels = shape
  coarse = rng.standard_normal(
    (batch, -(-height // _PART), -(-width // _PART), channels), np.float32
  )
  parts = np.asarray(resize.upsample(jnp.asarray(coarse), (height, width)))
  values = np.float32(4) * parts + values / np.float32(4)
  if channels == 1:
    return np.tanh(values)
  return np.asarray(jax.nn.softmax(values))
