"""The pictures of a run: which are there, which are missing, and whose."""

import json

import numpy as np
import pytest

from magnet_jax import types
from magnet_jax.cascade.cascade import StageResult
from magnet_jax.files import images
from magnet_jax.ops import windows
from magnet_jax.report import views
from magnet_jax.report.evaluation import Pictures

CLASSES = types.ClassTable(('soil', 'leaf'), ((110, 84, 62), (64, 178, 92)))
SAMPLE = types.Sample(
  'field', np.full((40, 60, 3), 90, np.uint8), np.ones((40, 60), np.uint8)
)


def results(*sizes):
  """All is leaf, at each of the sizes."""
  return [
    StageResult(
      types.Stage(index, windows.make_grid(size, size)),
      np.broadcast_to(np.float32([0.2, 0.8]), (*size, 2)).copy(),
      np.ones(size, bool) if index else None,
      (0,),
    )
    for index, size in enumerate(sizes)
  ]


@pytest.fixture(name='make')
def make_pictures(tmp_path):
  def make(count=1, reference='two'):
    return Pictures(tmp_path, CLASSES, count, reference)

  return make


def test_each_method_is_missing_until_it_is_added(make, tmp_path):
  pictures = make()
  assert pictures.missing(0, 'one') and pictures.missing(0, 'two')
  assert not pictures.missing(1, 'one')  # no more than one is shown
  pictures.add(0, SAMPLE, 'one', results((40, 60)))
  assert not pictures.missing(0, 'one') and pictures.missing(0, 'two')
  assert not (tmp_path / 'panel_0.png').exists()
  pictures.add(0, SAMPLE, 'two', results((10, 15), (40, 60)))
  assert images.read_size(tmp_path / 'panel_0.png')[1] > 400
  again = make()
  assert not again.missing(0, 'one') and not again.missing(0, 'two')


def test_the_layers_of_all_methods_come_back(make, tmp_path):
  pictures = make()
  pictures.add(0, SAMPLE, 'two', results((10, 15), (40, 60)))
  pictures.add(0, SAMPLE, 'one', results((40, 60)))
  pictures.add(0, SAMPLE, 'two', results((20, 30), (40, 60)))  # replaced
  (view,) = views.read(tmp_path, ['one', 'two'], 'two')
  assert view.name == 'field'
  encoded = view.encoded()
  assert [(s['method'], s['title']) for s in encoded['stages']] == [
    ('one', 'one'),
    ('two', 'stage 0, 30 x 20'),
    ('two', 'stage 1, 60 x 40'),
  ]
  assert encoded['start'] == 2
  assert views.read(tmp_path, ['two', 'one'], 'one')[0].encoded()['start'] == 2
  label = images.read_image(view.folder / view.about['stages'][0]['label'])
  assert label.shape[:2] == (40, 60) and (label == 1).all()
  grey = images.read_image(view.folder / view.about['stages'][0]['uncertainty'])
  assert (grey == round(255 * 0.4)).all()


def test_another_reference_wants_its_own_panel(make, tmp_path):
  pictures = make()
  for name in 'one', 'two':
    pictures.add(0, SAMPLE, name, results((10, 15), (40, 60)))
  other = make(reference='one')
  assert other.missing(0, 'one') and not other.missing(0, 'two')
  other.add(0, SAMPLE, 'one', results((40, 60)))
  assert not other.missing(0, 'one')
  (tmp_path / 'panel_0.png').unlink()
  assert other.missing(0, 'one') and not other.missing(0, 'two')


def test_fewer_images_leave_no_picture_behind(make, tmp_path):
  pictures = make(count=12)
  for index in (0, 2, 10):
    pictures.add(index, SAMPLE, 'two', results((40, 60)))
  make(count=3).clear_further()
  assert {path.name for path in tmp_path.glob('panel_*')} == {
    'panel_0.png',
    'panel_2.png',
  }
  assert len(views.read(tmp_path)) == 2
  make(count=0).clear_further()
  assert not list(tmp_path.glob('panel_*')) and not views.read(tmp_path)


def test_pictures_of_an_older_version_are_shown_and_then_replaced(
  make, tmp_path
):
  make().add(0, SAMPLE, 'two', results((10, 15), (40, 60)))
  path = tmp_path / 'views' / '0' / 'view.json'
  about = json.loads(path.read_text())
  for stage in about['stages']:
    del stage['method']
  del about['panel']
  path.write_text(json.dumps(about))
  (view,) = views.read(tmp_path, ['two'], 'two')
  encoded = view.encoded()
  assert [stage['method'] for stage in encoded['stages']] == ['', '']
  assert encoded['start'] == 1
  pictures = make()
  assert pictures.missing(0, 'two')
  pictures.add(0, SAMPLE, 'one', results((40, 60)))
  (view,) = views.read(tmp_path)
  assert [stage['method'] for stage in view.about['stages']] == ['one']


def test_a_damaged_description_is_made_anew(make, tmp_path):
  pictures = make()
  pictures.add(0, SAMPLE, 'two', results((40, 60)))
  path = tmp_path / 'views' / '0' / 'view.json'
  path.write_text(path.read_text()[:40])
  assert pictures.missing(0, 'two')
  pictures.add(0, SAMPLE, 'two', results((40, 60)))
  assert len(views.read(tmp_path)) == 1


def test_the_name_of_a_method_makes_no_path(make, tmp_path):
  make().add(0, SAMPLE, '../K 0.5', results((40, 60)))
  (view,) = views.read(tmp_path)
  assert view.about['stages'][0]['label'] == '.._K_0.5/label_0.png'
  assert view.encoded()['stages'][0]['method'] == '../K 0.5'
