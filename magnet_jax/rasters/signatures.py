"""Tells the format of an image file from its first bytes, not its name."""

import pathlib

_SIGNATURES = {
  b'II*\x00': 'GTiff',
  b'MM\x00*': 'GTiff',
  b'II+\x00': 'GTiff',  # BigTIFF
  b'MM\x00+': 'GTiff',
  b'\xff\xd8\xff': 'JPEG',
  b'\x89PNG': 'PNG',
  b'\x00\x00\x00\x0cjP  ': 'JP2OpenJPEG',
  b'\xff\x4f\xff\x51': 'JP2OpenJPEG',
}
FORMATS = tuple(dict.fromkeys(_SIGNATURES.values()))


def image_format(path: pathlib.Path) -> str | None:
  """Returns one of `FORMATS`, as GDAL names them; None for other files."""
  with path.open('rb') as file:
    head = file.read(16)
  for sign, name in _SIGNATURES.items():
    if head.startswith(sign):
      return name
  return None
