import dataclasses

import numpy as np
import pytest
import toy_model

from magnet_jax.filters import fast_guided, guided
from magnet_jax.filters.table import Filter
from magnet_jax.methods import starts, table
from magnet_jax.types import InputError

FILTERS = {'guided': guided.guided, 'fast-guided': fast_guided.fast_guided}


@pytest.fixture(name='model', scope='module')
def make_model():
  return toy_model.make()


@pytest.mark.parametrize('name', FILTERS)
@pytest.mark.parametrize('start', starts.STARTS)
def test_it_filters_the_map_of_its_start(model, name, start):
  image = toy_model.sample(size=(64, 90)).image
  (given, before), (found, seen) = (
    each.segment(image)
    for each in table.make(
      model, [start, name], start=start, overlap=0.5, scale=0.8, radius=3
    ).values()
  )
  assert seen == before
  np.testing.assert_array_equal(found, FILTERS[name](image, given, radius=3))


def test_settings_that_are_not_given_have_defaults(model):
  image = toy_model.sample(size=(64, 64)).image
  (given, _), (found, _) = (
    each.segment(image)
    for each in table.make(model, ['patch', 'guided']).values()
  )
  np.testing.assert_array_equal(
    found, guided.guided(image, given, radius=8, eps=1e-4)
  )


def test_bad_settings_are_found_before_anything_is_segmented(model):
  with pytest.raises(
    InputError, match='--start=guided: unknown; choose one of'
  ):
    table.make(model, ['guided'], start='guided')
  with pytest.raises(InputError, match='radius -1: must be at least 1'):
    table.make(model, ['guided'], radius=-1)
  released = dataclasses.replace(model, pipeline='released')
  with pytest.raises(InputError, match='--start=multiscale: the released'):
    table.make(released, ['fast-guided'], start='multiscale')
  with pytest.raises(InputError, match='--start=magnet: the model has no ref'):
    table.make(
      dataclasses.replace(released, refiners=()), ['guided'], start='magnet'
    )
  assert table.make(released, ['fast-guided'])


def test_a_corrector_starts_from_what_it_was_trained_on(model):
  image = toy_model.sample(size=(40, 70)).image
  compiled = []
  corrects = Filter(
    lambda image, maps: np.flip(maps, -1),
    'reverses the classes',
    start='downsample',
    num_classes=len(model.classes),
    warm_up=compiled.append,
  )
  trained = dataclasses.replace(model, correctors={'iterative': corrects})
  assert 'iterative' in table.possible(trained)
  assert 'iterative' not in table.possible(model)
  for start in ('downsample', 'magnet'):
    settings = {} if start == 'downsample' else {'start': start}
    (given, before), (found, seen) = (
      each.segment(image)
      for each in table.make(trained, [start, 'iterative'], **settings).values()
    )
    assert seen == before
    np.testing.assert_array_equal(found, given[..., ::-1])
  table.make(trained, ['iterative'])['iterative'].warm_up((40, 70))
  assert compiled == [(40, 70)]
