"""Writes a function in the format of another program, and checks it there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from magnet_jax import outside
from magnet_jax.types import InputError

FORMATS = {'onnx': '.onnx', 'stablehlo': '.stablehlo'}
# The size at which a network of open size is traced. Of its halves no two are
# alike, all heights are even but for the last ones, and all widths odd.
TRACED = (192, 321)
# Of the results' range: what the order of sums may change in float32.
TOLERANCE = 1e-5
_PLATFORMS = ('cpu', 'cuda', 'tpu')
Function = Callable[..., Any]


def stablehlo(
  function: Function,
  inputs: Mapping[str, jax.ShapeDtypeStruct],
  *,
  free_batch: bool,
) -> bytes:
  """Serialises a function as StableHLO, for `jax.export.deserialize`.

  Args:
    function: of arrays [B,h,w,C]; its weights are written into the result.
    inputs: their shapes and types, by name.
    free_batch: whether B is open.
  """
  from jax import export

  (batch,) = export.symbolic_shape('batch') if free_batch else (None,)
  shapes = [
    jax.ShapeDtypeStruct(
      (struct.shape[0] if batch is None else batch, *struct.shape[1:]),
      struct.dtype,
    )
    for struct in inputs.values()
  ]
  made = export.export(jax.jit(function), platforms=_PLATFORMS)(*shapes)
  return bytes(made.serialize())


def run_stablehlo(written: bytes, given: Sequence[np.ndarray]) -> list[Any]:
  """Calls what `stablehlo` has written."""
  from jax import export

  found = export.deserialize(bytearray(written)).call(*given)
  return [*found] if isinstance(found, tuple) else [found]


def run_onnx(
  written: bytes, given: Mapping[str, np.ndarray], channels: str
) -> list[Any]:
  """Calls a written ONNX model by onnxruntime, with arrays [B,h,w,C]."""
  from magnet_jax.engines import sessions

  first = channels == 'first'
  arrays = {
    name: array.transpose(0, 3, 1, 2) if first else array
    for name, array in given.items()
  }
  found = sessions.make('onnxruntime', written, 'float32')(**arrays)
  return [each.transpose(0, 2, 3, 1) if first else each for each in found]


def difference(
  function: Function, given: Sequence[np.ndarray], found: Sequence[Any]
) -> float:
  """Compares results with JAX's: the largest difference, of their range."""
  # What accelerators take for float32 may be less.
  with jax.default_matmul_precision('highest'):
    wanted = jax.jit(function)(*given)
  wanted = wanted if isinstance(wanted, tuple) else (wanted,)
  return max(
    float(np.abs(np.asarray(a) - b).max() / max(np.ptp(b), 1e-6))
    for a, b in zip(found, map(np.asarray, wanted), strict=True)
  )


def check(
  name: str,
  run: Callable[[], list[Any]],
  function: Function,
  given: Sequence[np.ndarray],
) -> float:
  """Checks that a written network computes what JAX does.

  Args:
    name: of the network, for messages.
    run: calls what was written.
    function: the same in JAX.
    given: inputs [B,h,w,C] of both.

  Returns:
    The largest difference, of the results' range.

  Raises:
    InputError: it is above TOLERANCE, or the program cannot run it.
  """
  size = 'x'.join(map(str, given[0].shape[1:3]))
  remedy = 'export it with a fixed size, or as StableHLO'
  with outside.reading(
    name, f'what was exported cannot be run on images of {size}', remedy
  ):
    found = run()
  largest = difference(function, given, found)
  if not largest <= TOLERANCE:
    raise InputError(
      f'{name}: what was exported differs from JAX by {largest:.1e} of the '
      f'range of its results on images of {size}: must be at most '
      f'{TOLERANCE:.0e}; {remedy}'
    )
  return largest
