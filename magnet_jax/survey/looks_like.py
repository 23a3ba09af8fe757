"""Whether files are label images, by what is in them."""

from collections.abc import Sequence
import pathlib

import numpy as np

from magnet_jax.files import decoding
from magnet_jax.types import InputError

_SAMPLES = 3
_LATTICE = 64  # pixels that are looked at, a side
_FEW = 40  # colours; photographs have hundreds in as many pixels


def labels(files: Sequence[pathlib.Path]) -> bool:
  """Whether the first files that can be read hold few colours."""
  seen = []
  for file in files[: 2 * _SAMPLES]:
    try:
      seen.append(_label(file))
    except InputError:
      continue
    if len(seen) == _SAMPLES:
      break
  return bool(seen) and all(seen)


def _label(path: pathlib.Path) -> bool:
  with decoding.opened(path) as image:
    if image.format == 'JPEG':
      return False
    if image.mode in ('1', 'P'):
      return True
    pixels = np.asarray(image)
    rows, columns = (max(1, side // _LATTICE) for side in pixels.shape[:2])
    some = pixels[::rows, ::columns]
    flat = some.reshape(-1, some.shape[2] if some.ndim == 3 else 1)
    return len(np.unique(flat, axis=0)) <= _FEW
