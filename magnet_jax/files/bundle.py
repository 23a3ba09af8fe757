"""Trained networks as one file."""

from collections.abc import Mapping
import json
import pathlib
from typing import Any
import zipfile

import numpy as np

from magnet_jax.files import atomic, decoding, records, trees
from magnet_jax.files.atomic import PathLike
from magnet_jax.types import InputError

_META = '__meta__'


def export(
  path: PathLike, variables: Mapping[str, Any], meta: Mapping[str, Any]
) -> None:
  """Writes trained networks as one file, whole or not at all.

  An uncompressed .npz of all arrays by 'segmenter/params/…', and the meta.

  Args:
    path: a name that ends in .npz.
    variables: {'segmenter': {'params', 'batch_stats'}, 'refiner': …}.
    meta: JSON values: config and classes.

  Raises:
    InputError: another suffix, or the system refuses to write.
  """
  if pathlib.Path(path).suffix != '.npz':
    raise InputError(f'{path}: must end in .npz to hold a model; rename it')
  arrays = {
    key: np.asarray(leaf) for key, leaf in trees.flatten(variables).items()
  }
  text = json.dumps(records.to_json(meta), allow_nan=False).encode()
  arrays[_META] = np.frombuffer(text, np.uint8)
  with atomic.replacing(path) as temporary:
    np.savez(temporary, **arrays)  # type: ignore[arg-type]


def read(path: PathLike) -> tuple[trees.Tree, trees.Tree]:
  """Reads what `export` wrote.

  Args:
    path: the file.

  Returns:
    The variables, NumPy arrays, and the meta.

  Raises:
    InputError: missing, damaged, or another kind of file.
  """
  path = decoding.check_file(path)
  try:
    # Opened here: np.load leaves files open that are no archives.
    with path.open('rb') as file, np.load(file, allow_pickle=False) as stored:
      arrays = {key: stored[key] for key in stored.files}
    meta = json.loads(arrays.pop(_META).tobytes())
  except (
    OSError,
    ValueError,
    KeyError,
    EOFError,
    TypeError,
    AttributeError,
    zipfile.BadZipFile,
  ) as error:
    raise InputError(
      f'{path}: is no model file of magnet-jax, or it is damaged; export it '
      'again from its run'
    ) from error
  return trees.unflatten(arrays), meta
