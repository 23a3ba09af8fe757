"""Runs side by side: results, paired differences, bars by class."""

import math

import numpy as np
import pytest

from magnet_jax import types
from magnet_jax.evaluate import differences, saved_runs, tables
from magnet_jax.metrics import confusion
from magnet_jax.report import run_tables, style

CLASSES = types.ClassTable(
  ('soil', 'leaf', 'weed'),
  ((110, 84, 62), (64, 178, 92), (220, 50, 47)),
  unscored=(2,),
)


def record(image, method='magnet', right=80, boundary_iou=0.4):
  """Of 200 pixels: 100 of soil, of which `right` are found, and 100 of leaf."""
  matrix = np.array([[right, 100 - right, 0], [0, 100, 0], [0, 0, 0]])
  return {
    'image': image,
    'method': method,
    'boundary_iou': boundary_iou,
    'miou': confusion.mean_iou(matrix),
    'confusion': matrix.tolist(),
    'seconds': 1.0,
    'windows': 1,
    'peak_host_mb': 100.0,
  }


def make(**found):
  return {
    name: saved_runs.Run(name, tuple(each), CLASSES, {'k': name, 'seed': 1})
    for name, each in found.items()
  }


@pytest.fixture
def runs():
  """Run b is better by image, and has other images at the end."""
  rng = np.random.default_rng(0)
  values = rng.integers(40, 90, 6).tolist()
  first = [record(f'{n}', 'magnet', value) for n, value in enumerate(values)]
  first += [record(f'{n}', 'patch', 50) for n in range(6)]
  second = [
    record(f'{n}', 'magnet', value + 5 + n % 2)
    for n, value in enumerate(values)
  ]
  return make(a=first, b=[*second[1:], record('new', 'magnet', 10)])


def test_results_mark_the_best_of_all_runs(runs):
  table = run_tables.results(runs)
  assert [row[:3] for row in table.body] == [
    ('a', 'magnet', '6'),
    ('a', 'patch', '6'),
    ('b', 'magnet', '6'),
  ]
  best = max(row.miou for run in runs.values() for row in run.rows)
  (line,) = [line for line, column in table.best if column == 3]
  assert table.body[line][3] == f'{100 * best:.2f}'
  # All boundary IoU are equal: none stands out, nor does a cost.
  assert {column for _, column in table.best} == {3, 4}
  assert 'different images' in str(table)
  assert 'different images' not in str(run_tables.results({'a': runs['a']}))


def test_tables_are_html_and_text(runs):
  table = run_tables.results(make(**{'<a>': runs['a'].records}))
  html = table._repr_html_()
  assert '&lt;a&gt;' in html
  assert '<a>' not in html
  assert html.count('<tr>') == 3
  assert html.count('<b>') == len(table.best) == 2
  lines = str(table).splitlines()
  assert len({len(line) for line in lines[:4]}) == 1
  assert str(table).count('*') == 2


def test_settings_show_only_what_differs(runs):
  table = run_tables.settings(runs)
  assert table.head == ('setting', 'a', 'b')
  assert table.body == (('k', 'a', 'b'),)
  assert '1 further' in table.notes[0]
  words = run_tables.setting_texts(
    {'checkpoint': '', 'segmenter': None, 'overrides': ['--a=1', '--b=2']}
  )
  assert words['checkpoint'] == 'embedded model scenes'
  for given, shown in (('scenes', 'embedded model scenes'), ('a/b', 'a/b')):
    found = run_tables.setting_texts({'checkpoint': given})
    assert found['checkpoint'] == shown
  found = run_tables.setting_texts({'checkpoint': '', 'segmenter': 'a.onnx'})
  assert found['checkpoint'] == tables.UNKNOWN
  assert words['segmenter'] == tables.UNKNOWN
  assert words['overrides'] == '--a=1 --b=2'
  bare = saved_runs.Run('c', runs['a'].records, CLASSES, {})
  assert 'No settings were kept of c.' in run_tables.settings({'c': bare}).notes


def test_pairs_across_and_within(runs):
  assert differences.across(runs) == [(('b', 'magnet'), ('a', 'magnet'))]
  assert differences.within(runs) == [(('a', 'magnet'), ('a', 'patch'))]


def test_differences_are_paired_over_common_images(runs):
  (found,) = differences.compare(runs, differences.across(runs))
  assert found.label == 'magnet: b - a'
  assert found.only_first == ('new',)
  assert found.only_second == ('0',)
  gaps = [
    runs['b'].of('magnet')[n]['miou'] - runs['a'].of('magnet')[n]['miou']
    for n in '12345'
  ]
  difference = found.by_score['miou']
  assert difference.n == 5
  assert difference.mean == pytest.approx(np.mean(gaps))
  assert difference.excludes_zero
  assert found.by_score['boundary_iou'] == (0, 0, 0, 5)
  table = run_tables.difference_table([found])
  assert table.best == {(0, 1)}
  assert table.body[0][-1] == '5'
  text = str(table)
  assert '1 left out that only b magnet has: new.' in text
  assert '1 left out that only a magnet has: 0.' in text


def test_the_swap_mirrors(runs):
  sides = ('a', 'patch'), ('b', 'magnet')
  forth, back = differences.compare(runs, [sides, sides[::-1]])
  assert forth.label == 'a patch - b magnet'
  assert forth.by_score['miou'].mean == pytest.approx(
    -back.by_score['miou'].mean
  )
  assert forth.only_first == back.only_second


def test_many_images_of_one_side_are_counted(runs):
  more = [record(f'far{n}') for n in range(8)]
  runs = make(a=runs['a'].records, c=[record('0'), *more])
  (found,) = differences.compare(runs, [(('c', 'magnet'), ('a', 'magnet'))])
  text = str(run_tables.difference_table([found]))
  assert 'far0, far1, far2, far3, far4 and 3 more' in text
  # One common image has a difference, but no interval.
  assert math.isnan(found.by_score['miou'].low)
  assert run_tables.difference_chart([found]).pixels.dtype == np.uint8


def test_bad_pairs_are_named(runs):
  a = ('a', 'magnet')
  for pair, words in (
    ((a, ('c', 'magnet')), "run 'c'.*a, b"),
    ((('b', 'patch'), a), "'patch'.*run b"),
  ):
    with pytest.raises(types.InputError, match=words):
      differences.compare(runs, [pair])
  with pytest.raises(types.InputError, match='0 pairs'):
    differences.compare(runs, [])
  far = make(a=runs['a'].records, c=[record('far')])
  sides = (a, ('c', 'magnet'))
  with pytest.raises(types.InputError, match=r'0, 1, 2, 3, 4 and 1 more.*far'):
    differences.compare(far, [sides])
  with pytest.raises(types.InputError, match='no image in common'):
    run_tables.class_bars(far, sides)
  with pytest.raises(types.InputError, match='0 sides'):
    run_tables.class_bars(runs, [])


def test_a_score_that_no_image_has_is_left_open(runs):
  blank = make(
    a=[record('0', boundary_iou=None)], b=[record('0', boundary_iou=0.3)]
  )
  found = differences.compare(blank, differences.across(blank))
  assert found[0].by_score['boundary_iou'] is None
  assert run_tables.difference_table(found).body[0][3:5] == ('–', '–')
  run_tables.difference_chart(found)


def test_bars_pool_over_the_common_images(runs, monkeypatch):
  seen = {}
  monkeypatch.setattr(
    run_tables.charts,
    'bars',
    lambda groups, series, **more: seen.update(
      groups=groups, series=series, **more
    ),
  )
  sides = [('a', 'magnet'), ('b', 'magnet')]
  run_tables.class_bars(runs, sides)
  assert seen['series'] == ['a magnet', 'b magnet']
  assert seen['title'].endswith('5 images')
  names = [group.name for group in seen['groups']]
  assert names == ['soil', 'leaf', 'weed (not scored)']
  right = sum(runs['a'].of('magnet')[n]['confusion'][0][0] for n in '12345')
  assert seen['groups'][0].values[0] == pytest.approx(right / 500)
  assert math.isnan(seen['groups'][2].values[0])
  # Runs have the colours that the charts of costs give them, methods of a run
  # its tints.
  assert seen['colours'] == [style.colour(0), style.colour(1)]
  run_tables.class_bars(runs, [('a', m) for m in ('patch', 'magnet')])
  assert seen['colours'] == [style.colour(0, tint=0.65), style.colour(0)]
  run_tables.class_bars({'a': runs['a']}, [('a', 'magnet')])
  place = runs['a'].methods.index('magnet')
  assert seen['colours'] == [style.colour(place)]
  assert seen['series'] == ['magnet']


def test_pictures_show_and_write_themselves(runs, tmp_path):
  picture = run_tables.class_bars(runs, [('a', 'magnet')])
  shown, size = picture._repr_mimebundle_()
  assert shown['image/png'].startswith(b'\x89PNG')
  assert size['image/png']['width'] == picture.pixels.shape[1] // 2
  assert 'IoU by class' in shown['text/plain']
  picture.write(tmp_path / 'bars.png')
  assert (tmp_path / 'bars.png').stat().st_size > 1000
