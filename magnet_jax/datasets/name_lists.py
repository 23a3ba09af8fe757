"""Which image belongs to which split: given lists, or a rule."""

from collections.abc import Mapping, Sequence
import hashlib
import pathlib
import re

from magnet_jax.files import text
from magnet_jax.types import InputError

_ENDING = re.compile(
  r'(_sat|_mask|_classimg_nonconvex)?(\.(jpe?g|png|tiff?))?$', re.IGNORECASE
)
_SHOWN = 3


def from_lists(
  folder: pathlib.Path,
  known: Sequence[str],
  names: Mapping[str, Sequence[str]],
) -> dict[str, list[str]] | None:
  """Splits by lists of file names, such as those of published work.

  A line is a name, with or without folders and suffixes. Ignores what follows
  a tab, empty lines, and lines that start with #.

  Args:
    folder: where the lists may be.
    known: the keys of all images.
    names: possible file names of the list of each split; there must be lists
      for all splits, or for none.

  Returns:
    Keys by split, or None if there is no list. Unlisted images are left out.

  Raises:
    InputError: a list is missing, or names an image that does not exist or
      that another list names.
  """
  paths = {
    split: next(
      (folder / name for name in each if (folder / name).is_file()), None
    )
    for split, each in names.items()
  }
  if not any(paths.values()):
    return None
  keys, owner = set(known), dict[str, str]()
  found: dict[str, list[str]] = {}
  for split, path in paths.items():
    if path is None:
      given = ', '.join(p.name for p in paths.values() if p)
      raise InputError(
        f'{folder}: has {given} but no list for {split}; add '
        f'{" or ".join(names[split])}, or remove the others'
      )
    found[split] = _read(path)
    for key in found[split]:
      if key not in keys:
        raise InputError(
          f'{path}: names {key}, which is not an image of the set, such as '
          f'{", ".join(sorted(keys)[:_SHOWN])}; correct the list'
        )
      if key in owner:
        raise InputError(
          f'{path}: names {key}, as {owner[key]} does; an image belongs to '
          'one split, correct the lists'
        )
      owner[key] = path.name
  return found


def _read(path: pathlib.Path) -> list[str]:
  lines = text.read_lines(path, 'give a text file with one image per line')
  names = [line.split('\t')[0].strip() for line in lines if line[:1] != '#']
  # Handles both kinds of slashes.
  paths = [pathlib.PureWindowsPath(name) for name in names if name]
  return [_ENDING.sub('', path.name) for path in paths]


def by_shares(
  known: Sequence[str], shares: Mapping[str, int]
) -> dict[str, list[str]]:
  """Splits by a fixed rule, the order of the SHA-256 of the names.

  The same images give the same splits on every machine.

  Args:
    known: the keys of all images.
    shares: relative sizes of the splits.

  Returns:
    Keys by split, sorted.
  """
  order = sorted(known, key=lambda k: hashlib.sha256(k.encode()).hexdigest())
  total, start, found = sum(shares.values()), 0, {}
  passed = 0
  for split, share in shares.items():
    passed += share
    end = round(len(order) * passed / total)
    found[split] = sorted(order[start:end])
    start = end
  return found
