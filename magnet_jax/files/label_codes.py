"""Translates the values or colours of label files to class indices."""

from collections.abc import Mapping
import os

import numpy as np

from magnet_jax.files.atomic import PathLike
from magnet_jax.types import ClassTable, Code, InputError, LabelCodes

_ROWS = 256  # at a time, as packed colours take several times the memory
_SHOWN = 6


def pack(pixels: np.ndarray) -> np.ndarray:
  """Packs values [H,W] or colours [H,W,3] into one number per pixel, int64."""
  if pixels.ndim == 2:
    return pixels.astype(np.int64)
  wide = pixels.astype(np.int64)
  return wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2]


def unpack(number: int, *, colours: bool) -> Code:
  """Returns the value or colour of a packed number."""
  if not colours:
    return int(number)
  return int(number) >> 16 & 255, int(number) >> 8 & 255, int(number) & 255


def of_colours(classes: ClassTable) -> LabelCodes:
  """Returns the codes of labels that hold class colours; black is ignored.

  If classes share a colour, it stands for the first; black may be a class.
  """
  seen: set[Code] = set()
  codes: list[tuple[Code, ...]] = []
  for red, green, blue in classes.colours:
    colour = (int(red), int(green), int(blue))
    codes.append(() if colour in seen else (colour,))
    seen.add(colour)
  black = tuple(int(c) for c in classes.palette[classes.ignore_label])
  ignored = (black[0], black[1], black[2])
  return LabelCodes(tuple(codes), () if ignored in seen else (ignored,))


def translate(
  pixels: np.ndarray, codes: LabelCodes, classes: ClassTable, path: PathLike
) -> np.ndarray:
  """Turns the pixels of a label file into class indices.

  Args:
    pixels: integers [H,W], or uint8 [H,W,3] where the codes are colours.
    codes: the codes of each class.
    classes: the classes, with the value of ignored pixels.
    path: the file, for the message.

  Returns:
    uint8 [H,W] of class indices and `classes.ignore_label`.

  Raises:
    InputError: pixels hold no code; lists their values and counts.
  """
  keys, targets = _table(codes, classes.ignore_label)
  label = np.empty(pixels.shape[:2], np.uint8)
  unknown: dict[int, int] = {}
  first: tuple[int, int] | None = None
  for top in range(0, len(pixels), _ROWS):
    packed = pack(pixels[top : top + _ROWS])
    place = np.minimum(np.searchsorted(keys, packed), len(keys) - 1)
    missing = keys[place] != packed
    found = targets[place]
    if missing.any():
      others, which, counts = np.unique(
        packed[missing], return_inverse=True, return_counts=True
      )
      if codes.tolerance:
        near = _nearest(others, codes, classes.ignore_label)
        found[missing] = near[which.reshape(-1)]
      else:
        row, column = np.argwhere(missing)[0].tolist()
        first = first or (top + row, column)
        for number, count in zip(others.tolist(), counts, strict=True):
          unknown[number] = unknown.get(number, 0) + int(count)
    label[top : top + _ROWS] = found
  if first:
    raise _unknown(unknown, first, codes, classes, path)
  return label


def _table(
  codes: LabelCodes, ignore_label: int
) -> tuple[np.ndarray, np.ndarray]:
  """Returns sorted packed codes [n] and their class indices, uint8 [n]."""
  pairs = [
    (code, index) for index, each in enumerate(codes.classes) for code in each
  ]
  pairs += [(code, ignore_label) for code in codes.ignored]
  keys = np.array([int(pack(np.array([[c]]))[0, 0]) for c, _ in pairs])
  order = np.argsort(keys)
  targets = np.array([target for _, target in pairs], np.uint8)
  return keys[order], targets[order]


def _nearest(
  numbers: np.ndarray, codes: LabelCodes, ignore_label: int
) -> np.ndarray:
  """Returns the class indices of the nearest codes, uint8 [n]."""
  keys, targets = _table(codes, ignore_label)
  distance = np.abs(
    _channels(numbers, codes)[:, None] - _channels(keys, codes)[None]
  ).max(-1)
  best = distance.argmin(1)
  near = distance[np.arange(len(numbers)), best] <= codes.tolerance
  return np.where(near, targets[best], np.uint8(ignore_label))


def _channels(numbers: np.ndarray, codes: LabelCodes) -> np.ndarray:
  """Unpacks numbers [n] to channels [n,3], or [n,1] for values."""
  if not codes.colours:
    return numbers[:, None]
  return np.stack([numbers >> 16 & 255, numbers >> 8 & 255, numbers & 255], -1)


def as_counts(
  counts: Mapping[int, int], *, colours: bool, shown: int = _SHOWN
) -> str:
  """Returns '7 in 120 pixels, 9 in 3 pixels, …', most frequent first.

  Args:
    counts: number of pixels by packed number.
    colours: whether the numbers are colours.
    shown: how many to list.
  """
  ordered = sorted(counts.items(), key=lambda item: -item[1])
  words = [
    f'{unpack(number, colours=colours)} in {count} '
    f'pixel{"" if count == 1 else "s"}'
    for number, count in ordered[:shown]
  ]
  if len(ordered) > shown:
    rest = sum(count for _, count in ordered[shown:])
    words.append(f'{len(ordered) - shown} others in {rest} pixels')
  return ', '.join(words)


def _unknown(
  counts: Mapping[int, int],
  first: tuple[int, int],
  codes: LabelCodes,
  classes: ClassTable,
  path: PathLike,
) -> InputError:
  kind = 'colour' if codes.colours else 'value'
  several = f'{len(counts)} {kind}s' if len(counts) > 1 else f'a {kind}'
  return InputError(
    f'{os.fspath(path)}: holds {several} of no class, first at row '
    f'{first[0]}, column {first[1]}: '
    f'{as_counts(counts, colours=codes.colours)}; must be of '
    f'{", ".join(classes.names)}; add them to the class table or correct the '
    'label'
  )
