"""Foreign segmenters: an ONNX file, or a function of a Python module."""

import pathlib

from magnet_jax.cascade.host_segmenter import HostSegmenter
from magnet_jax.models import own
from magnet_jax.predict import onnx_file
from magnet_jax.types import InputError


def is_foreign(name: str) -> bool:
  """Returns whether a name is for `load` rather than that of a checkpoint.

  >>> is_foreign('net.onnx'), is_foreign('nets.mine:run'), is_foreign('runs/a')
  (True, True, False)
  """
  if pathlib.Path(name).suffix.lower() == '.onnx':
    return True
  return ':' in name and not pathlib.Path(name).exists()


def load(name: str, *, num_classes: int, batch: int = 1) -> HostSegmenter:
  """Loads a segmenter by its name.

  Args:
    name: an ONNX file, or 'package.module:function', as for `from_module`.
    num_classes: C.
    batch: images per call, if the segmenter itself leaves it open.

  Raises:
    InputError: as for `onnx_file.load` and `from_module`.
  """
  if pathlib.Path(name).suffix.lower() == '.onnx':
    return onnx_file.load(name, num_classes=num_classes, batch=batch)
  return from_module(name, num_classes=num_classes, batch=batch)


def from_module(
  name: str, *, num_classes: int, batch: int = 1
) -> HostSegmenter:
  """Imports a segmenter.

  Args:
    name: 'package.module:function', also searched in the current folder. A
      function takes float32 images [B,h,w,3], normalised, and returns logits
      [B,h,w,C]; a `HostSegmenter` of that name may declare other conventions.
    num_classes: C.
    batch: B, for a function.

  Raises:
    InputError: there is none, it cannot be imported, or has other classes.
  """
  found = own.find(name, 'function')
  if not isinstance(found, HostSegmenter):
    return HostSegmenter(found, num_classes=num_classes, batch=batch, name=name)
  if found.num_classes != num_classes:
    raise InputError(
      f'{name}: is a segmenter of {found.num_classes} classes, but the refiner '
      f'has {num_classes}; use a refiner trained for the same classes'
    )
  return found
