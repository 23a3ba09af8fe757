"""Offsets of a whole image, by overlapped windows of SegFix's network."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from magnet_jax import parallel
from magnet_jax.cascade import batches, stage_windows
from magnet_jax.cascade.mosaic import Area, Mosaic
from magnet_jax.models.segfix import BOUNDARY
from magnet_jax.ops import normalise, offsets, windows
from magnet_jax.types import Network, Plane, Size

OVERLAP = 0.25  # of neighbouring windows, at least


class OffsetMaps:
  """A network of SegFix, ready for any image; placed when it is first used.

  Args:
    network: normalised images [B,h,w,3] -> logits [B,h,w,2+8]; pass
      `jax.tree_util.Partial(module.apply, variables)`.
    window: (h, w), the network's input size.
  """

  def __init__(self, network: Network, window: Size):
    self._network = network
    self._window = window

  @functools.cached_property
  def _step(self) -> parallel.Step:
    return parallel.over_devices(look, self._network)

  def find(self, image: Plane) -> np.ndarray:
    """Returns the codes of an image: uint8 [H,W], see `ops.offsets`.

    Probabilities of windows are blended where these overlap. Besides the
    result it needs memory for a row of windows.

    Args:
      image: uint8 [H,W,3], of any size.
    """
    grid = windows.make_grid(image.size, self._window, OVERLAP)
    numbers = range(len(grid))
    tiles = Mosaic(grid, numbers)
    codes = np.empty(image.size, np.uint8)
    batch = parallel.device_count()
    parts = batches.run_parts(
      self._step,
      [numbers[i : i + batch] for i in numbers[::batch]],
      lambda number: {
        'images': stage_windows.pixels(image, grid, number, self._window)
      },
      batch,
    )
    for part in parts:
      for number, found in part:
        tiles.add(number, found)
        maps = tiles.tile(number, _none)
        top, left, height, width = tiles.area(number)
        codes[top : top + height, left : left + width] = offsets.encode(
          maps[..., 0], maps[..., 1:]
        )
    return codes

  def count(self, size: Size) -> int:
    """Returns how many windows an image of a size has."""
    return len(windows.make_grid(size, self._window, OVERLAP))


def look(network: Network, *, images: jax.Array) -> jax.Array:
  """Looks for outlines in windows.

  Args:
    network: as for `OffsetMaps`.
    images: uint8 [B,h,w,3].

  Returns:
    float32 [B,h,w,1+8], the probability that an outline is near, and those of
    the directions inwards.
  """
  logits = network(normalise.normalise(images))
  near = jax.nn.softmax(logits[..., :BOUNDARY])[..., 1:]
  return jnp.concatenate([near, jax.nn.softmax(logits[..., BOUNDARY:])], -1)


def _none(area: Area) -> np.ndarray:
  raise AssertionError(f'{area}: every window is computed')
