"""Offsets of SegFix on disk: a palette PNG with a code per pixel.

A viewer shows each direction in a colour of its own, and pixels that stay in
black.
"""

import colorsys
import pathlib

import numpy as np

from magnet_jax.files import atomic, decoding, images
from magnet_jax.files.atomic import PathLike
from magnet_jax.ops import offsets
from magnet_jax.types import ClassTable, InputError, Size


def _hue(part: float) -> tuple[int, int, int]:
  red, green, blue = (
    round(255 * value) for value in colorsys.hsv_to_rgb(part, 0.7, 1.0)
  )
  return red, green, blue


# Codes as classes, for the palette, by which a file is recognised.
_TABLE = ClassTable(
  names=('stays', *map(str, offsets.DIRECTIONS)),
  colours=(
    (0, 0, 0),
    *(
      _hue(index / len(offsets.DIRECTIONS))
      for index in range(len(offsets.DIRECTIONS))
    ),
  ),
)


def check_name(path: PathLike) -> None:
  """Raises InputError for a name or folder that offsets cannot have."""
  path = pathlib.Path(path)
  if path.suffix.lower() != '.png':
    raise InputError(f'{path}: offsets are written as PNG; let it end in .png')
  atomic.prepare_folder(path.parent)


def write(path: PathLike, codes: np.ndarray) -> None:
  """Writes offsets, completely or not at all.

  Args:
    path: must end in .png.
    codes: uint8 [H,W], see `ops.offsets`.

  Raises:
    InputError: another suffix, or writing fails.
  """
  images.write_label(path, codes, _TABLE)


def read(path: PathLike, image: PathLike, size: Size) -> np.ndarray:
  """Reads the offsets of an image.

  Args:
    path: of a file that `write` wrote.
    image: its path, for messages.
    size: (height, width) of the image.

  Returns:
    uint8 [H,W], see `ops.offsets`.

  Raises:
    InputError: it cannot be read, holds no offsets, or those of an image of
      another size.
  """
  with decoding.opened(path) as file:
    palette = file.getpalette() if file.mode == 'P' else None
    wanted = _TABLE.palette[: offsets.CODES].ravel().tolist()
    if not palette or palette[: len(wanted)] != wanted:
      raise InputError(
        f'{path}: holds no offsets: must be a PNG file that magnet-jax refine '
        '--save_offsets has written; give a label by --label'
      )
    found = (file.height, file.width)
    if found != size:
      raise InputError(
        f'{path}: offsets of {found[0]} x {found[1]} (height x width) for '
        f'{image} of {size[0]} x {size[1]}: sizes must be equal; give those of '
        'this image'
      )
    codes = decoding.stored(file)
  if (most := int(codes.max())) >= offsets.CODES:
    raise InputError(
      f'{path}: holds the code {most}: must be at most {offsets.CODES - 1}; '
      'write the offsets again'
    )
  return codes
