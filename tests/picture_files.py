"""Small files of images, and PNG files with anything in them."""

import struct
import zlib

import numpy as np
from PIL import Image

from magnet_jax.types import ClassTable

CLASSES = ClassTable(
  names=('soil', 'weed', 'carrot'),
  colours=((120, 80, 40), (200, 30, 30), (30, 160, 60)),
)


def noise(shape=(11, 7, 3), seed=0):
  return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def save(path, array, **settings):
  image = array if isinstance(array, Image.Image) else Image.fromarray(array)
  image.save(path, **settings)
  return path


def _chunk(kind, data):
  crc = zlib.crc32(kind + data)
  return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', crc)


def png(width, height, compressed, bits=8):
  """An RGB file whose header may claim any size, whatever its data are."""
  header = struct.pack('>IIBBBBB', width, height, bits, 2, 0, 0, 0)
  chunks = {b'IHDR': header, b'IDAT': compressed, b'IEND': b''}
  return b'\x89PNG\r\n\x1a\n' + b''.join(
    _chunk(kind, data) for kind, data in chunks.items()
  )
