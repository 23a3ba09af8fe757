import json
import math

import pytest

from magnet_jax.evaluate import summary, tables

_ROW = summary.Row(
  method='magnet',
  images=2,
  miou=0.7213,
  miou_pooled=0.7,
  boundary_iou=math.nan,
  seconds=12.34,
  windows=21.0,
  peak_host_mb=1234.4,
  iou=(0.5, 0.9),
)
_DIFFERENCE = {'magnet - a|b': summary.Difference(0.0123, 0.004, 0.0205, 2)}


def test_the_terminal_table_lines_up():
  lines = tables.table_text([_ROW, _ROW], _DIFFERENCE).splitlines()
  assert len({len(line) for line in lines[:4]}) == 1
  assert lines[2].split() == [
    'magnet',
    '72.13',
    '70.00',
    '–',
    '12.3',
    '21',
    '1234',
  ]
  assert (
    lines[-1]
    == 'magnet - a|b  +1.23 [+0.40, +2.05] points, 2 images (tentative)'
  )


def test_no_rows_and_one_image():
  assert tables.table_text([]).startswith('method')
  one = summary.Difference(-0.01, math.nan, math.nan, 1)
  assert tables.difference_text(one) == '-1.00 points, one image: no interval'


def test_json_holds_the_promised_keys_and_no_nan():
  document = tables.json_rows([_ROW])
  assert json.loads(json.dumps(document, allow_nan=False)) == {
    'rows': [
      {
        'method': 'magnet',
        'miou': 0.7213,
        'boundary_iou': None,
        'seconds': 12.34,
        'windows': 21.0,
        'peak_host_mb': 1234.4,
      }
    ]
  }


@pytest.mark.parametrize(
  ('value', 'text'),
  [
    (0, '0'),
    (4, '4'),
    (0.0567, '0.0567'),
    (9.996, '10.00'),
    (12345.6, '12346'),
    (100.0, '100'),
    (2.0, '2'),
  ],
)
def test_amounts(value, text):
  assert tables.amount(value) == text
