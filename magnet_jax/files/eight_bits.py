"""Kernels with 8 bits per weight: whole numbers, and a scale per output.

A kernel [..., inputs, outputs] becomes int8, from -127 to 127, and float32
[outputs], whose product it is: no weight changes by more than half a scale,
which is 1/254 of its output's largest weight. Biases and statistics are few and
stay as they are. experiments/rounding measures what this costs.
"""

from collections.abc import Mapping

import numpy as np

from magnet_jax.types import InputError

_KERNEL = '/kernel'
_SCALES = '__scales__/'  # before the name of the kernel
_LARGEST = 127


def pack(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
  """Returns the arrays with each kernel as int8, and its scales.

  Args:
    arrays: by 'segmenter/params/…/kernel'.

  Raises:
    InputError: a kernel holds NaN or infinity.
  """
  packed = {}
  for name, array in arrays.items():
    if not name.endswith(_KERNEL) or not array.ndim:
      packed[name] = array
      continue
    if not np.isfinite(array).all():
      raise InputError(
        f'{name} holds NaN or infinity: weights must be finite to be stored '
        'with 8 bits; use an earlier checkpoint'
      )
    largest = np.abs(array).max(axis=tuple(range(array.ndim - 1)), initial=0)
    scales = (largest / _LARGEST).astype(np.float32)
    # An output without weights; a scale may also be too small for a float32.
    steps = np.where(scales > 0, scales, np.float32(1))
    whole = np.clip(np.round(array / steps), -_LARGEST, _LARGEST)
    packed[name] = whole.astype(np.int8)
    packed[_SCALES + name] = steps
  return packed


def unpack(stored: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
  """Returns float32 kernels in place of those with 8 bits.

  Args:
    stored: what `pack` returned, or arrays of which none is packed.

  Raises:
    InputError: a kernel lacks its scales, or they do not fit it.
  """
  arrays = {k: v for k, v in stored.items() if not k.startswith(_SCALES)}
  for name in (k.removeprefix(_SCALES) for k in stored.keys() - arrays.keys()):
    kernel, scales = arrays.get(name), stored[_SCALES + name]
    if kernel is None or kernel.dtype != np.int8 or not kernel.ndim:
      raise InputError(
        f'{name} is {_told(kernel)}: a kernel with scales must be int8; export '
        'it again from its run'
      )
    if scales.dtype != np.float32 or scales.shape != kernel.shape[-1:]:
      raise InputError(
        f'the scales of {name} are {_told(scales)}: must be one float32 for '
        f'each of its {kernel.shape[-1]} outputs; export it again from its run'
      )
    # What is not finite is refused with all other weights of the network.
    with np.errstate(over='ignore', invalid='ignore'):
      arrays[name] = kernel * scales
  for name, array in arrays.items():
    if name.endswith(_KERNEL) and array.dtype == np.int8:
      raise InputError(
        f'{name} is int8 without scales, which are needed to read it; export '
        'it again from its run'
      )
  return arrays


def packed(stored: Mapping[str, np.ndarray]) -> bool:
  """Returns whether some of the arrays are what `pack` returned."""
  return any(name.startswith(_SCALES) for name in stored)


def _told(array: np.ndarray | None) -> str:
  return 'missing' if array is None else f'{array.dtype}{[*array.shape]}'
