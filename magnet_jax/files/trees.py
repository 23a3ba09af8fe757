"""Trees of arrays by name: what is stored of a state, and how it comes back."""

from collections.abc import Mapping
from typing import Any

import flax.serialization
import flax.traverse_util

from magnet_jax.types import InputError

Tree = dict[str, Any]


def flatten(tree: Any) -> dict[str, Any]:
  """Leaves by 'a/b/c' of dicts, dataclasses and tuples; None is no leaf."""
  nested = flax.serialization.to_state_dict(tree)
  flat = flax.traverse_util.flatten_dict(nested, sep='/')
  return {key: leaf for key, leaf in flat.items() if leaf is not None}


def unflatten(flat: Mapping[str, Any]) -> Tree:
  """Nested dicts of leaves by 'a/b/c'."""
  nested: Tree = flax.traverse_util.unflatten_dict(dict(flat), sep='/')
  return nested


def fit(found: Tree, template: Any, name: str) -> Any:
  """Puts restored leaves in the template's place, if they all fit.

  Args:
    found: nested dicts of arrays.
    template: tree of arrays or of shapes with data types.
    name: what messages call the checkpoint.

  Returns:
    The template's own types, with the leaves found.

  Raises:
    InputError: names the first leaf that is missing, left over, or of
      another shape or data type.
  """
  leaves, wanted = flatten(found), flatten(template)
  for key in sorted(wanted.keys() ^ leaves.keys()):
    where = 'missing' if key in wanted else 'not wanted'
    raise InputError(
      f'{name}: {key} is {where}: the checkpoint must hold just what is '
      'trained; use the config that it was saved with or another folder'
    )
  for key in sorted(wanted):
    here, there = leaves[key], wanted[key]
    if here.shape != there.shape or here.dtype != there.dtype:
      raise InputError(
        f'{name}: {key} is {here.dtype}{list(here.shape)}, but '
        f'{there.dtype}{list(there.shape)} is wanted; use the config that it '
        'was saved with or another folder'
      )
  nested = flax.serialization.to_state_dict(template)
  # With the template's empty parts, which are not stored.
  whole = flax.traverse_util.flatten_dict(
    nested, sep='/', keep_empty_nodes=True
  )
  return flax.serialization.from_state_dict(template, unflatten(whole | leaves))
