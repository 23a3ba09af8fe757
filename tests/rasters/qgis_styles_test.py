"""Styles for QGIS are well-formed and hold each class."""

from xml.etree import ElementTree

from magnet_jax.rasters import qgis_styles
from magnet_jax.types import ClassTable

CLASSES = ClassTable(('soil & "rock"', 'Möhre'), ((120, 80, 40), (200, 30, 9)))


def test_of_labels(tmp_path):
  qgis_styles.write_for_labels(tmp_path / 'a_label.tif', CLASSES)
  root = ElementTree.parse(tmp_path / 'a_label.qml').getroot()
  entries = [each.attrib for each in root.iter('paletteEntry')]
  assert [each['label'] for each in entries] == list(CLASSES.names)
  assert [each['color'] for each in entries] == ['#785028', '#c81e09']
  assert [each['value'] for each in entries] == ['0', '1']


def test_of_polygons(tmp_path):
  qgis_styles.write_for_polygons(tmp_path / 'a_polygons.gpkg', CLASSES)
  root = ElementTree.parse(tmp_path / 'a_polygons.qml').getroot()
  categories = [each.attrib for each in root.iter('category')]
  assert [each['value'] for each in categories] == list(CLASSES.names)
  fills = {
    symbol.get('name'): prop.get('v')
    for symbol in root.iter('symbol')
    for prop in symbol.iter('prop')
    if prop.get('k') == 'color'
  }
  assert [fills[each['symbol']] for each in categories] == [
    '120,80,40,255',
    '200,30,9,255',
  ]
