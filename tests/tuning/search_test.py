"""Scores of ways, from the maps of the scales and from runs."""

import dataclasses
import functools

import numpy as np
import pytest
import toy_model

from magnet_jax.methods import magnet
from magnet_jax.tuning import candidates, search
from magnet_jax.types import InputError

SETTINGS = {'split': 'val'}


def test_estimates_agree_with_runs(tmp_path):
  """What follows from the maps of the scales is what the cascade finds."""
  model = toy_model.make(overlap=0.25)
  sample = toy_model.sample(size=(90, 120))
  tried = candidates.of(model, ())
  found, errors = search.measure(
    model, [lambda: sample], tried, folder=tmp_path, settings=SETTINGS
  )
  assert not errors
  by_name = {record['method']: record for record in found}
  # The image is too small for a quarter of a side.
  assert 'patch 0.25' not in by_name and 'patch 0.5' in by_name
  for name in (
    'patch 0.71',
    'mean 0.5-1 half-octave, first twice',
    'mean of all',
    'patch 0.71, filtered',
    'mean 0.5-1 half-octave, filtered',
  ):
    method = magnet.make(model.with_way(tried.by_name[name]))
    maps, seen = method.segment(sample.image)
    right = (maps.argmax(-1) == sample.label).mean()
    matrix = np.asarray(by_name[name]['confusion'])
    assert matrix.trace() / matrix.sum() == pytest.approx(right, abs=2e-3)
    assert by_name[name]['windows'] == seen


def test_one_run_of_a_refiner_is_scored_before_and_after_the_filter():
  model, sample = toy_model.make(), toy_model.sample()
  tried = dataclasses.replace(
    candidates.of(model, (0.5,)), means={}, singles={}
  )
  found, _ = search.measure(
    model, [lambda: sample], tried, folder=None, settings=SETTINGS
  )
  for record in found:
    way = tried.by_name[record['method']]
    maps, seen = magnet.make(model.with_way(way)).segment(sample.image)
    matrix = np.asarray(record['confusion'])
    right = (maps.argmax(-1) == sample.label).sum()
    assert matrix.trace() == right and record['windows'] == seen
  seconds = {record['method']: record['seconds'] for record in found}
  assert all(seconds[a] < seconds[b] for a, b in tried.pairs.items())


def test_an_interrupted_run_goes_on(tmp_path):
  model = toy_model.make()
  tried = candidates.of(model, (0.5,))
  tried = dataclasses.replace(
    tried,
    means={},
    singles={name: tried.singles[name] for name in (candidates.PATCH,)},
  )
  run = functools.partial(
    search.measure, model, tried=tried, folder=tmp_path, settings=SETTINGS
  )
  reads = []

  def load(seed):
    reads.append(seed)
    return toy_model.sample(seed)

  first, _ = run([functools.partial(load, 0)])
  again, _ = run([functools.partial(load, seed) for seed in range(2)])
  assert reads == [0, 1]
  assert again[: len(first)] == first and len(again) == 2 * len(first)
  plain = {candidates.PATCH, 'refiner, K 0.5', 'refiner, K 0.5, mix 0.5'}
  assert {record['method'] for record in first} == {
    *plain,
    *(tried.pairs[name] for name in plain),
  }


def test_a_size_is_warmed_up_once(monkeypatch):
  sizes = []
  monkeypatch.setattr(magnet, 'warm_up', lambda model, size: sizes.append(size))
  method = search.method_of(toy_model.make())
  for size in ((64, 64), (64, 64), (64, 80)):
    method.warm_up(size)
  assert sizes == [(64, 64), (64, 80)]


def test_bad_images_are_told():
  model = toy_model.make()
  tried = candidates.of(model, ())
  bare = toy_model.sample(labelled=False)

  def missing():
    raise InputError('a.png: is missing')

  found, errors = search.measure(
    model, [missing, lambda: bare], tried, folder=None, settings=SETTINGS
  )
  assert found == []
  assert errors[0] == 'a.png: is missing' and 'has no label' in errors[1]


def test_k_out_of_range():
  with pytest.raises(InputError, match=r'points 1\.5'):
    candidates.of(toy_model.make(), (1.5,))
