"""Sets that are prepared and read again."""

import contextlib
import json
import os
import pickle
import subprocess
import sys

import numpy as np
import official_sets
import pytest

from magnet_jax.cascade import plan
from magnet_jax.data import classes, pipeline, prepared, splits
from magnet_jax.data.schedule import Schedule
from magnet_jax.datasets import cityscapes, deepglobe, gleason, preparing
from magnet_jax.files import images
from magnet_jax.files.decoding import Encoded
from magnet_jax.types import InputError

CITY = classes.TABLES['cityscapes']


@pytest.fixture(scope='module')
def city(tmp_path_factory):
  """The folder of a small prepared Cityscapes, with coarse labels."""
  root = tmp_path_factory.mktemp('city')
  official = official_sets.cityscapes(root / 'zips', extra=2)
  result = preparing.prepare(
    cityscapes.COARSE, official, str(root / 'prepared')
  )
  return result


@pytest.mark.parametrize(
  ('make', 'recipe'),
  [
    (official_sets.cityscapes, cityscapes.FINE),
    (official_sets.deepglobe, deepglobe.RECIPE),
    (official_sets.gleason, gleason.RECIPE),
  ],
)
def test_what_comes_out_is_what_went_in(tmp_path, make, recipe):
  official = make(tmp_path / 'official')
  told = []
  result = preparing.prepare(
    recipe,
    official,
    str(tmp_path / 'out'),
    begins=told.append,
    done=told.append,
  )
  assert told[0] == sum(result.images.values()) == len(told) - 1
  assert not result.before
  for split, items in recipe.items(official).items():
    source = prepared.PreparedSource(result.folder, split, recipe.classes)
    assert len(source) == len(items) == result.images[split]
    for i, item in enumerate(items):
      image, label = item.read()
      assert source[i].name == item.name
      assert source.size(i) == label.shape
      np.testing.assert_array_equal(
        source[i].image, images.read_image(Encoded('', image))
      )
      np.testing.assert_array_equal(source[i].label, label)
  again = preparing.prepare(recipe, tmp_path / 'gone', str(tmp_path / 'out'))
  assert again.before and again.images == result.images


def test_sums_and_parts_of_splits(city):
  def names(split):
    source = prepared.PreparedSource(city.folder, split, CITY)
    return [source[i].name for i in range(len(source))]

  train, extra = names('train'), names('train_extra')
  assert names('train+train_extra') == train + extra
  assert names('train[1:]+val[:50%]') == [*train[1:], names('val')[0]]


def test_sizes_follow_the_parts(tmp_path):
  folder = official_sets.deepglobe(tmp_path / 'set', count=3)
  for i, size in enumerate([(4, 9), (5, 5), (7, 3)]):
    path = folder / 'train' / f'{100 + i}'
    picture = official_sets.picture(i, size, 'JPEG')
    path.with_name(f'{100 + i}_sat.jpg').write_bytes(picture)
    black = official_sets.encode(np.zeros((*size, 3), np.uint8))
    path.with_name(f'{100 + i}_mask.png').write_bytes(black)
  for split, number in (('train', 102), ('val', 100), ('test', 101)):
    (folder / f'{split}.txt').write_text(f'{number}\n')
  result = preparing.prepare(deepglobe.RECIPE, folder, str(tmp_path / 'out'))
  source = prepared.PreparedSource(
    result.folder, 'test+train+val', deepglobe.RECIPE.classes
  )
  assert [source.size(i) for i in range(3)] == [(5, 5), (7, 3), (4, 9)]
  assert [source[i].label.shape for i in range(3)] == [(5, 5), (7, 3), (4, 9)]


def test_frequencies_and_classes_that_never_occur(city):
  labels = [official_sets.city_ids(i) for i in range(city.images['train'])]
  road = sum(int((ids == 7).sum()) for ids in labels)
  assert city.pixels['train'][0] == road
  assert sum(city.pixels['train']) == 3 * 48
  head, first, *_ = preparing.frequencies(city)
  assert head[1:] == ['train', 'val', 'train_extra']
  labelled = sum(city.pixels['train'][:-1])
  assert first[:2] == ['road', f'{100 * road / labelled:.3f}']
  missing = preparing.never(city)
  for split, names in missing.items():
    for name in names:
      assert city.pixels[split][CITY.names.index(name)] == 0


def test_a_source_pickles_small_and_feeds_the_pipeline(city):
  source = prepared.PreparedSource(city.folder, 'train', CITY, cache_mb=1)
  _ = source[0]
  data = pickle.dumps(source)
  assert len(data) < 10_000
  copy = pickle.loads(data)
  np.testing.assert_array_equal(copy[2].image, source[2].image)
  batches = pipeline.segmenter_batches(
    source,
    Schedule(seed=0, batch=3, steps=2),
    plan_for=lambda size: plan.make_plan(size, window=(4, 4)),
    network=(4, 4),
  )
  assert [batch['image'].shape for batch in batches] == [(3, 4, 4, 3)] * 2


def test_the_settings_of_a_config_open_it(city):
  data = {
    'kind': 'tfds',
    'name': 'cityscapes_magnet/coarse',
    'train': '',
    'data_dir': str(city.folder.parents[2]),
    'classes': 'cityscapes',
    'val': 'train_extra',
    'test': '',
    'cache_mb': 0,
  }
  assert len(splits.open_split(data, 'train')) == 3
  assert len(splits.open_split(data, 'val')) == 2
  with pytest.raises(InputError, match="no split 'test'; choose from train"):
    splits.open_split(data, 'test')
  with pytest.raises(InputError, match='prepared with the classes road'):
    splits.open_split({**data, 'classes': 'deepglobe'}, 'train')
  for name in ('', 'gleason2019'):
    with pytest.raises(InputError, match=r'is not prepared in .*prepare'):
      splits.open_split({**data, 'name': name}, 'train')


def test_bad_indices_and_damaged_sets(city, tmp_path):
  source = prepared.PreparedSource(city.folder, 'val', CITY)
  with pytest.raises(IndexError):
    _ = source[2]
  (tmp_path / 'metadata.json').write_text('{"classes": []}')
  with pytest.raises(InputError, match='not a data set written by magnet-jax'):
    prepared.PreparedSource(tmp_path, 'val', CITY)
  (tmp_path / 'metadata.json').write_text(
    json.dumps({'classes': list(CITY.names), 'sizes': {}, 'pixels': {}})
  )
  with pytest.raises(InputError, match=r'cannot be read|has no split'):
    prepared.PreparedSource(tmp_path, 'val', CITY)


def test_a_bad_image_leaves_nothing_behind(tmp_path):
  folder = official_sets.deepglobe(tmp_path / 'set')
  path = folder / 'train' / '107_mask.png'
  path.write_bytes(path.read_bytes()[:-60])
  with pytest.raises(InputError, match=r'107_mask\.png: cannot be decoded'):
    preparing.prepare(deepglobe.RECIPE, folder, str(tmp_path / 'out'))
  assert not (tmp_path / 'out').exists()


def test_names_and_tables_are_checked():
  with pytest.raises(InputError, match='choose one of cityscapes_magnet'):
    preparing.recipe_of('cityscapes')
  with pytest.raises(InputError, match='needs --classes'):
    preparing.recipe_of('file_list/mine')
  with pytest.raises(InputError, match='has its own classes'):
    preparing.recipe_of('gleason2019', 'gleason')
  assert preparing.recipe_of('file_list/mine', 'dubai').name == 'file_list/mine'


def test_where_sets_are(monkeypatch, tmp_path):
  monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path))
  assert prepared.root() == tmp_path
  monkeypatch.delenv('TFDS_DATA_DIR')
  assert prepared.root().name == 'tensorflow_datasets'
  assert prepared.root('here').name == 'here'


def test_neither_tensorflow_nor_the_network_is_needed(city, tmp_path):
  """A set is prepared and read without either."""
  script = f"""
import socket, sys
def refuse(*args, **settings):
  raise AssertionError('the network is asked')
socket.socket.connect = socket.create_connection = refuse
socket.getaddrinfo = refuse
import pathlib
from magnet_jax.datasets import cityscapes, preparing
from magnet_jax.data import prepared
result = preparing.prepare(
  cityscapes.FINE, pathlib.Path({str(city.folder.parents[3] / 'zips')!r}),
  {str(tmp_path)!r})
source = prepared.PreparedSource(result.folder, 'val', result.classes)
print(source[1].label.shape, 'tensorflow' in sys.modules)
"""
  done = subprocess.run(
    [sys.executable, '-c', script],
    capture_output=True,
    text=True,
    check=False,
    env={**os.environ, 'NO_GCE_CHECK': 'false'},
  )
  assert done.stdout == '(6, 8) False\n', done.stderr


def test_tfds_knows_the_builders(tmp_path):
  import tensorflow_datasets as tfds

  from magnet_jax.datasets import tfds_builders

  official = official_sets.deepglobe(tmp_path / 'set')
  builder = tfds_builders.DeepglobeLandCover(
    data_dir=tmp_path / 'out', file_format=prepared.FORMAT
  )
  with contextlib.redirect_stdout(None):
    builder.download_and_prepare(
      download_dir=tmp_path,
      download_config=tfds.download.DownloadConfig(manual_dir=official),
    )
  assert builder.info.splits['train'].num_examples == 6
  assert 'DeepGlobe18' in builder.info.citation
  assert builder.name in tfds.list_builders(with_community_datasets=False)
