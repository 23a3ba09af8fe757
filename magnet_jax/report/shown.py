"""Tables and pictures that display themselves, in a notebook or as text."""

from __future__ import annotations

import dataclasses
import html
import io

import numpy as np
from PIL import Image

from magnet_jax.evaluate import tables
from magnet_jax.files import images
from magnet_jax.files.atomic import PathLike

_COLOURS = 64  # of a chart's palette; smooth edges of letters need most
_QUALITY = 65  # of a photograph


@dataclasses.dataclass(frozen=True, repr=False)
class Table:
  """Cells of text: shown as HTML in a notebook, as lines elsewhere.

  Attributes:
    head: the headings.
    body: lines with as many cells as the head.
    words: number of columns, from the left, that hold words.
    best: (line, column) of the highlighted cells: bold in HTML, * in text.
    notes: sentences below the table.
  """

  head: tuple[str, ...]
  body: tuple[tuple[str, ...], ...]
  words: int = 1
  best: frozenset[tuple[int, int]] = frozenset()
  notes: tuple[str, ...] = ()

  def __repr__(self) -> str:
    marked = {column for _, column in self.best}

    def mark(line: int, column: int, cell: str) -> str:
      if column not in marked:
        return cell
      return cell + ('*' if (line, column) in self.best else ' ')

    cells = [
      [mark(line, column, cell) for column, cell in enumerate(row)]
      for line, row in enumerate((self.head, *self.body), start=-1)
    ]
    return '\n'.join([*tables.aligned(cells, self.words), *self.notes])

  def _repr_html_(self) -> str:
    """Returns plain tags only, as viewers of notebooks drop style sheets."""
    lines = [self._line('th', -1, self.head)]
    lines += [self._line('td', n, row) for n, row in enumerate(self.body)]
    notes = ''.join(f'<p>{html.escape(note)}</p>' for note in self.notes)
    return (
      f'<table><thead>{lines[0]}</thead><tbody>\n'
      + '\n'.join(lines[1:])
      + f'\n</tbody></table>{notes}'
    )

  def _line(self, tag: str, line: int, row: tuple[str, ...]) -> str:
    cells = []
    for column, cell in enumerate(row):
      side = 'left' if column < self.words else 'right'
      text = html.escape(cell)
      if (line, column) in self.best:
        text = f'<b>{text}</b>'
      cells.append(f'<{tag} align="{side}">{text}</{tag}>')
    return f'<tr>{"".join(cells)}</tr>'


@dataclasses.dataclass(frozen=True, repr=False)
class Picture:
  """A picture that a notebook displays.

  Attributes:
    pixels: uint8 [h,w,3], RGB.
    title: what it shows, in words.
    photograph: encoded as JPEG; charts are encoded as PNG with few colours.
    scale: pixels of the picture per pixel on the screen: at 2, text is crisp
      on high-resolution screens.
  """

  pixels: np.ndarray
  title: str
  photograph: bool = False
  scale: int = 1

  def __repr__(self) -> str:
    height, width = self.pixels.shape[:2]
    return f'{self.title} ({width} x {height} pixels)'

  @property
  def width(self) -> int:
    """Its width on the screen, in pixels."""
    return self.pixels.shape[1] // self.scale

  def _repr_mimebundle_(
    self, include: object = None, exclude: object = None
  ) -> tuple[dict[str, str | bytes], dict[str, dict[str, int]]]:
    """Returns the picture by MIME type, and its width on the screen."""
    del include, exclude
    kind, data = self.encoded()
    return {'text/plain': repr(self), kind: data}, {kind: {'width': self.width}}

  def encoded(self) -> tuple[str, bytes]:
    """Returns the MIME type and the encoded picture."""
    stream = io.BytesIO()
    image = Image.fromarray(self.pixels)
    if self.photograph:
      image.save(stream, 'JPEG', quality=_QUALITY, optimize=True)
      return 'image/jpeg', stream.getvalue()
    few = image.quantize(_COLOURS, dither=Image.Dither.NONE)
    few.save(stream, 'PNG', optimize=True)
    return 'image/png', stream.getvalue()

  def write(self, path: PathLike) -> None:
    """Writes the picture as PNG or JPEG, by the path's suffix."""
    images.write_image(path, self.pixels)
