"""Generates labelled aerial scenes: any size, any number, exact labels.

A scene holds both what downsampling loses (footpaths, ditches, hedges, sheds)
and what patches lose: a pivot field and a meadow, or a basin and a lake, look
the same inside and differ only in their outlines, which are 600 to 1200 pixels
wide.
"""

from __future__ import annotations

import operator

import cv2
import numpy as np

from magnet_jax.files import host_memory
from magnet_jax.scenes import ground, land, layout, village
from magnet_jax.scenes.canvas import Canvas
from magnet_jax.scenes.classes import CLASSES
from magnet_jax.scenes.things import Things
from magnet_jax.types import InputError, Sample, Size

__all__ = ['CLASSES', 'generate']

_LARGEST = 32768
_BYTES = 40  # of a pixel, while its light and noise are made
_WORLD = 2448  # smaller scenes are views of a world of this size


def generate(seed: int, size: Size) -> Sample:
  """Generates one scene; the same arguments always give the same arrays.

  Args:
    seed: any integer from 0.
    size: (height, width), each 1 to 32768 pixels.

  Returns:
    'scene-<seed>' with an image and a label of `size`.

  Raises:
    InputError: the seed or the size is out of range.
  """
  seed, size = _check(seed, size)
  rng = np.random.default_rng([seed, *size])
  world = (max(size[0], _WORLD), max(size[1], _WORLD))
  origin = (
    int(rng.integers(world[1] - size[1] + 1)),
    int(rng.integers(world[0] - size[0] + 1)),
  )
  canvas = Canvas.blank(size, origin)
  plan = layout.make_layout(rng, world)
  villages = [
    village.make_village(rng, site)
    for site in plan.of_kind('village')
    if canvas.sees(site.centre[None], 1.2 * site.radius)
  ]
  land.lay_ground(rng, canvas, plan)
  for each in villages:
    village.lay_gardens(rng, canvas, each)
  land.fill_rivers(canvas, plan)
  canvas.image[:] = ground.colour_ground(rng, canvas.ground)
  things = Things()
  land.draw_edges(rng, canvas, plan, things)
  for each in villages:
    village.part_lots(rng, canvas, each, things)
  for each in villages:
    village.draw_streets(rng, canvas, each)
  land.draw_roads(rng, canvas, plan)
  for each in villages:
    village.build_lots(rng, canvas, each, things)
  land.plant_country(rng, canvas, plan, things)
  things.draw(rng, canvas)
  return Sample(f'scene-{seed}', _photograph(rng, canvas.image), canvas.label)


def _check(seed: int, size: Size) -> tuple[int, Size]:
  try:
    number = operator.index(seed)
    height, width = (operator.index(side) for side in size)
  except (TypeError, ValueError):
    raise InputError(
      f'seed {seed!r} and size {size!r}: must be an integer seed and an '
      'integer height and width; pass for example 7 and (2448, 2448)'
    ) from None
  if number < 0:
    raise InputError(f'seed {number}: must be at least 0; choose another')
  if not (1 <= height <= _LARGEST and 1 <= width <= _LARGEST):
    raise InputError(
      f'scene size {height}x{width}: each side must be 1 to {_LARGEST} '
      'pixels; choose another size'
    )
  host_memory.check(f'a scene of {height}x{width}', _BYTES * height * width)
  return number, (height, width)


def _photograph(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
  """Adds light, haze, sensor blur and sensor noise to uint8 [H,W,3]."""
  size = image.shape[:2]
  light = 1 + 0.04 * ground.make_noise(rng, size, (900,))
  haze = ground.make_noise(rng, size, (700,)) * np.float32(0.03)
  haze += rng.uniform(0.04, 0.14)
  np.clip(haze, 0, 0.25, out=haze)
  light *= rng.uniform(1.02, 1.2) * (1 - haze)
  grain = rng.standard_normal((size[0], size[1] + 97), np.float32)
  grain *= rng.uniform(2.0, 3.2)
  gains = rng.uniform(0.97, 1.03, 3)
  image = cv2.GaussianBlur(image, (3, 3), rng.uniform(0.4, 0.6))
  for channel, (gain, sky) in enumerate(
    zip(gains, (196, 204, 216), strict=True)
  ):
    plane = image[..., channel] * light
    plane *= np.float32(gain)
    plane += haze * np.float32(sky)
    # All channels share one noise field, shifted: random enough, and three
    # times faster.
    shift = 31 * channel
    plane += grain[:, shift : shift + size[1]]
    image[..., channel] = np.clip(plane, 0, 255)
  return image
