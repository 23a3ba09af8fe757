"""A finished map whose classes are corrected one by one, as by CascadePSP.

Cheng et al., CVPR 2020: each connected part of a class is cut out with some of
what surrounds it, and its mask is corrected; the surest class wins.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
import functools
import math

import cv2
import numpy as np

from magnet_jax.cascade import mask_correction
from magnet_jax.cascade.mask_correction import (
  LEAST_SHARE,
  MARGIN,
  REDUCTION,
  SIDE,
  Steps,
)
from magnet_jax.models import resnet
from magnet_jax.models.cascade_psp import CascadePSP
from magnet_jax.refiners.corrector import Correct, Corrector, Trained
from magnet_jax.types import InputError

SMALLEST = 32**2  # pixels
_AROUND = 0.25  # of the sides of a part, that its box is longer
_STUFF = 0.51  # factor for classes that are no things
_SURE = 0.5
_ROWS = 256  # whose probabilities are changed at a time

Box = tuple[slice, slice]


def make(
  *,
  num_classes: int,
  trunk: str = 'resnet50',
  width: int = 64,
  features: int = 1024,
  widths: tuple[int, int, int] = (512, 256, 32),
  hidden: int = 32,
  side: int = SIDE,
  margin: int = MARGIN,
  reduction: float = REDUCTION,
  least_share: float = LEAST_SHARE,
  smallest: int = SMALLEST,
  stuff: tuple[int, ...] = (),
  prior: bool = False,
  start: str = 'patch',
) -> Corrector:
  """Returns the corrector without variables; the defaults are published.

  Args:
    num_classes: C.
    trunk: a key of `resnet.RESNETS`.
    width: features of its first level.
    features: as of `CascadePSP`.
    widths: likewise.
    hidden: likewise.
    side: as of `correct`.
    margin: likewise.
    reduction: likewise.
    least_share: likewise.
    smallest: likewise.
    stuff: likewise.
    prior: as of `CascadePSP`.
    start: the method whose maps it corrects.

  Raises:
    InputError: a setting is unknown or out of range.
  """
  mask_correction.check(side, margin)
  _check(trunk, stuff, num_classes)
  if not (reduction == 0 or reduction >= 1):
    raise InputError(
      f'reduction {reduction:g}: must be at least 1, or 0 for no limit'
      '; correct it'
    )
  looks = resnet.RESNETS[trunk](
    width=width, output_stride=8, plain_first=True, parent=None
  )
  module = CascadePSP(
    looks, features, widths, hidden, prior, parent=None, name=None
  )
  blank = np.zeros((1, 32, 32, 3), np.float32)

  def with_weights(network: Trained) -> Correct:
    return functools.partial(
      correct,
      run=mask_correction.steps(network),
      side=side,
      margin=margin,
      reduction=reduction,
      least_share=least_share,
      smallest=smallest,
      stuff=stuff,
    )

  return Corrector(
    module,
    {'images': blank, 'masks': blank[..., 0]},
    start,
    correct=with_weights,
    # The network knows no classes.
    any_classes=not stuff,
    calls=mask_correction.calls(module, side),
  )


def _check(trunk: str, stuff: tuple[int, ...], num_classes: int) -> None:
  if trunk not in resnet.RESNETS:
    raise InputError(
      f'trunk {trunk!r}: unknown; choose one of {", ".join(resnet.RESNETS)}'
    )
  if not all(0 <= index < num_classes for index in stuff):
    raise InputError(
      f'stuff {list(stuff)}: must be indices below the {num_classes} '
      'classes; correct them'
    )


def correct(
  image: np.ndarray,
  probabilities: np.ndarray,
  *,
  run: Steps,
  side: int = SIDE,
  margin: int = MARGIN,
  reduction: float = REDUCTION,
  least_share: float = LEAST_SHARE,
  smallest: int = SMALLEST,
  stuff: Collection[int] = (),
) -> np.ndarray:
  """Corrects the outlines of all classes of a map.

  Where a class is found with a probability s above one half, the one with the
  highest s becomes the most probable: it receives s, the others share the rest
  as before. Elsewhere nothing changes.

  Args:
    image: uint8 [H,W,3].
    probabilities: float32 [H,W,C], summing to 1.
    run: the network.
    side: as of `mask_correction.correct`.
    margin: likewise.
    reduction: likewise.
    least_share: likewise.
    smallest: pixels that a part of a class must exceed to be corrected.
    stuff: classes of surfaces, such as sky, among those of things: a thing
      beside one needs to be little more than half as sure.

  Returns:
    float32 [H,W,C], summing to 1.

  Raises:
    InputError: the sizes differ, or a setting is out of range.
  """
  mask_correction.check(side, margin)
  if image.shape[:2] != probabilities.shape[:2]:
    raise InputError(
      f'probabilities of size {probabilities.shape[:2]}, image of size '
      f'{image.shape[:2]}: must be equal; resize the probabilities'
    )
  winner = probabilities.argmax(-1).astype(np.int32)
  # A pixel that may be of any class is in no mask.
  known = probabilities.max(-1) > probabilities.min(-1)
  labels = np.where(known, winner, -1)
  present = np.unique(labels[known])
  best = np.full(labels.shape, _SURE, np.float32)
  # What is longer is seen in crops only, which leave no outline out.
  longest = math.inf if least_share or not reduction else reduction * side
  # A single class could win against none.
  for index in present if len(present) > 1 else ():
    mask = labels == index
    factor = _STUFF if index in stuff else 1.0
    for box in boxes(mask, side, smallest, longest):
      found = factor * mask_correction.correct(
        image[box],
        mask[box],
        run,
        side=side,
        margin=margin,
        reduction=reduction,
        least_share=least_share,
      )
      wins = found > best[box]
      best[box][wins] = found[wins]
      winner[box][wins] = index
  return _changed(probabilities, winner, best)


def boxes(
  mask: np.ndarray, side: int, smallest: int, longest: float = math.inf
) -> Iterator[Box]:
  """Yields the boxes of a mask's connected parts, the largest part first.

  A box is a square, but for the image's borders, at least a quarter longer than
  its part. Its side is one of few, the network's times a power of the root of
  2, so that few sizes are compiled. A part inside a box that is corrected at
  full resolution as a whole is corrected with it.

  Args:
    mask: bool [H,W].
    side: the network's.
    smallest: pixels that a part must exceed.
    longest: of the boxes that are seen as a whole. All outlines in longer ones
      are seen at full resolution only: then a longer mask is one box.
  """
  _, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
  size = mask.shape[0], mask.shape[1]
  native: list[Box] = []
  parts = sorted(stats[1:].tolist(), key=lambda part: -part[cv2.CC_STAT_AREA])
  if parts and max(size) > longest:
    if parts[0][cv2.CC_STAT_AREA] > smallest:
      yield slice(size[0]), slice(size[1])
    return
  for left, top, width, height, area in parts:
    if area <= smallest:
      return
    bottom, right = top + height, left + width
    if any(
      rows.start <= top
      and bottom <= rows.stop
      and columns.start <= left
      and right <= columns.stop
      for rows, columns in native
    ):
      continue
    length = _rung((1 + _AROUND) * max(width, height), side)
    box = (
      _around(top, bottom, length, size[0]),
      _around(left, right, length, size[1]),
    )
    if length <= side:
      native.append(box)
    yield box


def _rung(length: float, side: int) -> int:
  """Returns the smallest of the lengths of boxes that is not shorter."""
  steps = math.ceil(2 * math.log2(length / side) - 1e-9)
  return math.ceil(side * 2 ** (steps / 2))


def _around(first: int, last: int, length: int, most: int) -> slice:
  """Returns an interval around another, moved to where the image is."""
  start = (first + last - length) // 2
  start = max(0, min(start, most - length))
  return slice(start, min(start + length, most))


def _changed(
  probabilities: np.ndarray, winner: np.ndarray, best: np.ndarray
) -> np.ndarray:
  """Gives each winner its probability; the others share what is left."""
  result = probabilities.copy()
  for top in range(0, len(result), _ROWS):
    rows = result[top : top + _ROWS]
    index = winner[top : top + _ROWS, :, None]
    sure = best[top : top + _ROWS, :, None]
    others = rows.copy()
    np.put_along_axis(others, index, 0, -1)
    left = others.sum(-1, keepdims=True)
    # Where a map is certain of the winner there is nothing to share.
    changes = (sure > _SURE) & (left > 0)
    others *= (1 - sure) / np.where(changes, left, 1)
    np.put_along_axis(others, index, sure, -1)
    np.copyto(rows, others, where=changes)
  return result
