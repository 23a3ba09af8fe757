"""Reads exports of Label Studio in its form JSON: tasks with their regions.

https://labelstud.io/guide/export
"""

from collections.abc import Iterator
import functools
import math
import pathlib
import re
from typing import Any
import urllib.parse

import numpy as np

from magnet_jax.survey import shapes
from magnet_jax.survey.annotated import Annotated, Shape
from magnet_jax.survey.shapes import Mask
from magnet_jax.types import Size

_UPLOADED = re.compile('[0-9a-f]{8}-')  # before the name of an uploaded file
_ROUND = 64  # corners that stand for an ellipse
_SUFFIX = 'labels'  # 'polygonlabels', 'brushlabels', …


def is_label_studio(found: object) -> bool:
  """Tells whether a JSON document is a list of tasks."""
  return (
    isinstance(found, list)
    and bool(found)
    and all(
      isinstance(each, dict)
      and isinstance(each.get('data'), dict)
      and isinstance(each.get('annotations'), list)
      for each in found
    )
  )


def read(found: list[dict[str, Any]]) -> tuple[list[str], list[Annotated]]:
  """Returns classes, and images with the regions of a valid annotation each.

  That is the first one which was not cancelled.

  Tasks without one are left out: nobody has looked at them.

  Args:
    found: a document for which `is_label_studio` holds.

  Raises:
    ValueError, KeyError, TypeError: it is not as the form wants.
  """
  images = [each for task in found if (each := _task(task))]
  return sorted({s.name for each in images for s in each.shapes}), images


def _task(task: dict[str, Any]) -> Annotated | None:
  valid = [e for e in task['annotations'] if not e.get('was_cancelled')]
  regions = [
    each
    for each in (valid[0]['result'] if valid else ())
    if str(each.get('type', '')).endswith(_SUFFIX)
  ]
  if not regions:
    return None
  sizes = {
    (int(e['original_height']), int(e['original_width'])) for e in regions
  }
  if len(sizes) > 1:
    raise ValueError(f'regions of images of {len(sizes)} sizes in one task')
  (size,) = sizes
  return Annotated(_name(task['data']), size, tuple(_shapes(regions, size)))


def _name(data: dict[str, Any]) -> str:
  """Returns the path of the image, which is the first text with a suffix."""
  for value in data.values():
    if isinstance(value, str) and re.search(r'\.\w{2,5}(\?|$)', value):
      url = urllib.parse.urlparse(value)
      inner = urllib.parse.parse_qs(url.query).get('d')
      path = inner[0] if inner else urllib.parse.unquote(url.path)
      place = pathlib.PurePosixPath(path)
      if 'upload' in place.parts[:-1]:
        return str(place.with_name(_UPLOADED.sub('', place.name, count=1)))
      return path
  raise ValueError('a task that names no image')


def _shapes(regions: list[dict[str, Any]], size: Size) -> Iterator[Shape]:
  for region in regions:
    kind, value = region['type'], region['value']
    names = value.get(kind)
    draw = _DRAWN.get(kind)
    if not names:
      raise ValueError(f'a region of type {kind} without a class')
    yield Shape(str(names[0]), draw and functools.partial(draw, value))


def _polygon(value: dict[str, Any], size: Size) -> Mask:
  return _of_shares(np.asarray(value['points'], np.float64), size)


def _rectangle(value: dict[str, Any], size: Size) -> Mask:
  """Is turned about its upper left corner."""
  corners = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], np.float64)
  sides = np.array([value['width'], value['height']], np.float64)
  return _turned(corners * sides, value, size)


def _ellipse(value: dict[str, Any], size: Size) -> Mask:
  turn = np.linspace(0, 2 * math.pi, _ROUND, endpoint=False)
  radii = np.array([value['radiusX'], value['radiusY']], np.float64)
  return _turned(
    np.stack([np.cos(turn), np.sin(turn)], -1) * radii, value, size
  )


def _turned(corners: np.ndarray, value: dict[str, Any], size: Size) -> Mask:
  """Turns corners clockwise about (x, y); shares are of different sides."""
  turn = math.radians(float(value.get('rotation', 0)))
  sides = np.array(size[::-1])
  turned = (corners * sides) @ np.array(
    [(math.cos(turn), math.sin(turn)), (-math.sin(turn), math.cos(turn))]
  )
  return _of_shares(turned / sides + (value['x'], value['y']), size)


def _of_shares(corners: np.ndarray, size: Size) -> Mask:
  """Draws corners in per cent of the sides."""
  return shapes.polygon(corners * np.array(size[::-1]) / 100, size)


def _brush(value: dict[str, Any], size: Size) -> Mask:
  if value.get('format') != 'rle':
    raise ValueError(f'a brush of the format {value.get("format")!r:.20}')
  return shapes.brush(value['rle'], size)


_DRAWN = {
  'polygonlabels': _polygon,
  'rectanglelabels': _rectangle,
  'ellipselabels': _ellipse,
  'brushlabels': _brush,
}
