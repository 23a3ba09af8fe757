"""Trained networks as one file."""

from collections.abc import Callable, Mapping
import json
import pathlib

import numpy as np

from magnet_jax import checked, outside
from magnet_jax.files import (
  array_files,
  atomic,
  decoding,
  eight_bits,
  meta_json,
  plain_json,
  trees,
)
from magnet_jax.files.atomic import PathLike
from magnet_jax.files.trees import Tree
from magnet_jax.types import InputError, Meta

_META = '__meta__'
BITS = (32, 8)  # per weight of a kernel


def export(
  path: PathLike, variables: object, meta: Meta, *, bits: int = 32
) -> None:
  """Writes trained networks as one file, completely or not at all.

  An .npz of all arrays by 'segmenter/params/…', and the metadata.

  Args:
    path: must end in .npz.
    variables: {'segmenter': {'params', 'batch_stats'}, 'refiner': …}.
    meta: its config and classes describe the networks.
    bits: per weight of a kernel: 32 keeps every number, 8 makes the file about
      a quarter as large, see `eight_bits`.

  Raises:
    InputError: another suffix, other bits, weights that are not finite and
      should have 8 bits, or writing fails.
  """
  if pathlib.Path(path).suffix != '.npz':
    raise InputError(f'{path}: must end in .npz to hold a model; rename it')
  if bits not in BITS:
    raise InputError(
      f'{bits} bits per weight: must be one of {BITS}; choose one'
    )
  arrays = {
    key: np.asarray(leaf) for key, leaf in trees.flatten(variables).items()
  }
  if bits == 8:
    with checked.named(str(path)):
      arrays = eight_bits.pack(arrays)
  _write(path, arrays, meta)


def rewrite(path: PathLike, change: Callable[[Meta], Meta]) -> None:
  """Changes the metadata of a file; the weights stay as they are stored.

  Raises:
    InputError: it is not a model file, or writing fails.
  """
  arrays, meta = _stored(path)
  _write(path, arrays, change(meta))


def read(path: PathLike) -> tuple[dict[str, Tree], Meta]:
  """Reads a file written by `export`.

  Args:
    path: the file.

  Returns:
    The variables, as NumPy arrays, and the metadata.

  Raises:
    InputError: missing, damaged, or another kind of file.
  """
  arrays, meta = _stored(path)
  with checked.named(str(path)):
    tree = trees.unflatten(eight_bits.unpack(arrays))
  return {k: v for k, v in tree.items() if isinstance(v, dict)}, meta


def _write(
  path: PathLike, arrays: Mapping[str, np.ndarray], meta: Meta
) -> None:
  """Writes arrays as they are; whole numbers are worth compressing."""
  text = json.dumps(meta_json.to_json(meta), allow_nan=False).encode()
  save = np.savez_compressed if eight_bits.packed(arrays) else np.savez
  with atomic.replacing(path) as temporary:
    save(temporary, **arrays, **{_META: np.frombuffer(text, np.uint8)})  # type: ignore[arg-type]


def _stored(path: PathLike) -> tuple[dict[str, np.ndarray], Meta]:
  """Returns the arrays of a file, as they are stored, and its metadata."""
  path = decoding.check_file(path)
  with outside.reading(
    path,
    'is not a model file of magnet-jax, or it is damaged',
    'export it again from its run',
  ):
    arrays = array_files.read(path)
    text = arrays.pop(_META).tobytes()
    content = plain_json.parse(text, finite=False)
    trees.unflatten(arrays)
  return arrays, meta_json.from_json(content, str(path))
