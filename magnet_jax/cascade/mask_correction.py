"""A mask of an image of any size, corrected as CascadePSP does.

Cheng et al., CVPR 2020: first the whole image, reduced so that its longest side
is that of the network, then crops of that size at full resolution, where the
mask has an outline.
"""

from __future__ import annotations

from collections.abc import Callable
import dataclasses
from typing import Any, cast

import cv2
import jax
import jax.numpy as jnp
import numpy as np

from magnet_jax import parallel
from magnet_jax.cascade import batches
from magnet_jax.models.cascade_psp import CascadePSP, Looks
from magnet_jax.ops import interpolation, normalise, part_means
from magnet_jax.refiners.corrector import Call, Map
from magnet_jax.types import InputError, Size

# (images [B,h,w,3], masks [B,h,w], coarse [B,h,w] or none) -> Looks
Network = Callable[..., Looks]
SIDE = 900
MARGIN = 16
REDUCTION = 0.0
LEAST_SHARE = 0.1
_STRIDE = 8  # of the network, of which its inputs are multiples


@dataclasses.dataclass(frozen=True)
class Steps:
  """Both compiled steps of a network; each compiles once per size."""

  whole: parallel.Step
  crops: parallel.Step


def steps(network: Callable[..., Any]) -> Steps:
  """Returns the steps of a network, whose crops are divided among devices.

  Args:
    network: a `Network`, given as a pytree such as
      `jax.tree_util.Partial(module.apply, variables)`, or a plain function.
  """
  return Steps(
    parallel.over_devices(_whole_step, network, devices=1),
    parallel.over_devices(_crops_step, network),
  )


def calls(module: CascadePSP, side: int) -> dict[str, Call]:
  """The network as other programs run it, for both steps.

  Args:
    module: without variables.
    side: as of `correct`.
  """
  seen = {
    'images': Map(3, 'images'),
    'masks': Map(1, 'the mask: 1 inside, -1 outside, or values between'),
    'found': Map(1, 'the mask that was found before, likewise'),
  }
  outputs = {
    'full': 'logits of inside',
    'quarter': 'the same, found at a quarter of the size',
  }
  facts = {'side': side, 'multiple_of': _STRIDE}

  def run(variables: Any, images: jax.Array, *masks: jax.Array) -> Any:
    given = [mask[..., 0] for mask in masks]
    looks = cast(Looks, module.apply(variables, images, *given))
    full, quarter = looks.full[..., None], looks.quarters[1][..., None]
    return full if len(masks) > 1 else (full, quarter)

  whole = {name: seen[name] for name in ('images', 'masks')}
  full = {'full': outputs['full']}
  return {
    '_whole': Call(run, whole, outputs, facts),
    '_crops': Call(run, seen, full, facts),
  }


def check(side: int, margin: int) -> None:
  """Raises InputError if crops would not overlap, or not advance."""
  if margin < 0 or side // 2 <= 2 * margin:
    raise InputError(
      f'side {side} and margin {margin}: the side must be more than four times '
      'the margin, which is at least 0; enlarge the side'
    )


def correct(
  image: np.ndarray,
  mask: np.ndarray,
  run: Steps,
  *,
  side: int = SIDE,
  margin: int = MARGIN,
  reduction: float = REDUCTION,
  least_share: float = LEAST_SHARE,
) -> np.ndarray:
  """Corrects a mask of an image of any size.

  Pixels that no crop with an outline shows are 0 or 1. On the device are the
  reduced image and one crop for each device; the host holds three numbers per
  pixel.

  Args:
    image: uint8 [H,W,3].
    mask: bool [H,W], what is inside.
    run: the network.
    side: longest side of the reduced image, and sides of the crops; crops
      start every side / 2 - 2 margin pixels.
    margin: pixels at a crop's sides that are not used, but for the image's own.
    reduction: how many times a side may be reduced, 0 for any; where the whole
      image had to be reduced more, crops see the mask as it is.
    least_share: of a crop, inside and outside, below which it counts as one
      without an outline; 0 sees all outlines.

  Returns:
    float32 [H,W], the probability of inside.

  Raises:
    InputError: the side is too short for its margin.
  """
  check(side, margin)
  size = image.shape[0], image.shape[1]
  if 0 < reduction * side < max(size):
    inside, quarter = mask, mask.astype(np.float32)
  else:
    full, quarters = parallel.fetch(run.whole(**_reduced(image, mask, side)))
    inside = _rows_and_columns(full[0], size, (0, 0), size) > 0.5
    quarter = quarters[0]
  corners = [
    (top, left)
    for top in starts(size[0], side, margin)
    for left in starts(size[1], side, margin)
    if _has_outline(inside[top : top + side, left : left + side], least_share)
  ]
  total, count = _summed(
    image, inside, quarter, run.crops, corners, side=side, margin=margin
  )
  return np.where(count, total / np.maximum(count, 1), inside).astype(
    np.float32
  )


def _summed(
  image: np.ndarray,
  inside: np.ndarray,
  quarter: np.ndarray,
  step: parallel.Step,
  corners: list[tuple[int, int]],
  *,
  side: int,
  margin: int,
) -> tuple[np.ndarray, np.ndarray]:
  """Adds up what crops show; returns it and their number."""
  size = image.shape[0], image.shape[1]
  total, count = np.zeros(size, np.float32), np.zeros(size, np.uint16)

  def arrays_of(number: int) -> batches.Arrays:
    top, left = corner = corners[number]
    part = np.s_[top : top + side, left : left + side]
    shown = inside[part]
    coarse = _rows_and_columns(quarter, size, corner, shown.shape)
    return {
      'images': image[part],
      'masks': 2 * shown.astype(np.float32) - 1,
      'coarse': 2 * coarse - 1,
    }

  batch = parallel.device_count()
  numbers = range(len(corners))
  parts = [numbers[at : at + batch] for at in numbers[::batch]]
  for results in batches.run_parts(step, parts, arrays_of, batch):
    for number, found in results:
      (top, left), (height, width) = corners[number], found.shape
      rows = _kept(top, height, size[0], margin)
      columns = _kept(left, width, size[1], margin)
      into = np.s_[top : top + height, left : left + width]
      total[into][rows, columns] += found[rows, columns]
      count[into][rows, columns] += 1
  return total, count


def _has_outline(mask: np.ndarray, least: float) -> bool:
  share = float(mask.mean())
  return 0 < share < 1 and least <= share <= 1 - least


def starts(length: int, side: int, margin: int) -> list[int]:
  """Returns where the crops of an axis start; the last one ends with it."""
  step = side // 2 - 2 * margin
  last = max(0, length - side)
  return sorted({*range(0, last + 1, step), last})


def _kept(start: int, count: int, length: int, margin: int) -> slice:
  """Returns the part of an axis of a crop that is used."""
  end = start + count
  return slice(margin if start else 0, count - (margin if end < length else 0))


def _reduced(
  image: np.ndarray, mask: np.ndarray, side: int
) -> dict[str, np.ndarray]:
  """Returns image and mask with a longest side of `side`, B = 1."""
  longest = max(image.shape[:2])
  height, width = (max(1, n * side // longest) for n in image.shape[:2])
  if longest >= side:
    pixels = part_means.part_means(image, (height, width))
    share = part_means.part_means(mask, (height, width))
  else:
    pixels, share = (
      cv2.resize(array.astype(np.float32), (width, height), interpolation=rule)
      for array, rule in ((image, cv2.INTER_CUBIC), (mask, cv2.INTER_LINEAR))
    )
  return {'images': pixels[None], 'masks': 2 * share[None] - 1}


def _rows_and_columns(
  plane: np.ndarray, whole: Size, corner: tuple[int, int], size: tuple[int, ...]
) -> np.ndarray:
  """Resizes a plane [h,w] to `whole` bilinearly; returns a rectangle of it."""
  maps = plane[..., None]
  for axis in (0, 1):
    first = corner[axis]
    last = first + size[axis]
    places = interpolation.samples(plane.shape[axis], whole[axis], first, last)
    maps = interpolation.interpolate(maps, axis, *places)
  return maps[..., 0]


def _whole_step(
  network: Network, *, images: jax.Array, masks: jax.Array
) -> tuple[jax.Array, jax.Array]:
  """Returns the masks found at full and at a quarter of the size, [B,h,w]."""
  looks = network(*_padded(images, masks))
  height, width = masks.shape[1:]
  full, quarter = jax.nn.sigmoid(looks.full), jax.nn.sigmoid(looks.quarters[1])
  return full[:, :height, :width], quarter[:, :height, :width]


def _crops_step(
  network: Network, *, images: jax.Array, masks: jax.Array, coarse: jax.Array
) -> jax.Array:
  """Returns the masks found at full size, from a coarse one: [B,h,w]."""
  looks = network(*_padded(images, masks, coarse))
  height, width = masks.shape[1:]
  return jax.nn.sigmoid(looks.full)[:, :height, :width]


def _padded(images: jax.Array, *masks: jax.Array) -> list[jax.Array]:
  """Normalises images, and fills them and masks up to multiples of 8.

  As in the published code, a side that is one already grows too if the other
  is not.
  """
  height, width = images.shape[1:3]
  more = (0, 0)
  if height % _STRIDE or width % _STRIDE:
    more = _STRIDE - height % _STRIDE, _STRIDE - width % _STRIDE
  sides = ((0, 0), (0, more[0]), (0, more[1]))
  return [
    jnp.pad(normalise.normalise(images), (*sides, (0, 0))),
    *(jnp.pad(mask, sides, constant_values=-1.0) for mask in masks),
  ]
