"""Short names for what a run depends on: the same only for the same bytes."""

import hashlib
import inspect
import json
import os
import pathlib
from typing import Any

import jax
import numpy as np

from magnet_jax.cascade.host_segmenter import HostSegmenter
from magnet_jax.files.atomic import PathLike
from magnet_jax.types import InputError, Network

_BLOCK = 2**16
_BLOCKS = 64  # of a file, spread over it


def networks(*each: Network | HostSegmenter) -> str:
  """Of networks: their weights, or what runs in a segmenter's place."""
  digest = hashlib.sha256()
  for network in each:
    if isinstance(network, HostSegmenter):
      _add_host_segmenter(digest, network)
    for path, leaf in jax.tree_util.tree_leaves_with_path(network):
      if isinstance(leaf, jax.Array | np.ndarray | float | int):
        array = np.ascontiguousarray(leaf)
        digest.update(f'{jax.tree_util.keystr(path)} {array.shape}'.encode())
        digest.update(array.tobytes())
      elif callable(leaf):
        digest.update(_source(leaf))
  return digest.hexdigest()[:16]


def file(path: PathLike) -> dict[str, Any]:
  """Of a file: its bytes, time of change and a sample of its content.

  Raises:
    InputError: it cannot be read.
  """
  digest = hashlib.sha256()
  try:
    state = os.stat(path)
    with open(path, 'rb') as opened:
      step = max(_BLOCK, state.st_size // _BLOCKS)
      for start in range(0, state.st_size, step):
        opened.seek(start)
        digest.update(opened.read(_BLOCK))
  except OSError as error:
    raise InputError(
      f'{os.fspath(path)}: cannot be read, {error.strerror}; check the path'
    ) from error
  return {
    'bytes': state.st_size,
    'changed': state.st_mtime_ns,
    'content': digest.hexdigest()[:16],
  }


def _add_host_segmenter(digest: Any, network: HostSegmenter) -> None:
  settings = [
    network.name,
    network.classes,
    network.normalised,
    network.channels,
    network.outputs,
    network.batch,
    network.size,
  ]
  digest.update(json.dumps(settings).encode())
  path = pathlib.Path(network.name)
  if path.is_file():
    digest.update(path.read_bytes())
  else:
    digest.update(_source(network.function))


def _source(function: Any) -> bytes:
  """The text of a function's file; its name where that is not known."""
  try:
    return pathlib.Path(inspect.getfile(inspect.unwrap(function))).read_bytes()
  except (TypeError, OSError):
    return getattr(function, '__qualname__', type(function).__name__).encode()
