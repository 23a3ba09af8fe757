"""The choice, its text, and what is written into the model."""

import dataclasses
import functools

import numpy as np
import pytest
import toy_model

from magnet_jax.predict.way import Way
from magnet_jax.tuning import choice, class_fit, shown, tuned, tuning
from magnet_jax.types import InputError

LOADS = [
  functools.partial(toy_model.sample, seed, (72, 80)) for seed in range(2)
]
SETTINGS = {'split': 'val'}


def test_choice(tmp_path):
  model = toy_model.make()
  found = tuning.tune(
    model, LOADS, points=(0.5,), folder=tmp_path, settings=SETTINGS
  )
  assert list(found.chosen) == [*choice.BUDGETS, choice.SINGLE]
  assert found.names[choice.SINGLE].startswith('patch ')
  assert found.images == 2 and not found.errors
  # Every chosen way was run on every image, equal ones once.
  assert len(found.verified) == 2 * len(set(found.names.values()))
  text = shown.text(found)
  for name, candidate in found.names.items():
    assert name in text and candidate in text
  assert 'too few' in text
  assert (tmp_path / tuning.PICTURE).stat().st_size > 1000
  sections = found.sections('half')
  assert found.chosen['half'].plan.items() <= sections['plan'].items()
  assert 0 < sections['plan']['patch_scale'] <= 1
  assert set(sections['ways']) == {*choice.BUDGETS, tuned.TRAINED}
  again = tuning.tune(
    model, LOADS, points=(0.5,), folder=tmp_path, settings=SETTINGS
  )
  assert again.names == found.names and again.verified == found.verified
  fewer = tuning.tune(model, LOADS[:1], folder=tmp_path, settings=SETTINGS)
  assert {record['image'] for record in fewer.verified} == {'noise-0'}


def test_a_tuned_model_is_tuned_from_its_training():
  """Neither the bias nor the plan of an earlier choice is built upon."""
  model = toy_model.make()
  own = Way(model.settings['plan'], model.settings['refine'])
  earlier = Way({'first': 0.5, 'last': 0.5}, {'fusion': 'mean'})
  changed = model.with_way(earlier.with_numbers(bias=[9.0, *[0.0] * 6]))
  changed = dataclasses.replace(changed, ways={tuned.TRAINED: own})

  def scores(model):
    found = tuning.tune(
      model, LOADS[:1], points=(0.5,), folder=None, settings=SETTINGS
    )
    assert found.trained == own
    return {name: (row.miou, row.windows) for name, row in found.rows.items()}

  assert scores(changed) == scores(model)


def test_a_way_takes_nothing_from_another_choice():
  """The refiner's way of a budget has the plan that it was measured with."""
  model = toy_model.make()
  found = tuning.tune(
    model, LOADS[:1], points=(0.5,), folder=None, settings=SETTINGS
  )
  size = (160, 160)
  sections = found.sections('patch')
  later = model.with_way(Way({'first': 0.5, 'last': 0.5}, {'mix': 0.3}))
  for name, way in sections['ways'].items():
    changed = later.with_way(Way(way['plan'], way['refine']))
    if name != tuned.TRAINED:
      assert changed.settings == model.with_way(found.chosen[name]).settings | {
        'plan': {**found.chosen[name].plan, **way['plan']}
      }
    else:
      assert changed.plan(size) == model.plan(size)


@pytest.mark.parametrize('helps', [True, False])
def test_a_bias_is_kept_where_it_helps_the_run(monkeypatch, helps):
  fitted = class_fit.Fitted((0.5, *[0.0] * 5, -0.5), 0.01, 0.001)
  monkeypatch.setattr(class_fit, 'LEAST_IMAGES', 1)
  monkeypatch.setattr(class_fit, 'fit_bias', lambda *args: fitted)
  none = class_fit.none(7)
  monkeypatch.setattr(class_fit, 'fit_trends', lambda *args: none)
  score = choice.score

  def judged(row):
    return score(row) + (2.0 if 'bias' in row.method else 0.0) * (
      1 if helps else -1
    )

  monkeypatch.setattr(choice, 'score', judged)
  found = tuning.tune(
    toy_model.make(), LOADS[:1], folder=None, settings=SETTINGS
  )
  for way in found.chosen.values():
    assert way.refine['bias'] == (fitted.values if helps else ())
  assert ('class bias of patch' in shown.text(found)) == helps


def _tuned_with(monkeypatch, gain, **settings):
  """Tunes with trends that gain so much for every mean of several stages."""
  monkeypatch.setattr(class_fit, 'LEAST_IMAGES', 1)
  steep = class_fit.Fitted((0.5, *[0.0] * 6), gain, 0.001)

  def fit(images, num_classes, unscored):
    several = len(images[0].own) > 1
    return steep if gain and several else class_fit.none(num_classes)

  monkeypatch.setattr(class_fit, 'fit_trends', fit)
  none = class_fit.none(7)
  monkeypatch.setattr(class_fit, 'fit_bias', lambda *args: none)
  score = choice.score
  # Which way is chosen depends on seconds; a run with trends is the better one.
  monkeypatch.setattr(
    choice, 'score', lambda row: score(row) + ('trends' in row.method)
  )
  found = tuning.tune(
    toy_model.make(overlap=0.25),
    LOADS[:1],
    folder=None,
    settings=SETTINGS,
    **settings,
  )
  return found, steep.values


def test_trends_belong_to_their_way(monkeypatch):
  found, steep = _tuned_with(monkeypatch, 0.01)
  for way in found.chosen.values():
    several = way.plan['first'] != way.plan['last']
    assert way.refine['trends'] == (steep if several else ())


def test_a_bias_shifts_the_logits():
  model = toy_model.make()
  image = toy_model.sample().image
  plain = model.cascade().segment(image, model.plan((64, 64)))
  bias = np.zeros(plain.shape[-1])
  bias[3] = 100
  way = Way({}, {'fusion': 'mean'}).with_numbers(bias=bias)
  biased = model.with_way(way)
  maps = biased.cascade().segment(image, biased.plan((64, 64)))
  assert (maps.argmax(-1) == 3).all()
  wrong = Way({}, {'bias': (1.0,)})
  with pytest.raises(InputError, match='bias'):
    model.with_way(wrong).cascade()


def test_bad_input():
  tune = functools.partial(tuning.tune, folder=None, settings=SETTINGS)
  model = toy_model.make()
  with pytest.raises(InputError, match=r'points 1\.2'):
    tune(model, LOADS, points=[1.2])
  with pytest.raises(InputError, match='name some'):
    tune(model, [])
  with pytest.raises(InputError, match='no label'):
    tune(model, [functools.partial(toy_model.sample, labelled=False)])
  with pytest.raises(InputError, match='released'):
    tune(dataclasses.replace(model, pipeline='released'), LOADS)
