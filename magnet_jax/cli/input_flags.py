"""Flags of what is read of the images to segment."""

from collections.abc import Callable
import functools
import pathlib
from typing import Any

from absl import flags

from magnet_jax.cli import command_line
from magnet_jax.files import decoding
from magnet_jax.rasters import open_image, stretching
from magnet_jax.rasters.rasters import Raster
from magnet_jax.types import InputError


def define(values: flags.FlagValues, group: str) -> None:
  """Defines --bands, --stretch and --overviews."""
  bound = {'flag_values': values, 'module_name': group}
  text = functools.partial(flags.DEFINE_string, **bound)
  text(
    'bands',
    '',
    'N,N,N: bands of the file to use as red, green and blue, from 1; required '
    'unless it has one, three or four',
  )
  text(
    'stretch',
    'none',
    'HOW: how more than 8 bits become 8: none (the full range of 16 bits), '
    'min-max, 2-98 (percentiles) or LOW,HIGH (values)',
  )
  flags.DEFINE_bool(
    'overviews',
    False,
    "make the coarse stages of a streamed image from the file's own overviews, "
    'if it has any: reads less, and labels differ slightly',
    **bound,
  )


def opener(
  values: flags.FlagValues, max_pixels: int
) -> Callable[[pathlib.Path], Raster]:
  """Returns what opens an image as the flags say.

  Args:
    values: the flags.
    max_pixels: as in `open_image.open_image`.

  Raises:
    InputError: a flag is malformed.
  """
  return functools.partial(
    _opened,
    bands=_bands(values.bands),
    stretch=stretching.parse(values.stretch),
    max_pixels=max_pixels,
  )


def _opened(path: pathlib.Path, **how: Any) -> Raster:
  """Opens an image; if it needs too much memory, names the flag for more."""
  try:
    return open_image.open_image(path, **how)
  except decoding.TooManyPixelsError as error:
    raise InputError(f'{error}, or allow more by --memory=GB') from error


def _bands(text: str) -> tuple[int, ...] | None:
  parts = text.split(',') if text else []
  return tuple(command_line.whole(p.strip(), 'bands') for p in parts) or None
