"""Styles that QGIS finds beside a file: a colour and a name for each class.

A file NAME.qml is the default style of NAME.tif, NAME.gpkg or NAME.geojson in
the same folder. Without it, QGIS shows the palette of a TIFF without names.
"""

import pathlib
from xml.etree import ElementTree

from magnet_jax.files import atomic
from magnet_jax.files.atomic import PathLike
from magnet_jax.types import ClassTable

SUFFIX = '.qml'
_VERSION = '3.22'  # of QGIS; later ones read it, too
_EDGE = '35,35,35,255'  # red, green, blue, opacity


def write_for_labels(path: PathLike, classes: ClassTable) -> None:
  """Writes the style of a TIFF of class indices beside it.

  Args:
    path: of the TIFF.
    classes: names and colours.

  Raises:
    InputError: writing fails.
  """
  root = ElementTree.Element('qgis', version=_VERSION)
  pipe = ElementTree.SubElement(root, 'pipe')
  renderer = ElementTree.SubElement(
    pipe, 'rasterrenderer', type='paletted', band='1', opacity='1'
  )
  palette = ElementTree.SubElement(renderer, 'colorPalette')
  for value, name in enumerate(classes.names):
    ElementTree.SubElement(
      palette,
      'paletteEntry',
      value=str(value),
      color=hexadecimal(classes.colours[value]),
      label=name,
      alpha='255',
    )
  _write(path, root)


def write_for_polygons(path: PathLike, classes: ClassTable) -> None:
  """Writes the style of a file of polygons beside it.

  Args:
    path: of the file, whose field `name` has the class.
    classes: names and colours.

  Raises:
    InputError: writing fails.
  """
  root = ElementTree.Element('qgis', version=_VERSION)
  renderer = ElementTree.SubElement(
    root, 'renderer-v2', type='categorizedSymbol', attr='name'
  )
  categories = ElementTree.SubElement(renderer, 'categories')
  symbols = ElementTree.SubElement(renderer, 'symbols')
  for value, name in enumerate(classes.names):
    number = str(value)
    ElementTree.SubElement(
      categories,
      'category',
      symbol=number,
      value=name,
      label=name,
      render='true',
    )
    symbol = ElementTree.SubElement(
      symbols, 'symbol', name=number, type='fill', alpha='1'
    )
    layer = ElementTree.SubElement(symbol, 'layer', {'class': 'SimpleFill'})
    fill = ','.join(map(str, (*classes.colours[value], 255)))
    for key, told in (
      ('color', fill),
      ('outline_color', _EDGE),
      ('outline_width', '0.1'),
    ):
      ElementTree.SubElement(layer, 'prop', k=key, v=told)
  _write(path, root)


def hexadecimal(colour: tuple[int, int, int]) -> str:
  """Returns '#rrggbb'."""
  return '#' + ''.join(f'{each:02x}' for each in colour)


def _write(path: PathLike, root: ElementTree.Element) -> None:
  ElementTree.indent(root)
  data = ElementTree.tostring(root, encoding='utf-8', xml_declaration=True)
  atomic.write_bytes(pathlib.Path(path).with_suffix(SUFFIX), data)
