"""GLNet: windows that know the whole image, and the image all its windows."""

from __future__ import annotations

from collections.abc import Callable
import functools
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from magnet_jax.cascade import settings, stage_windows
from magnet_jax.cascade.workspace import InMemory
from magnet_jax.methods.method import (
  Method,
  Need,
  Watch,
  blank,
  single,
  unwatched,
)
from magnet_jax.models.glnet import Features
from magnet_jax.ops import merge, normalise, resize, sharing, windows
from magnet_jax.predict import networks
from magnet_jax.predict.model import Model
from magnet_jax.types import InputError, Size, WindowGrid

Variables = Any  # of the network
Totals = Any  # per shared map, (sum, count) of the windows so far


def make(model: Model) -> Method:
  """Returns the method.

  Args:
    model: its segmenter is a GLNet.

  Raises:
    InputError: its settings ask for flips.
  """
  network = model.segmenter
  assert isinstance(network, jax.tree_util.Partial)
  (variables,) = network.args
  module = networks.module_of(network)
  assert module is not None
  steps = Steps(module)
  window = settings.window(model.settings['plan'])
  if (flips := model.settings['refine'].get('flips', 1)) != 1:
    raise InputError(
      f'flips {flips}: glnet sees the whole image with its windows, and has no '
      'other views of them; set it to 1, or choose another method'
    )

  def segment(
    image: np.ndarray, watch: Watch = unwatched
  ) -> tuple[np.ndarray, int]:
    grid = sharing.make_grid((image.shape[0], image.shape[1]), window)
    pieces = _pieces(steps, variables, image, grid, model.network)
    maps = np.zeros((*grid.size, len(model.classes)), np.float32)
    merge.add_windows(maps, grid, enumerate(pieces))
    watch(single(maps, len(grid) + 1))
    return maps, len(grid) + 1

  def warm_up(size: Size) -> None:
    # All windows take the same steps, so that two a side are enough.
    height, width = (min(a, b + 1) for a, b in zip(size, window, strict=True))
    segment(blank((height, width)))

  return Method(segment, warm_up)


def _pieces(
  steps: Steps,
  variables: Variables,
  image: np.ndarray,
  grid: WindowGrid,
  network: Size,
) -> list[np.ndarray]:
  """Segments all windows of an image: float32 [h,w,C] each."""
  plane, where = InMemory(image), sharing.places(grid)
  whole = windows.make_grid(grid.size, grid.size)
  pixels = stage_windows.pixels(plane, whole, 0, network)
  shared = steps.look(variables, pixels[None])
  totals = None
  own = []
  for number, place in enumerate(where):
    pixels = stage_windows.pixels(plane, grid, number, network)
    logits, found = steps.look_closer(
      variables, shared, pixels[None], place[None]
    )
    totals = found if totals is None else steps.add(totals, found)
    # Few numbers of each window are kept; none of its features.
    own.append(np.asarray(logits))
  last = steps.look_again(variables, shared, totals)
  return [
    resize.probabilities(
      np.asarray(steps.decide(variables, last, logits, place[None]))[0],
      grid.window,
    )
    for logits, place in zip(own, where, strict=True)
  ]


class Steps:
  """What the device does for an image, compiled when first asked for.

  Args:
    module: a GLNet.
  """

  def __init__(self, module: nn.Module):
    def step(function: Callable[..., Any]) -> Callable[..., Any]:
      return jax.jit(functools.partial(function, module))

    self.look = step(look)
    self.look_closer = step(look_closer)
    self.look_again = step(look_again)
    self.decide = step(decide)
    self.add = jax.jit(
      lambda one, other: jax.tree.map(jnp.add, one, other), donate_argnums=0
    )


def look(module: nn.Module, variables: Variables, images: Any) -> Features:
  """What the global branch shares of whole images: uint8 [B,h,w,3]."""
  shared, _ = module.apply(
    variables, normalise.normalise(images), method='look'
  )
  found: Features = shared
  return found


def look_closer(
  module: nn.Module,
  variables: Variables,
  shared: Features,
  images: jax.Array,
  where: jax.Array,
) -> tuple[jax.Array, Totals]:
  """Computes the local branch on windows of one image.

  Args:
    module: a GLNet.
    variables: its variables.
    shared: of the image, [1,h',w',F] each.
    images: uint8 [N,h,w,3], the windows.
    where: float32 [N,4], their places.

  Returns:
    float32 [N,h',w',C], their part of the logits of both branches; and for
    each map that is shared, sum and count of these windows.
  """
  cut = crops(shared, where)
  found, last = module.apply(
    variables, normalise.normalise(images), cut, method='look_closer'
  )
  logits = module.apply(variables, last, None, method='ensemble')
  bias = variables['params']['ensemble_classify']['bias']
  totals = jax.tree.map(
    lambda piece, own: sharing.paste(piece, where, own.shape[1:3]),
    found,
    shared,
  )
  return logits - bias.astype(jnp.float32).reshape(1, 1, 1, -1), totals


def crops(shared: Features, where: jax.Array) -> Features:
  """Cuts the places of N windows out of all maps of one image."""

  def cut(maps: jax.Array) -> jax.Array:
    size = (maps.shape[1], maps.shape[2])
    repeated = jnp.broadcast_to(maps, (len(where), *maps.shape[1:]))
    return sharing.crop(repeated, where, size)

  found: Features = jax.tree.map(cut, shared)
  return found


def look_again(
  module: nn.Module, variables: Variables, shared: Features, totals: Totals
) -> jax.Array:
  """The last map [1,h',w',F] of the global branch, which knows all windows."""
  merged = jax.tree.map(
    lambda own, found: sharing.mean(*found)[None].astype(own.dtype),
    shared,
    totals,
  )
  _, last = module.apply(variables, shared, merged, method='look_again')
  return jnp.asarray(last)


def decide(
  module: nn.Module,
  variables: Variables,
  last: jax.Array,
  logits: jax.Array,
  where: jax.Array,
) -> jax.Array:
  """Probabilities [N,h',w',C] of windows, by both branches."""
  size = (last.shape[1], last.shape[2])
  repeated = jnp.broadcast_to(last, (len(where), *last.shape[1:]))
  cut = sharing.crop(repeated, where, size)
  whole = module.apply(variables, None, cut, method='ensemble')
  return jax.nn.softmax(logits + jnp.asarray(whole))


BRANCHES = Need(
  lambda model: hasattr(networks.module_of(model.segmenter), 'look_closer'),
  'its segmenter has no branch for windows; train one with '
  'segmenter.name=glnet in a config',
)
