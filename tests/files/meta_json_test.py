"""The meta of a checkpoint survives writing and reading."""

import dataclasses
import json

import pytest

from magnet_jax.files import meta_json
from magnet_jax.types import (
  IGNORE,
  ClassTable,
  InputError,
  LabelCodes,
  Meta,
  Origin,
)

CLASSES = ClassTable(
  ('soil', 'weed'), ((110, 84, 62), (64, 178, 92)), unscored=(1,)
)
METAS = [
  Meta(),
  Meta({'seed': 1, 'plan': {'scales': ((4, 6), (8, 12)), 'factor': 2.0}}),
  Meta({'data': {'train': ''}}, CLASSES, 'segmenter'),
  Meta(
    classes=dataclasses.replace(
      CLASSES, codes=LabelCodes(((0,), (7, 9)), (IGNORE,), 3)
    )
  ),
  Meta(
    classes=dataclasses.replace(
      CLASSES, codes=LabelCodes((((0, 0, 0),), ((9, 8, 7), (1, 1, 1))))
    )
  ),
  Meta(kind='trunk', torch=Origin('resnet', 'float16', ({'bn1.n': 7},))),
  Meta(kind='segmenter', tones={'brightness': (98.0, 103.5), 'detail': (2, 3)}),
  Meta(kind='refiner', torch=Origin('refiner', 'float32', ({}, {}), 'a,b')),
]


def _back(meta):
  text = json.dumps(meta_json.to_json(meta), allow_nan=False)
  return meta_json.from_json(json.loads(text), 'a.npz')


@pytest.mark.parametrize('meta', METAS)
def test_a_meta_survives_its_file(meta):
  found = _back(meta)
  assert dataclasses.replace(found, versions={}) == meta
  assert set(found.versions) == {'magnet-jax', 'jax', 'flax'}


def test_the_versions_stay_those_of_the_first_writing():
  meta = Meta(versions={'magnet-jax': '0.0.1'})
  assert _back(meta) == meta


def test_numbers_without_a_word_in_json_are_null():
  assert _back(Meta({'a': float('nan')})).config == {'a': None}


def test_a_later_format_says_to_upgrade():
  with pytest.raises(InputError, match=r'^a\.npz: meta\.format is 2.*upgrade'):
    meta_json.from_json({'format': 2, 'unheard_of': 1}, 'a.npz')


@pytest.mark.parametrize(
  ('tones', 'words'),
  [
    ({'detail': [1.0], 'brightness': [1.0, 2.0]}, 'must be of the same images'),
    ({'detail': []}, 'must be of the same images, one at least'),
    ({'detail': [float('nan')]}, 'must be a finite number'),
    ({'detail': 3}, 'must be a list'),
  ],
)
def test_damaged_tones_are_refused(tones, words):
  with pytest.raises(InputError, match=rf'^a\.npz: .*tones.*{words}'):
    meta_json.from_json({'tones': tones}, 'a.npz')


def test_override_changes_a_copy():
  meta = Meta({'refine': {'points': 0.9, 'kernel': 5}, 'seed': 3})
  found = meta.override('refine', points=0.1)
  assert found.config == {'refine': {'points': 0.1, 'kernel': 5}, 'seed': 3}
  assert meta.section('refine')['points'] == 0.9
  with pytest.raises(InputError, match=r'config\.seed is 3: must be settings'):
    meta.override('seed', points=0.1)
