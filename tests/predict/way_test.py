"""Ways of running a model: read, checked and used."""

import dataclasses

import pytest
import toy_model

from magnet_jax.methods import magnet
from magnet_jax.predict import way as ways
from magnet_jax.predict.way import Way
from magnet_jax.types import InputError

HALF = Way({'first': 0.5, 'last': 0.5}, {'fusion': 'mean'})


def test_ways_are_read_as_they_are_written():
  assert ways.from_json({'half': HALF.to_json()}) == {'half': HALF}
  assert ways.from_json({}) == {}


@pytest.mark.parametrize('found', [1, [1], {'half': 1}, {'half': {'plan': {}}}])
def test_damaged_ways(found):
  with pytest.raises(InputError, match=r'config\.ways'):
    ways.from_json(found)


def test_a_model_has_the_settings_of_its_way():
  model = toy_model.make()
  changed = model.with_way(HALF)
  assert changed.settings['plan'] == {**model.settings['plan'], **HALF.plan}
  assert changed.settings['refine']['fusion'] == 'mean'
  for wrong in (Way({'first': 2.0}, {}), Way({}, {'kernel': 2})):
    with pytest.raises(InputError):
      model.with_way(wrong)


def test_ways_by_name():
  with pytest.raises(InputError, match='not tuned'):
    toy_model.make().way('half')
  model = dataclasses.replace(toy_model.make(), ways={'half': HALF})
  assert model.way('half') == HALF
  with pytest.raises(InputError, match='choose one of half'):
    model.way('third')


def test_fast_takes_the_way_of_half_the_time():
  image = toy_model.sample(size=(128, 128)).image
  model = dataclasses.replace(toy_model.make(), ways={'half': HALF})
  _, windows = magnet.fast(model).segment(image)
  assert windows == 4  # of 64x64 pixels
  _, some = magnet.fast(model, windows=2).segment(image)
  assert some == 1 + 2 + 2
