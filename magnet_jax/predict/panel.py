"""The coarse-to-fine picture: what each stage saw, doubted and changed."""

from __future__ import annotations

from collections.abc import Sequence
import dataclasses
import math

import numpy as np
from PIL import Image, ImageDraw

from magnet_jax.predict import panel_cells as cells
from magnet_jax.predict import pictures
from magnet_jax.types import ClassTable, InputError, Size

_MARGIN = 16  # between pictures, px
_TITLE = 17  # size of the titles, px
_LINE = 28  # height of a line of titles, px
_FRAME: pictures.Colour = (255, 32, 160)

Cell = tuple[str, np.ndarray | None]  # title and picture


@dataclasses.dataclass(frozen=True)
class StageView:
  """The contents of one column.

  Attributes:
    title: of the column, such as '1224 x 1224' or 'result'.
    label: uint8 [h,w], the segmentation after the stage; coarser than the image
      or of its size.
    uncertainty: float32 [h,w] in 0..1, or None.
    points: bool [h,w], where the stage replaced the segmentation, or None.
  """

  title: str
  label: np.ndarray
  uncertainty: np.ndarray | None = None
  points: np.ndarray | None = None


def panel(
  image: np.ndarray,
  columns: Sequence[StageView],
  classes: ClassTable,
  *,
  truth: np.ndarray | None = None,
  cell: int = 360,
  crop: int = 256,
) -> np.ndarray:
  """Draws the stages side by side.

  One column per stage: segmentation, uncertainty, points, and below a detail
  from where the first and the last stage differ most. The first column has the
  image and, given a truth, that truth and the mistakes of the last stage, or
  else the result blended with the image. Rows without any picture of a stage
  are omitted. Besides its arguments it needs memory for a few cells only.

  Args:
    image: uint8 [H,W,3], RGB.
    columns: at least one, coarse to fine.
    classes: names and colours.
    truth: uint8 [H,W] or None.
    cell: longer side of the pictures, px.
    crop: longer side of the detail in pixels of the image; there is none if the
      image is hardly larger.

  Returns:
    uint8 [h,w,3], RGB.

  Raises:
    InputError: there is no column, or image and truth differ in size.
  """
  size = (image.shape[0], image.shape[1])
  if not columns:
    raise InputError('panel of 0 stages: it shows at least one; pass a stage')
  if truth is not None and truth.shape != size:
    raise InputError(
      f'truth of size {truth.shape}, image of size {size}: both must be of one '
      'size; resize the truth'
    )
  window = None
  if max(size) > 1.5 * crop:
    window = cells.busiest_window(
      columns[0].label, columns[-1].label, size, cells.fit(size, crop)
    )
  shape = cells.fit(size, cell)
  rows = _stage_rows(image, columns, classes, truth, shape)
  if window:
    rows[0] = [(title, framed(p, size, window)) for title, p in rows[0]]
    rows += _detail_rows(
      image, columns, classes, truth, window=window, shape=shape
    )
  return compose(rows, shape, _keys(classes, columns, truth is not None))


def _stage_rows(
  image: np.ndarray,
  columns: Sequence[StageView],
  classes: ClassTable,
  truth: np.ndarray | None,
  shape: Size,
) -> list[list[Cell]]:
  """Segmentation, uncertainty and points of the whole image."""
  size = (image.shape[0], image.shape[1])
  everything = cells.whole(size)
  small = cells.photograph(image, everything, shape)

  def paint(label: np.ndarray) -> np.ndarray:
    return cells.segmentation(label, classes, size, everything, shape)

  last = columns[-1]
  lead: list[Cell] = []
  if truth is not None:
    wrong, share = cells.mistakes(
      last.label, truth, len(classes), everything, small
    )
    title = f'mistakes of {last.title}{_percent(share)}'
    lead = [('truth', paint(truth)), (title, wrong)]
  else:
    label = cells.sample(last.label, size, everything, shape)
    on_top = pictures.overlay(small, label, classes, contours=False)
    lead = [(f'{last.title} on the image', on_top)]
  below = [
    [_uncertainty_cell(view, shape) for view in columns],
    [_points_cell(view, small) for view in columns],
  ]
  below = [row for row in below if any(p is not None for _, p in row)]
  # The lead pictures are worth a row even if the stages have none.
  below += [[('', None)] * len(columns)] * (len(lead) - len(below))
  lead += [('', None)] * (len(below) - len(lead))
  first: list[Cell] = [(view.title, paint(view.label)) for view in columns]
  return [
    [('image', small), *first],
    *([start, *row] for start, row in zip(lead, below, strict=True)),
  ]


def _uncertainty_cell(view: StageView, shape: Size) -> Cell:
  if view.uncertainty is None:
    return '', None
  mean = float(np.mean(view.uncertainty))
  title = f'uncertainty, mean {mean:.3f}'
  return title, cells.uncertainty(view.uncertainty, shape)


def _points_cell(view: StageView, small: np.ndarray) -> Cell:
  if view.points is None:
    return '', None
  share = np.count_nonzero(view.points) / view.points.size
  return f'replaced{_percent(share)}', cells.points(view.points, small)


def _detail_rows(
  image: np.ndarray,
  columns: Sequence[StageView],
  classes: ClassTable,
  truth: np.ndarray | None,
  *,
  window: cells.Window,
  shape: Size,
) -> list[list[Cell]]:
  """The window at full resolution; its mistakes if there is a truth."""
  size = (image.shape[0], image.shape[1])
  seen = cells.photograph(image, window, shape)

  def paint(label: np.ndarray) -> np.ndarray:
    return cells.segmentation(label, classes, size, window, shape)

  title = f'detail, {window[3]} x {window[2]} px'
  rows: list[list[Cell]] = [
    [(title, seen), *((view.title, paint(view.label)) for view in columns)]
  ]
  if truth is not None:
    row: list[Cell] = [('truth', paint(truth))]
    for view in columns:
      wrong, share = cells.mistakes(
        view.label, truth, len(classes), window, seen
      )
      row.append((f'mistakes{_percent(share)}', wrong))
    rows.append(row)
  return rows


def _percent(share: float) -> str:
  return '' if math.isnan(share) else f', {100 * share:.1f} %'


def framed(
  picture: np.ndarray | None, size: Size, window: cells.Window
) -> np.ndarray | None:
  """Marks the window of the detail on a picture of an image of `size`."""
  if picture is None:
    return None
  top, left, height, width = window
  scale = picture.shape[1] / size[1]
  canvas = Image.fromarray(picture)
  ImageDraw.Draw(canvas).rectangle(
    (left * scale, top * scale, (left + width) * scale, (top + height) * scale),
    outline=_FRAME,
    width=2,
  )
  return np.asarray(canvas)


def _keys(
  classes: ClassTable, columns: Sequence[StageView], has_truth: bool
) -> ClassTable:
  """The classes, and the meaning of other colours in this panel."""
  extra = {}
  if any(view.uncertainty is not None for view in columns):
    low, high = pictures.heat(np.array([[0.0, 1.0]]))[0]
    extra['sure'], extra['unsure'] = low, high
  if any(view.points is not None for view in columns):
    extra['point'] = np.array(cells.POINT)
  if has_truth:
    extra['mistake'] = np.array(cells.MISTAKE)
  colours = tuple((int(r), int(g), int(b)) for r, g, b in extra.values())
  return ClassTable(classes.names + tuple(extra), classes.colours + colours)


def compose(
  rows: Sequence[Sequence[Cell]], shape: Size, keys: ClassTable
) -> np.ndarray:
  """Arranges pictures on a page, each below its title, the legend last.

  Args:
    rows: of (title, picture) cells; a picture is uint8 [*shape,3] or None.
    shape: of each picture.
    keys: meaning of the colours.

  Returns:
    uint8 [h,w,3], RGB.
  """
  height, width = shape
  full = max(map(len, rows)) * (width + _MARGIN) - _MARGIN
  legend = pictures.legend(keys, full)
  step = height + _LINE + _MARGIN // 2
  canvas = Image.new(
    'RGB',
    (full + 2 * _MARGIN, len(rows) * step + len(legend) + 2 * _MARGIN),
    pictures.PAPER,
  )
  draw = ImageDraw.Draw(canvas)
  font = pictures.typeface(_TITLE)
  for index, row in enumerate(rows):
    for column, (title, picture) in enumerate(row):
      if picture is None:
        continue
      left = _MARGIN + column * (width + _MARGIN)
      top = _MARGIN // 2 + index * step
      colour = pictures.INK if index == 0 else pictures.QUIET
      text = _shortened(title, font, width)
      draw.text((left, top + _LINE - 6), text, colour, font, anchor='ls')
      canvas.paste(Image.fromarray(picture), (left, top + _LINE))
  canvas.paste(Image.fromarray(legend), (_MARGIN, len(rows) * step + _MARGIN))
  return np.asarray(canvas)


def _shortened(text: str, font: pictures.Font, width: int) -> str:
  """The text, cut with an ellipsis if it is wider than its picture."""
  if font.getlength(text) <= width:
    return text
  while text and font.getlength(text + '…') > width:
    text = text[:-1]
  return text + '…'
