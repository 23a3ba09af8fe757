"""Findings: what a person should know about their data, and how to fix it."""

from collections.abc import Iterable, Sequence
import dataclasses
import os
import pathlib

LEVELS = ('error', 'warning', 'note')
_SHOWN = 5


@dataclasses.dataclass(frozen=True)
class Finding:
  """One thing that was found.

  Attributes:
    level: 'error': files that cannot be used and are left out; 'warning': what
      may spoil the training or its scores; 'note': a choice that was made.
    kind: a short name, the same for all findings of this kind.
    text: what was found.
    remedy: what to do about it; '' for nothing.
    files: the files concerned, relative to the data folder.
  """

  level: str
  kind: str
  text: str
  remedy: str = ''
  files: tuple[str, ...] = ()

  def lines(self) -> list[str]:
    """Returns the finding as text that names the first files."""
    lines = [f'{self.level}: {self.text}']
    if self.files:
      more = len(self.files) - _SHOWN
      rest = f' and {more} more' if more > 0 else ''
      lines.append(f'  {", ".join(self.files[:_SHOWN])}{rest}')
    if self.remedy:
      lines.append(f'  -> {self.remedy}')
    return lines


def about(
  files: Sequence[str],
  noun: str,
  kind: str,
  text: str,
  remedy: str = '',
  *,
  level: str,
) -> list[Finding]:
  """Returns one finding that counts the files, or none if there are no files.

  Args:
    files: the files concerned, or lines about them.
    noun: what one of them is called: 'image'.
    kind: as in `Finding`.
    text: what follows the count: 'without a label'.
    remedy: as in `Finding`.
    level: likewise.
  """
  if not files:
    return []
  counted = f'{count(len(files), noun)} {text}'
  return [Finding(level, kind, counted, remedy, tuple(files))]


def names(
  folder: pathlib.Path, files: Iterable[pathlib.Path]
) -> tuple[str, ...]:
  """Returns paths relative to the folder, for findings."""
  return tuple(os.path.relpath(file, folder) for file in files)


def ordered(found: Sequence[Finding]) -> list[Finding]:
  """Returns findings with errors first and notes last."""
  return sorted(found, key=lambda each: LEVELS.index(each.level))


def count(number: int, noun: str) -> str:
  """Returns '1 image', '2 images'."""
  return f'{number} {noun}{"" if number == 1 else "s"}'
