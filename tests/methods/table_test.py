"""Properties of every method in the table."""

import dataclasses
import functools

import numpy as np
import pytest
import toy_model

from magnet_jax.cascade import plan
from magnet_jax.evaluate.compiles import CompileCounter
from magnet_jax.methods import method as methods
from magnet_jax.methods import table
from magnet_jax.methods.method import Factory
from magnet_jax.ops import area, resize, windows
from magnet_jax.predict import correctors
from magnet_jax.types import InputError

# All but those that need another segmenter than the toy, or a corrector.
_OTHERS = ('pointrend', 'glnet', *map(correctors.shown, correctors.CORRECTORS))
METHODS = [name for name in table.METHODS if name not in _OTHERS]


@pytest.fixture(name='model', scope='module')
def make_model():
  return toy_model.make(patch_scale=0.5)


@pytest.mark.parametrize('name', METHODS)
@pytest.mark.parametrize('size', [(64, 64), (65, 90), (20, 30), (32, 32)])
def test_every_method_segments_images_of_any_size(model, name, size):
  image = toy_model.sample(size=size).image
  results = []
  method = table.make(model, [name])[name]
  probabilities, windows = method.segment(image, results.append)
  assert probabilities.shape == (*size, len(model.classes))
  assert probabilities.dtype == np.float32
  np.testing.assert_allclose(probabilities.sum(-1), 1, atol=1e-5)
  # What is watched last is the result, and no window is left out.
  np.testing.assert_array_equal(results[-1].probabilities, probabilities)
  assert sum(len(result.windows) for result in results) == windows > 0
  # Watching changes nothing.
  again, _ = method.segment(image)
  np.testing.assert_array_equal(again, probabilities)


@pytest.mark.parametrize('name', METHODS)
def test_nothing_is_compiled_after_the_warm_up(name):
  # Of a size that no other method has compiled for.
  width = 40 + METHODS.index(name)
  model = toy_model.make(network=(24, width), patch_scale=0.5)
  size = (90, 120)
  method = table.make(model, [name])[name]
  with CompileCounter() as first:
    methods.warm_up([method], size)
  with CompileCounter() as second:
    method.segment(toy_model.sample(size=size).image)
  assert first.count > 0
  assert second.count == 0


def test_methods_that_share_their_steps_are_warmed_up_once(model):
  calls = []

  def warm_up(size):
    calls.append(size)

  one = dataclasses.replace(
    table.make(model, ['patch'])['patch'], warm_up=warm_up
  )
  methods.warm_up([one, dataclasses.replace(one)], (64, 64))
  assert calls == [(64, 64)]


def test_methods_come_in_the_order_asked_for(model):
  names = METHODS[::-1]
  assert list(table.make(model, names)) == names
  usual = [name for name in METHODS if table.METHODS[name].usual]
  assert list(table.make(model)) == table.usual(model) == usual
  assert 'guided' not in usual
  assert list(table.make(model, ['all'])) == METHODS


def test_each_method_takes_its_own_settings_alone(model):
  image = toy_model.sample(size=(64, 96)).image
  made = table.make(model, overlap=0.5, windows=1)
  seen = {name: each.segment(image)[1] for name, each in made.items()}
  assert seen['patch'] == 15  # 3 x 5, not 2 x 3
  assert seen['magnet-fast'] == 3  # stage 0, and one window of both others
  assert seen['magnet'] == 1 + 4 + 6
  assert seen['downsample'] == 1


def test_downsample_is_stage_0_and_patch_the_blended_windows(model):
  image = toy_model.sample(size=(64, 96)).image
  made = table.make(model, overlap=0.0)
  stages = list(model.cascade().stages(image, model.plan((64, 96))))
  found = {name: each.segment(image)[0] for name, each in made.items()}
  np.testing.assert_array_equal(found['magnet'], stages[-1].probabilities)
  for row in (0, 32):
    for column in (0, 32, 64):
      inside = slice(row, row + 32), slice(column, column + 32)
      alone, _ = made['patch'].segment(image[inside])
      np.testing.assert_allclose(found['patch'][inside], alone, atol=1e-6)
  # Of the smallest image there is nothing but stage 0.
  small = toy_model.sample(size=(32, 32)).image
  results = [each.segment(small)[0] for each in made.values()]
  for other in results[1:]:
    np.testing.assert_allclose(other, results[0], atol=1e-6)


def test_without_a_refiner_the_stages_are_averaged(model):
  size = (64, 96)
  image = toy_model.sample(size=size).image
  untrained = dataclasses.replace(model, refiners=())
  chosen = table.make(untrained, ['magnet', 'magnet-fast', 'multiscale'])
  found, seen = chosen['magnet'].segment(image)
  mean, _ = chosen['multiscale'].segment(image)
  assert seen == 1 + 4 + 6
  # Equal but for maps that are enlarged in steps.
  assert np.abs(found - mean).mean() < 0.03
  again = dataclasses.replace(model, settings=toy_model.settings(fusion='mean'))
  other, _ = table.make(again, ['magnet'])['magnet'].segment(image)
  np.testing.assert_array_equal(other, found)


def test_baselines_do_not_depend_on_the_plan_of_the_cascade():
  image = toy_model.sample(size=(90, 120)).image
  names = ['downsample', 'patch', 'multiscale', 'magnet']
  whole, other = (
    {name: each.segment(image) for name, each in table.make(m, names).items()}
    for m in (
      toy_model.make(),
      toy_model.make(first=0.6, last=0.9, factor='half-octave'),
    )
  )
  for name in names[:-1]:
    np.testing.assert_array_equal(whole[name][0], other[name][0])
    assert whole[name][1] == other[name][1]
  assert whole['magnet'][1] == 1 + 4 + 12 and other['magnet'][1] == 6 + 9 + 12


def test_patch_at_a_scale_is_the_reduced_image_enlarged(model):
  size = (90, 120)
  image = toy_model.sample(size=size).image
  chosen = table.make(model, ['patch', 'patch-best'], scale=0.5, overlap=0.5)
  (half, seen), (best, also) = (m.segment(image) for m in chosen.values())
  small = area.shrink(image, (45, 60))
  alone, windows = table.make(model, ['patch'], overlap=0.5)['patch'].segment(
    small
  )
  assert seen == also == windows == 2 * 3
  np.testing.assert_array_equal(half, resize.probabilities(alone, size))
  np.testing.assert_array_equal(best, half)
  # Never below one window.
  tiny, one = table.make(model, ['patch'], scale=0.1)['patch'].segment(image)
  assert one == 1 and tiny.shape[:2] == size
  with pytest.raises(InputError, match=r'--scale=1\.5'):
    table.make(model, ['patch'], scale=1.5)
  with pytest.raises(InputError, match=r'overlap 1\.0: must be'):
    table.make(model, ['patch'], overlap=1.0)


@pytest.mark.parametrize('size', [(20, 20), (31, 90), (64, 64), (90, 120)])
@pytest.mark.parametrize('scale', [0.01, 0.5, 1.0])
def test_patch_sees_windows_of_one_scale(size, scale):
  model = toy_model.make(scales=((16, 16), (48, 48)))  # of no matter to it
  patch = table.make(model, ['patch'], scale=scale)['patch']
  found, seen = patch.segment(toy_model.sample(size=size).image)
  least = plan.least_scale(size, (32, 32))
  small = tuple(round(side * max(scale, least)) for side in size)
  assert found.shape[:2] == size
  assert seen == len(windows.make_grid(small, (32, 32), 0.25))


def test_without_a_known_best_scale_the_rest_is_compared(model):
  untuned = toy_model.make()
  assert list(table.make(untuned, ['all'])) == [
    name for name in METHODS if name != 'patch-best'
  ]
  with pytest.raises(InputError, match='magnet-jax tune, or give patch'):
    table.make(untuned, ['patch-best'])


def _possible(model):
  return ','.join(table.possible(model))


@pytest.mark.parametrize(
  ('changes', 'words'),
  [
    (
      {
        'refiners': (),
        'settings': toy_model.settings({'patch_scale': 0.5}, fusion='magnet'),
      },
      'has no refiner',
    ),
    ({'pipeline': 'released'}, 'released pipeline has no such'),
  ],
)
def test_what_a_model_cannot_do_is_refused_and_what_it_can_is_listed(
  model, changes, words
):
  other = dataclasses.replace(model, **changes)
  possible = _possible(other)
  assert 'downsample,patch' in possible
  assert list(table.make(other, possible.split(','))) == possible.split(',')
  refused = [n for n in METHODS if n not in possible.split(',')]
  assert 'magnet-fast' in refused
  for name in refused:
    with pytest.raises(InputError, match=words) as error:
      table.make(other, [name])
    line = str(error.value)
    assert line.startswith(f'{name}: ')
    assert line.endswith(f'--methods={possible}')


def test_unknown_names_are_refused_with_the_known_ones(model):
  with pytest.raises(InputError, match='--methods=magic: unknown') as error:
    table.make(model, ['patch', 'magic'])
  assert all(name in str(error.value) for name in table.METHODS)
  with pytest.raises(InputError, match='names none'):
    table.make(model, [])


def test_a_row_is_all_that_a_new_method_takes(model, monkeypatch):
  """It can be asked for, is in the help, and has a clear error."""
  own = Factory(
    functools.partial(table.METHODS['patch'], overlap=0.5), 'twice the windows'
  )
  monkeypatch.setitem(table.METHODS, 'twice', own)
  image = toy_model.sample(size=(64, 64)).image
  _, seen = table.make(model, ['twice'])['twice'].segment(image)
  assert seen == 9
  assert 'twice         twice the windows' in table.about()
  assert 'twice' not in table.about(usual=False)
  with pytest.raises(InputError, match='twice'):
    table.make(model, ['unknown'])


def test_the_reference_is_chosen_or_found():
  assert table.reference(['patch', 'magnet', 'downsample']) == 'magnet'
  assert table.reference(['patch', 'downsample']) == 'downsample'
  assert table.reference(['patch', 'magnet'], 'patch') == 'patch'
  with pytest.raises(InputError, match=r'--reference=magic.*patch, magnet'):
    table.reference(['patch', 'magnet'], 'magic')


def test_a_setting_that_no_method_has():
  table.check_used(['radius', 'start'], ['patch', 'guided'])
  table.check_used([], ['patch'])
  with pytest.raises(
    InputError, match='--start: patch, magnet have no such setting; leave it'
  ) as caught:
    table.check_used(['start'], ['patch', 'magnet'])
  assert 'add one of pointrend, guided, fast-guided' in str(caught.value)
