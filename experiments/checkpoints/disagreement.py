"""Shows where on an image two segmentations differ, and in which classes."""

from __future__ import annotations

from collections.abc import Iterator
import dataclasses
import math

import numpy as np

from magnet_jax.evaluate import tables
from magnet_jax.predict import panel, pictures
from magnet_jax.predict import panel_cells as cells
from magnet_jax.predict.panel import Cell
from magnet_jax.report.shown import Picture, Table
from magnet_jax.types import ClassTable, InputError, Size

_BLOCK = 1 << 20  # pixels counted at a time
_PAIRS = 5  # pairs of classes that get their own colour in the panel
_COLOURS: tuple[pictures.Colour, ...] = (
  (255, 176, 0), (230, 60, 140), (70, 160, 255), (140, 220, 90),
  (190, 130, 255),
)  # fmt: skip
_OTHER: pictures.Colour = (225, 225, 225)
_FIRST: pictures.Colour = (40, 200, 160)
_SECOND: pictures.Colour = (255, 105, 85)
_OVERSAMPLE = 3


@dataclasses.dataclass(frozen=True)
class Disagreement:
  """How two segmentations of an image differ.

  Attributes:
    names: of the first and the second.
    classes: of both.
    pixels: number of pixels that both segmentations label.
    counts: int64 [C,C], pixels by class in the first (rows) and the second.
    right: int64 [2,C,C], the part of `counts` where the first, and where the
      second is right; None without ground truth.
  """

  names: tuple[str, str]
  classes: ClassTable
  pixels: int
  counts: np.ndarray
  right: np.ndarray | None

  @property
  def share(self) -> float:
    """Fraction of the pixels that differ, in [0, 1]; NaN without pixels."""
    if not self.pixels:
      return math.nan
    return 1 - int(np.trace(self.counts)) / self.pixels

  @property
  def pairs(self) -> list[tuple[int, int]]:
    """Pairs of differing (first, second) classes, most frequent first."""
    rows, columns = np.nonzero(self.counts)
    found = [
      (int(a), int(b)) for a, b in zip(rows, columns, strict=True) if a != b
    ]
    return sorted(found, key=lambda pair: (-self.counts[pair], pair))

  def table(self, most: int = 10) -> Table:
    """Lists the most frequent pairs of classes, and who is right there.

    Args:
      most: how many pairs to show.
    """
    first, second = self.names
    heads = [f'{first} says', f'{second} says', 'pixels', '% of the image']
    if self.right is not None:
      heads += [f'% {first} is right', f'% {second} is right']
    body = []
    for pair in self.pairs[:most]:
      count = int(self.counts[pair])
      line = [self.classes.names[index] for index in pair]
      line += [f'{count:,}', tables.percent(count / self.pixels)]
      if self.right is not None:
        line += [f'{100 * int(r[pair]) / count:.0f}' for r in self.right]
      body.append(tuple(line))
    differ = round(self.pixels * self.share) if self.pixels else 0
    notes = [
      f'{differ:,} of {self.pixels:,} pixels differ, '
      f'{tables.percent(self.share)} %.'
    ]
    if len(self.pairs) > most:
      notes.append(f'{len(self.pairs) - most} further pairs are not shown.')
    return Table(tuple(heads), tuple(body), 2, notes=tuple(notes))


def compare(
  first: np.ndarray,
  second: np.ndarray,
  classes: ClassTable,
  *,
  names: tuple[str, str] = ('A', 'B'),
  truth: np.ndarray | None = None,
) -> Disagreement:
  """Counts where two segmentations differ, by pair of classes.

  Args:
    first: uint8 [H,W], as `magnet-jax segment` writes it and
      `images.read_label` reads it; values beyond the classes are ignored.
    second: uint8 [H,W].
    classes: of both.
    names: what to call the two.
    truth: uint8 [H,W], the ground truth, to tell who is right.

  Raises:
    InputError: if the sizes differ.
  """
  _check_sizes(first, **{'second segmentation': second, 'truth': truth})
  count = len(classes)
  counts = np.zeros(count**2, np.int64)
  right = np.zeros((2, count**2), np.int64)
  for rows in _blocks(first):
    a, b = first[rows].ravel(), second[rows].ravel()
    known = (a < count) & (b < count)
    pair = a.astype(np.intp) * count + b
    counts += np.bincount(pair[known], minlength=count**2)
    if truth is not None:
      for side, label in enumerate((a, b)):
        hit = known & (label == truth[rows].ravel())
        right[side] += np.bincount(pair[hit], minlength=count**2)
  return Disagreement(
    names,
    classes,
    int(counts.sum()),
    counts.reshape(count, count),
    None if truth is None else right.reshape(2, count, count),
  )


def _check_sizes(first: np.ndarray, **others: np.ndarray | None) -> None:
  for name, other in others.items():
    if other is not None and other.shape[:2] != first.shape[:2]:
      raise InputError(
        f'{name} of size {other.shape[:2]}, first segmentation of size '
        f'{first.shape[:2]}: all must be of one image and one size; segment '
        'the same image twice'
      )


def _blocks(label: np.ndarray) -> Iterator[slice]:
  """Rows of about _BLOCK pixels: indices take 8 times a label's memory."""
  step = max(1, _BLOCK // max(1, label.shape[1]))
  for start in range(0, label.shape[0], step):
    yield slice(start, start + step)


def draw(
  image: np.ndarray,
  first: np.ndarray,
  second: np.ndarray,
  found: Disagreement,
  *,
  truth: np.ndarray | None = None,
  cell: int = 220,
  crop: int = 160,
) -> Picture:
  """Draws both segmentations and where they differ, with the busiest detail.

  Args:
    image: uint8 [H,W,3], RGB.
    first: uint8 [H,W].
    second: uint8 [H,W].
    found: from `compare`.
    truth: uint8 [H,W]; if given, who is right is drawn too.
    cell: longer side of each picture in pixels.
    crop: longer side of the detail in pixels of the image; omitted for images
      that are hardly larger.

  Raises:
    InputError: if the sizes differ.
  """
  _check_sizes(
    first, **{'image': image, 'second segmentation': second, 'truth': truth}
  )
  size = (image.shape[0], image.shape[1])
  maps = _Maps(image, first, second, truth, found)
  shape = cells.fit(size, cell)
  rows = maps.rows(cells.whole(size), shape)
  if max(size) > 1.5 * crop:
    window = cells.busiest_window(first, second, size, cells.fit(size, crop))
    rows = [
      [(title, panel.framed(p, size, window)) for title, p in row]
      for row in rows
    ]
    rows += maps.rows(window, shape)
  keys = maps.keys()
  title = f'where {found.names[0]} and {found.names[1]} differ'
  return Picture(panel.compose(rows, shape, keys), title, photograph=True)


@dataclasses.dataclass(frozen=True)
class _Maps:
  """What is drawn of the whole image and of a detail."""

  image: np.ndarray
  first: np.ndarray
  second: np.ndarray
  truth: np.ndarray | None
  found: Disagreement

  def rows(self, window: cells.Window, shape: Size) -> list[list[Cell]]:
    """Pictures of a window; three per row if there is ground truth."""
    size = (self.image.shape[0], self.image.shape[1])
    classes = self.found.classes
    seen = cells.photograph(self.image, window, shape)
    whole = window == cells.whole(size)
    title = 'image' if whole else f'detail, {window[3]} x {window[2]} px'

    def paint(label: np.ndarray) -> np.ndarray:
      return cells.segmentation(label, classes, size, window, shape)

    first, second = self.found.names
    row: list[Cell] = [
      (title, seen),
      (first, paint(self.first)),
      (second, paint(self.second)),
    ]
    fine = (shape[0] * _OVERSAMPLE, shape[1] * _OVERSAMPLE)
    a, b = (
      cells.sample(label, size, window, fine)
      for label in (self.first, self.second)
    )
    pairs = cells.marked(self._pair_codes(a, b), (*_COLOURS, _OTHER), seen)
    share = f', {tables.percent(self.found.share)} %' if whole else ''
    different: Cell = (f'{first} > {second}{share}', pairs)
    if self.truth is None:
      return [[*row, different]]
    truth = cells.sample(self.truth, size, window, fine)
    codes = np.where(a == truth, 1, np.where(b == truth, 2, 3))
    codes[(a == b) | (truth >= len(classes))] = 0
    right = cells.marked(codes, (_FIRST, _SECOND, _OTHER), seen)
    return [
      row,
      [('truth', paint(self.truth)), different, ('who is right', right)],
    ]

  def _pair_codes(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """1 + rank of each pair of classes (rare ones share one); 0 if equal."""
    count = len(self.found.classes)
    rank = np.full((256, 256), 1 + _PAIRS, np.intp)
    rank[count:] = rank[:, count:] = 0
    np.fill_diagonal(rank, 0)
    for index, pair in enumerate(self.found.pairs[:_PAIRS]):
      rank[pair] = 1 + index
    return rank[a, b]

  def keys(self) -> ClassTable:
    """Legend: classes, pairs (first > second) with counts, who is right."""
    names, colours = list(self.found.classes.names), []
    pairs = self.found.pairs
    for (a, b), colour in zip(pairs[:_PAIRS], _COLOURS, strict=False):
      count = int(self.found.counts[a, b])
      names.append(f'{names[a]} > {names[b]}: {count:,} px')
      colours.append(colour)
    rest = sum(int(self.found.counts[pair]) for pair in pairs[_PAIRS:])
    if rest:
      names.append(f'other pairs: {rest:,} px')
      colours.append(_OTHER)
    if self.truth is not None:
      names += [f'{name} is right' for name in self.found.names] + ['neither']
      colours += [_FIRST, _SECOND, _OTHER]
    return ClassTable(tuple(names), (*self.found.classes.colours, *colours))
