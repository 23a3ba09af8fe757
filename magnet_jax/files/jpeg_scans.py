"""Refuses JPEG files that are small but take hours to decode.

A progressive JPEG refines all of the image in each of its scans, which may have
only a few bytes.
"""

import io
import pathlib

from magnet_jax.types import InputError

_MOST = 100  # as GDAL allows; encoders write about ten
_START = b'\xff\xda'  # never inside a scan, where 255 is followed by 0


def check(path: pathlib.Path, file: pathlib.Path | io.BytesIO) -> None:
  """Raises InputError for a JPEG file of too many scans.

  Args:
    path: for messages.
    file: the file, or its content.
  """
  if isinstance(file, pathlib.Path):
    count = file.read_bytes().count(_START)
  else:
    count = file.getvalue().count(_START)
  if count > _MOST:
    raise InputError(
      f'{path}: has {count} scans, at most {_MOST} are decoded; the file may '
      'be made to take long, otherwise save it as a PNG'
    )
