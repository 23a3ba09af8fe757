"""What is worth telling a person of their data, each with its remedy."""

from collections.abc import Sequence
import dataclasses

LEVELS = ('error', 'warning', 'note')
_SHOWN = 5


@dataclasses.dataclass(frozen=True)
class Finding:
  """One thing that was found.

  Attributes:
    level: 'error': files that cannot be used, and are left out; 'warning':
      what may spoil the training or its scores; 'note': a choice that was made.
    kind: a word or two that name it, the same for all of its kind.
    text: what is the case.
    remedy: what to do about it; '' for nothing.
    files: which it is about, relative to the folder.
  """

  level: str
  kind: str
  text: str
  remedy: str = ''
  files: tuple[str, ...] = ()

  def lines(self) -> list[str]:
    """As text, the first files named."""
    lines = [f'{self.level}: {self.text}']
    if self.files:
      lines.append('  ' + shown(self.files))
    if self.remedy:
      lines.append(f'  -> {self.remedy}')
    return lines


def shown(files: Sequence[str], most: int = _SHOWN) -> str:
  """'a.png, b.png and 3 more'."""
  more = len(files) - most
  text = ', '.join(files[:most])
  return f'{text} and {more} more' if more > 0 else text


def ordered(found: Sequence[Finding]) -> list[Finding]:
  """Errors first, notes last."""
  return sorted(found, key=lambda each: LEVELS.index(each.level))


def count(number: int, noun: str) -> str:
  """'1 image', '2 images'."""
  return f'{number} {noun}{"" if number == 1 else "s"}'
