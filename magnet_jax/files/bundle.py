"""Trained networks as one file."""

import json
import pathlib

import numpy as np

from magnet_jax.files import atomic, decoding, meta_json, trees
from magnet_jax.files.atomic import PathLike
from magnet_jax.files.trees import Tree
from magnet_jax.types import InputError, Meta

_META = '__meta__'


def export(path: PathLike, variables: object, meta: Meta) -> None:
  """Writes trained networks as one file, completely or not at all.

  An uncompressed .npz of all arrays by 'segmenter/params/…', and the metadata.

  Args:
    path: must end in .npz.
    variables: {'segmenter': {'params', 'batch_stats'}, 'refiner': …}.
    meta: its config and classes describe the networks.

  Raises:
    InputError: another suffix, or writing fails.
  """
  if pathlib.Path(path).suffix != '.npz':
    raise InputError(f'{path}: must end in .npz to hold a model; rename it')
  arrays = {
    key: np.asarray(leaf) for key, leaf in trees.flatten(variables).items()
  }
  text = json.dumps(meta_json.to_json(meta), allow_nan=False).encode()
  arrays[_META] = np.frombuffer(text, np.uint8)
  with atomic.replacing(path) as temporary:
    np.savez(temporary, **arrays)  # type: ignore[arg-type]


def read(path: PathLike) -> tuple[dict[str, Tree], Meta]:
  """Reads a file written by `export`.

  Args:
    path: the file.

  Returns:
    The variables, as NumPy arrays, and the metadata.

  Raises:
    InputError: missing, damaged, or another kind of file.
  """
  path = decoding.check_file(path)
  try:
    # Opened here: np.load leaves files open that are not archives.
    with path.open('rb') as file, np.load(file, allow_pickle=False) as stored:
      arrays = {key: stored[key] for key in stored.files}
    content = json.loads(arrays.pop(_META).tobytes())
    tree = trees.unflatten(arrays)
    variables = {k: v for k, v in tree.items() if isinstance(v, dict)}
  except MemoryError:
    raise
  # NumPy and zipfile raise nearly anything for damaged files.
  except Exception as error:
    raise InputError(
      f'{path}: is not a model file of magnet-jax, or it is damaged; export it '
      'again from its run'
    ) from error
  return variables, meta_json.from_json(content, str(path))
