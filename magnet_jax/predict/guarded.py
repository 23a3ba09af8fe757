"""Whatever goes wrong with one image, as one line that names it."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
import pathlib

import jax

from magnet_jax.files import decoding
from magnet_jax.types import InputError


class DeviceError(InputError):
  """A failure of a device: no further image can be segmented."""


@contextlib.contextmanager
def guarded(path: pathlib.Path) -> Iterator[None]:
  """Turns whatever one image raises into one line that names it."""
  try:
    with decoding.guarded(path):
      yield
  except jax.errors.JaxRuntimeError as error:
    line = (str(error).splitlines() or [''])[0][:200]
    if 'RESOURCE_EXHAUSTED' in str(error):
      raise InputError(
        f'{path}: out of memory on the device ({line}); use a smaller --batch '
        'or smaller windows'
      ) from error
    raise DeviceError(
      f'{path}: the device failed ({line}); run the same command again: '
      'streamed images resume after the last finished batch'
    ) from error
