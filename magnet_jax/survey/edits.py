"""Keeps what a person has changed in the files that init wrote."""

import hashlib
import pathlib

from magnet_jax.files import records
from magnet_jax.survey import config_text
from magnet_jax.survey.dividing import SPLITS
from magnet_jax.types import InputError

RECORD = 'findings.json'  # which holds the sums of the files as init wrote them
WRITTEN = 'written'
_NAMES = (config_text.NAME, 'classes.json', *(f'{s}.txt' for s in SPLITS))


def sums(folder: pathlib.Path) -> dict[str, str]:
  """Returns a sum of each file in a folder that a person may change."""
  return {
    name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
    for name in _NAMES
    if (folder / name).is_file()
  }


def check(new: pathlib.Path, out: pathlib.Path) -> None:
  """Checks that no file that a person has changed would be replaced.

  Files that are as init wrote them may be, and those that would stay the same.

  Args:
    new: the folder of the new files.
    out: the folder that they go to.

  Raises:
    InputError: names the files that were changed.
  """
  fresh, there, written = sums(new), sums(out), _written(out)
  changed = [
    name
    for name, found in there.items()
    if name in fresh and found not in (fresh[name], written.get(name))
  ]
  if changed:
    raise InputError(
      f'{out}: {", ".join(changed)} would be replaced, with what was changed '
      'there since init wrote it; give another --out and compare, or replace '
      'it by --force'
    )


def _written(out: pathlib.Path) -> dict[str, str]:
  """Returns the sums of the files that init wrote before, if it told them."""
  path = out / RECORD
  if not path.is_file():
    return {}
  try:
    found = records.read_object(path, '').get(WRITTEN)
  except InputError:  # damaged: then all that differs counts as changed
    return {}
  return found if isinstance(found, dict) else {}
