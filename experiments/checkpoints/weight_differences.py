"""Measures how the weights of two checkpoints of one network differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import dataclasses
import math

import numpy as np

from magnet_jax.files import checkpoints, trees
from magnet_jax.files.atomic import PathLike
from magnet_jax.report.shown import Table
from magnet_jax.types import InputError

_LISTED = 4  # keys named in an error; the rest is counted


@dataclasses.dataclass(frozen=True)
class Change:
  """Difference of an array, or of a block of arrays, first to second.

  Attributes:
    name: of the array or the block.
    size: as text: the shape of an array, or what a block holds.
    largest: largest absolute difference of an entry.
    relative: norm of the difference over the norm of the first; inf where the
      first is 0 and the second is not.
    cosine: of the angle between the two, 1 for the same direction; NaN where
      one is 0.
  """

  name: str
  size: str
  largest: float
  relative: float
  cosine: float


@dataclasses.dataclass(frozen=True)
class _Sums:
  """Sums that a `Change` is computed from; those of arrays add up."""

  entries: int
  largest: float
  first: float
  second: float
  product: float
  difference: float

  def change(self, name: str, size: str) -> Change:
    lengths = math.sqrt(self.first) * math.sqrt(self.second)
    if self.first:
      relative = math.sqrt(self.difference / self.first)
    else:
      relative = math.inf if self.difference else 0.0
    cosine = self.product / lengths if lengths else math.nan
    return Change(name, size, self.largest, relative, min(cosine, 1.0))


def parameters(
  first: PathLike, second: PathLike, *, only: str = ''
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
  """Reads two checkpoints of one network and pairs their arrays.

  Args:
    first: whatever `checkpoints.load` reads: a run, a checkpoint, an .npz file.
    second: likewise.
    only: prefix of the names to compare, such as 'segmenter/'; all by default.

  Returns:
    The arrays of both by 'segmenter/params/trunk/conv1/kernel'.

  Raises:
    InputError: if a path holds no checkpoint, or if the networks differ in an
      array or its shape; the message names what differs.
  """
  a, b = (
    {
      key: np.asarray(leaf)
      for key, leaf in trees.flatten(checkpoints.load(path)[0]).items()
      if key.startswith(only)
    }
    for path in (first, second)
  )
  differing = [
    f'{len(keys)} in {path} alone ({_listed(keys)})'
    for path, keys in (
      (first, sorted(a.keys() - b.keys())),
      (second, sorted(b.keys() - a.keys())),
    )
    if keys
  ]
  shapes = [
    f'{key} {list(a[key].shape)} and {list(b[key].shape)}'
    for key in a
    if key in b and a[key].shape != b[key].shape
  ]
  if shapes:
    differing.append(f'{len(shapes)} of other shapes ({_listed(shapes)})')
  if differing:
    raise InputError(
      f'arrays of {first} and {second}: {", ".join(differing)}: both must be '
      'of one network; choose two of one config, or compare a part by only='
    )
  if not a:
    raise InputError(
      f'{first}: no array has a name that begins with {only!r}; begin it with '
      'segmenter/ or refiner/'
    )
  return {key: (a[key], b[key]) for key in a}


def _listed(names: Sequence[str]) -> str:
  more = len(names) - _LISTED
  return ', '.join(names[:_LISTED]) + (f' and {more} more' if more > 0 else '')


def changes(
  arrays: Mapping[str, tuple[np.ndarray, np.ndarray]],
) -> list[Change]:
  """Returns how each array differs, largest relative difference first."""
  found = [
    _sums(a, b).change(name, ' x '.join(map(str, a.shape)) or 'scalar')
    for name, (a, b) in arrays.items()
  ]
  return _sorted(found)


def block_changes(
  arrays: Mapping[str, tuple[np.ndarray, np.ndarray]], depth: int = 3
) -> list[Change]:
  """Returns how each block differs: arrays that share a prefix, as one.

  Args:
    arrays: from `parameters`.
    depth: parts of a name in the prefix: 3 gives 'segmenter/params/trunk'.
  """
  blocks: dict[str, list[_Sums]] = {}
  for name, (a, b) in arrays.items():
    block = '/'.join(name.split('/')[:-1][:depth])
    blocks.setdefault(block, []).append(_sums(a, b))
  found = []
  for block, sums in blocks.items():
    entries = sum(each.entries for each in sums)
    total = _Sums(
      entries,
      float(np.max([each.largest for each in sums])),
      *(
        sum(getattr(each, name) for each in sums)
        for name in ('first', 'second', 'product', 'difference')
      ),
    )
    held = '1 array' if len(sums) == 1 else f'{len(sums)} arrays'
    found.append(total.change(block, f'{entries:,} in {held}'))
  return _sorted(found)


def _sums(first: np.ndarray, second: np.ndarray) -> _Sums:
  a = first.astype(np.float64).ravel()
  b = second.astype(np.float64).ravel()
  # Weights that are not finite give NaN, which the table shows.
  with np.errstate(invalid='ignore', over='ignore'):
    gap = b - a
    return _Sums(
      a.size,
      float(np.abs(gap).max(initial=0)),
      float(a @ a),
      float(b @ b),
      float(a @ b),
      float(gap @ gap),
    )


def _sorted(found: Sequence[Change]) -> list[Change]:
  """Sorted by relative change; NaN, of weights not finite, comes first."""
  return sorted(
    found,
    key=lambda c: math.inf if math.isnan(c.relative) else c.relative,
    reverse=True,
  )


def change_table(found: Sequence[Change], most: int = 12) -> Table:
  """Lists changes as a table.

  Args:
    found: from `changes` or `block_changes`.
    most: how many to show; the rest is counted.
  """
  body = tuple(
    (
      change.name,
      change.size,
      f'{change.largest:.3g}',
      f'{100 * change.relative:.3g}',
      f'{change.cosine:.6f}',
    )
    for change in found[:most]
  )
  same = sum(change.largest == 0 for change in found)
  notes = [f'{same} of {len(found)} are the same in both.']
  if len(found) > most:
    notes.append(f'{len(found) - most} with smaller changes are not shown.')
  heads = ('name', 'size', 'max |change|', 'relative change %', 'cosine')
  return Table(heads, body, 2, notes=tuple(notes))
