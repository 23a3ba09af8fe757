"""Reads annotations in COCO's form: polygons, and run lengths.

https://cocodataset.org/#format-data
"""

from collections.abc import Iterator
import functools
from typing import Any

import numpy as np

from magnet_jax.survey import shapes
from magnet_jax.survey.annotated import Annotated, Shape
from magnet_jax.survey.shapes import Mask
from magnet_jax.types import Size


def is_coco(found: object) -> bool:
  """Tells whether a JSON document has COCO's three lists."""
  lists = ('images', 'annotations', 'categories')
  return isinstance(found, dict) and all(
    isinstance(found.get(name), list) for name in lists
  )


def read(found: dict[str, Any]) -> tuple[list[str], list[Annotated]]:
  """Returns the names of the classes, and the images with their shapes.

  Args:
    found: a document for which `is_coco` holds.

  Raises:
    ValueError, KeyError, TypeError: it is not as COCO's form wants.
  """
  names = {each['id']: str(each['name']) for each in found['categories']}
  by_image: dict[object, list[Shape]] = {e['id']: [] for e in found['images']}
  sizes = {
    each['id']: (int(each['height']), int(each['width']))
    for each in found['images']
  }
  for each in found['annotations']:
    key = each['image_id']
    by_image[key] += _shapes(each, names[each['category_id']], sizes[key])
  return [*names.values()], [
    Annotated(
      str(each['file_name']), sizes[each['id']], tuple(by_image[each['id']])
    )
    for each in found['images']
  ]


def _shapes(each: dict[str, Any], name: str, size: Size) -> Iterator[Shape]:
  """Yields one shape a polygon, or that of the run lengths."""
  drawn = each.get('segmentation')
  if isinstance(drawn, dict):
    if list(drawn['size']) != list(size):
      raise ValueError(f'run lengths of {drawn["size"]} for an image of {size}')
    yield Shape(name, functools.partial(shapes.runs, drawn['counts']))
  elif drawn:
    for flat in drawn:
      yield Shape(name, functools.partial(_polygon, flat))
  else:
    yield Shape(name, None)


def _polygon(flat: list[float], size: Size) -> Mask:
  """Draws x, y, x, y, …"""
  return shapes.polygon(np.asarray(flat, np.float64).reshape(-1, 2), size)
