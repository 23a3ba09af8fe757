"""Brings images that lie elsewhere into a folder, before they are segmented."""

from collections.abc import Mapping
import pathlib
from typing import Protocol

from magnet_jax import outside, parallel
from magnet_jax.files import decoding, downloads
from magnet_jax.types import InputError


class Origin(Protocol):
  """Where an image is; its text is for messages."""

  @property
  def place(self) -> tuple[str, str, str]:
    """What no other file has, and the names of its folder and of itself."""
    ...

  def fetch(self, path: pathlib.Path, progress: downloads.Progress) -> bool:
    """Copies it to a path unless it is there; returns whether it was not."""
    ...


class Progress(downloads.Progress, Protocol):
  """The progress callback of several files."""

  def remarks(self, line: str) -> None:
    """Shows a note to the user."""


def fetch(
  images: Mapping[pathlib.Path, Origin | None], progress: Progress
) -> tuple[list[pathlib.Path], list[str]]:
  """Fetches all images that lie elsewhere; a bad one does not stop others.

  Of several processes each fetches every n-th, then what it cannot see, as on
  a disk of its own. All processes name the same images and return the same.

  Args:
    images: where each will be, and where it is now; None: there already.
    progress: progress callback.

  Returns:
    The paths of those that are there, and one line for each of the others.
  """
  wanted = {path: origin for path, origin in images.items() if origin}
  if not wanted:
    return [*images], []
  failed: dict[str, str] = {}
  own = slice(parallel.process(), None, parallel.processes())
  shares = dict([*wanted.items()][own])
  for _ in range(2):
    for path, origin in shares.items():
      try:
        with decoding.guarded(str(origin)):
          new = origin.fetch(path, progress)
      except InputError as error:
        outside.told(error)
        failed[str(path)] = str(error)
      else:
        done = 'fetched' if new else 'is there already'
        progress.remarks(f'{origin}: {done}, {path}')
    # Nobody opens a file before all are in their places.
    for each in parallel.gather(failed):
      failed |= each
    shares = {
      path: origin
      for path, origin in wanted.items()
      if str(path) not in failed and not path.exists()
    }
  lines = [failed[str(path)] for path in wanted if str(path) in failed]
  return [path for path in images if str(path) not in failed], lines
