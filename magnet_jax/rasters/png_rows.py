"""Writes PNG files of any size row by row."""

from collections.abc import Iterable, Iterator
import pathlib
import struct
from typing import BinaryIO
import zlib

import numpy as np

from magnet_jax.types import Size

_GRAY, _PALETTE = 0, 3  # kinds of PNG
_CHUNK = 2**20  # bytes of compressed rows that are written at once


def write(
  path: pathlib.Path,
  strips: Iterable[np.ndarray],
  size: Size,
  palette: np.ndarray | None = None,
) -> None:
  """Writes an 8-bit PNG.

  Args:
    path: the file to make or to replace.
    strips: uint8 [rows,W] from the top down, H rows in all; the bytes of the
      file depend slightly on their heights.
    size: (H, W).
    palette: uint8 [256,3], the colours of the values; None for grey.
  """
  height, width = size
  kind = _GRAY if palette is None else _PALETTE
  with path.open('wb') as file:
    file.write(b'\x89PNG\r\n\x1a\n')
    # 8 bits per pixel, the standard compression and filters, not interlaced.
    header = struct.pack('>IIBBBBB', width, height, 8, kind, 0, 0, 0)
    _chunk(file, b'IHDR', header)
    if palette is not None:
      _chunk(file, b'PLTE', palette.tobytes())
    for data in _compressed(strips):
      _chunk(file, b'IDAT', data)
    _chunk(file, b'IEND', b'')


def _compressed(strips: Iterable[np.ndarray]) -> Iterator[bytes]:
  packer = zlib.compressobj(6)
  waiting = b''
  for strip in strips:
    # Each row begins with its filter: 0 for none, the best for labels.
    rows = np.zeros((strip.shape[0], strip.shape[1] + 1), np.uint8)
    rows[:, 1:] = strip
    waiting += packer.compress(rows.data)
    if len(waiting) >= _CHUNK:
      yield waiting
      waiting = b''
  yield waiting + packer.flush()


def _chunk(file: BinaryIO, kind: bytes, data: bytes) -> None:
  file.write(struct.pack('>I', len(data)) + kind)
  file.write(data)
  file.write(struct.pack('>I', zlib.crc32(data, zlib.crc32(kind))))
