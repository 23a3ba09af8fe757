"""Trees of arrays by name: how a state is stored and restored."""

from collections.abc import Mapping
from typing import TypeVar

import flax.serialization
import flax.traverse_util
import jax
import numpy as np

from magnet_jax.types import Array, InputError

Leaf = Array | jax.ShapeDtypeStruct
Tree = dict[str, 'Tree | np.ndarray']
T = TypeVar('T')


def flatten(tree: object) -> dict[str, Leaf]:
  """Flattens to leaves by 'a/b/c' of dicts, dataclasses, tuples; not None."""
  nested = flax.serialization.to_state_dict(tree)
  flat = flax.traverse_util.flatten_dict(nested, sep='/')
  return {key: leaf for key, leaf in flat.items() if leaf is not None}


def unflatten(flat: Mapping[str, Leaf]) -> Tree:
  """Returns nested dicts of leaves by 'a/b/c'."""
  nested: Tree = flax.traverse_util.unflatten_dict(dict(flat), sep='/')
  return nested


def fit(found: object, template: T, name: str) -> T:
  """Returns the template with restored leaves in place of its own.

  Args:
    found: nested dicts of arrays.
    template: tree of arrays, or of shapes with data types.
    name: of the checkpoint, for messages.

  Returns:
    The template's own types, with the leaves found.

  Raises:
    InputError: a leaf is missing, left over, or has another shape or data
      type; names the first one.
  """
  leaves, wanted = flatten(found), flatten(template)
  for key in sorted(wanted.keys() ^ leaves.keys()):
    where = 'missing' if key in wanted else 'unexpected'
    raise InputError(
      f'{name}: {key} is {where}: the checkpoint must hold exactly what is '
      'trained; use the config that it was saved with, or another folder'
    )
  for key in sorted(wanted):
    here, there = leaves[key], wanted[key]
    if here.shape != there.shape or here.dtype != there.dtype:
      raise InputError(
        f'{name}: {key} is {here.dtype}{list(here.shape)}, but '
        f'{there.dtype}{list(there.shape)} is needed; use the config that it '
        'was saved with, or another folder'
      )
  nested = flax.serialization.to_state_dict(template)
  # Empty parts of the template are not stored, but belong to its structure.
  whole = flax.traverse_util.flatten_dict(
    nested, sep='/', keep_empty_nodes=True
  )
  fitted: T = flax.serialization.from_state_dict(
    template, unflatten(whole | leaves)
  )
  return fitted
