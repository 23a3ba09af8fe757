"""Where words stand beside points, so that they can be read."""

from __future__ import annotations

from collections.abc import Sequence

Box = tuple[float, float, float, float]  # left, top, right, bottom


def beside(
  point: tuple[float, float],
  size: tuple[float, float],
  taken: Sequence[Box],
  room: Box,
  *,
  above: bool = False,
) -> Box:
  """The place beside a point that covers least of what is there.

  Args:
    point: (x, y) of the point, y downwards.
    size: (width, height) of the words.
    taken: what is drawn already, and what will be.
    room: where words may stand; what lies outside of it counts as covered.
    above: which of two equally good places is taken.

  Returns:
    The box of the words.
  """
  (x, y), (width, height) = point, size
  right, left, centre = x + 7, x - 7 - width, x - width / 2
  high, low = y - 3 - height, y + 3
  rows = (high, low) if above else (low, high)
  corners = [(column, row) for column in (right, left) for row in rows]
  corners += [(right, y - height / 2), (left, y - height / 2)]
  corners += [(centre, row + (row - y) / 2) for row in rows]
  boxes = [(a, b, a + width, b + height) for a, b in corners]
  return min(boxes, key=lambda box: _covered(box, taken, room))


def shared(first: Box, second: Box) -> float:
  """The area that two boxes share."""
  wide = min(first[2], second[2]) - max(first[0], second[0])
  high = min(first[3], second[3]) - max(first[1], second[1])
  return max(wide, 0.0) * max(high, 0.0)


def _covered(box: Box, taken: Sequence[Box], room: Box) -> float:
  area = (box[2] - box[0]) * (box[3] - box[1])
  outside = area - shared(box, room)
  return 2 * outside + sum(shared(box, other) for other in taken)
