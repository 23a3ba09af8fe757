"""Flags of SegFix's offsets, for the commands that apply them."""

from collections.abc import Sequence
import functools
import os
import pathlib

from absl import flags

from magnet_jax.cli import model_flags
from magnet_jax.files import offset_files
from magnet_jax.filters.table import Filter
from magnet_jax.predict import image_offsets
from magnet_jax.types import InputError, Size

_FLAGS = ('offsets', 'save_offsets')


def define(values: flags.FlagValues, group: str) -> None:
  """Defines the flags."""
  text = functools.partial(
    flags.DEFINE_string, flag_values=values, module_name=group
  )
  text(
    'offsets',
    '',
    'FILE: of segfix: apply the offsets that --save_offsets has written for '
    'this image, instead of those that a model finds',
  )
  text(
    'save_offsets',
    '',
    'FILE.png: of segfix: write the offsets, too, for other segmentations of '
    'the image',
  )


def check(
  values: flags.FlagValues, others: Sequence[pathlib.Path]
) -> list[pathlib.Path]:
  """Checks the flags before anything is read.

  Args:
    values: of the flags, with `method` and `checkpoint`.
    others: files that are read or written besides.

  Returns:
    Further input files.

  Raises:
    InputError: they belong to another method, exclude each other, or name a
      file that cannot be written.
  """
  for name in _FLAGS:
    if values[name].value and values.method != image_offsets.NAME:
      raise InputError(
        f'--{name}={values[name].value}: {values.method} has no offsets; add '
        f'--method={image_offsets.NAME}, or leave it out'
      )
  if values.offsets:
    for name in ('save_offsets', 'checkpoint'):
      if values[name].present:
        raise InputError(
          f'--{name}={values[name].value}: --offsets={values.offsets} are '
          'found already; leave one of them out'
        )
    return [pathlib.Path(values.offsets)]
  if values.save_offsets:
    if os.path.realpath(values.save_offsets) in map(os.path.realpath, others):
      raise InputError(
        f'--save_offsets={values.save_offsets}: is an input, or another '
        'output; choose another name'
      )
    offset_files.check_name(values.save_offsets)
  return []


def chosen(values: flags.FlagValues, image: pathlib.Path, size: Size) -> Filter:
  """Returns the filter that applies the offsets of an image.

  Args:
    values: of the flags.
    image: its path.
    size: its (height, width).

  Raises:
    InputError: the file holds no offsets for it, or the model no network that
      finds them.
  """
  if values.offsets:
    codes = offset_files.read(values.offsets, image, size)
    return image_offsets.as_filter(lambda pixels: codes, None)
  keep = pathlib.Path(values.save_offsets) if values.save_offsets else None
  return image_offsets.as_filter(
    image_offsets.of_model(model_flags.path(values)), keep
  )
