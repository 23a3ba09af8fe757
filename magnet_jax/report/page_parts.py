"""HTML that the parts of the page are built from."""

from __future__ import annotations

import base64
from collections.abc import Sequence
import html

from magnet_jax.report.shown import Picture, Table


def escaped(value: object) -> str:
  """Escapes a value to be shown as plain text."""
  return html.escape(str(value), quote=True)


def table(
  head: Sequence[str],
  body: Sequence[str],
  kind: str = 'numbers',
  words: int = 1,
) -> str:
  """Lays out a table in a card.

  Args:
    head: headings, plain text.
    body: one entry per line, cells in HTML.
    kind: class in the style sheet: 'numbers', 'wordy' or 'matrix'.
    words: number of columns, from the left, that hold words.
  """
  heads = ''.join(
    f'<th scope="col"{_side(column, words)}>{escaped(cell)}</th>'
    for column, cell in enumerate(head)
  )
  lines = '\n'.join(f'<tr>{line}</tr>' for line in body)
  # In a scrollable card: wide tables scroll, by keyboard as well.
  return (
    f'<div class="card" tabindex="0"><table class="{kind}">\n'
    f'<thead><tr>{heads}</tr></thead>\n<tbody>\n{lines}\n</tbody></table></div>'
  )


def plain_table(shown: Table) -> str:
  """Lays out a table of text, with its notes below."""
  lines = []
  for line, row in enumerate(shown.body):
    cells = []
    for column, cell in enumerate(row):
      kind = _side(column, shown.words)
      if (line, column) in shown.best:
        kind = ' class="best"'
      tag = 'th scope="row"' if column == 0 else 'td'
      cells.append(f'<{tag}{kind}>{escaped(cell)}</{tag[:2]}>')
    lines.append(''.join(cells))
  style = 'numbers' if shown.words < len(shown.head) else 'wordy'
  notes = ''.join(f'<p class="quiet">{escaped(n)}</p>' for n in shown.notes)
  return table(shown.head, lines, style, shown.words) + notes


def _side(column: int, words: int) -> str:
  """Aligns columns of words to the left, as the first one always is."""
  return ' class="word"' if 0 < column < words else ''


def chart(picture: Picture) -> str:
  """Returns a figure at the width that it is meant to be shown."""
  kind, data = picture.encoded()
  source = base64.b64encode(data).decode()
  return (
    '<figure class="chart" tabindex="0">'
    f'<img src="data:{kind};base64,{source}" '
    f'width="{picture.width}" alt="{escaped(picture.title)}"></figure>'
  )
