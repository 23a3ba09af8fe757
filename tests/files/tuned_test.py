import numpy as np
import pytest

from magnet_jax.files import bundle, records, tuned
from magnet_jax.types import InputError, Meta

META = Meta({'refine': {'points': 0.9, 'kernel': 5}}, kind='refiner')


def test_an_exported_file_is_written_anew(tmp_path):
  path = tmp_path / 'model.npz'
  bundle.export(path, {'refiner': {'w': np.arange(3)}}, META)
  assert tuned.write(path, {'refine': {'points': 0.25}}) == path
  variables, meta = bundle.read(path)
  np.testing.assert_array_equal(variables['refiner']['w'], np.arange(3))
  assert meta.section('refine') == {'points': 0.25, 'kernel': 5}
  assert META.section('refine')['points'] == 0.9


@pytest.mark.parametrize('step', ['refiner/checkpoints/100', 'refiner/100'])
def test_a_run_keeps_them_beside_its_refiner(tmp_path, step):
  (tmp_path / step).mkdir(parents=True)
  assert tuned.laid_over(META, tmp_path / step) == META
  assert tuned.write(tmp_path, {'refine': {'points': 0.25}}) == (
    tmp_path / 'refiner' / 'tuned.json'
  )
  tuned.write(tmp_path, {'refine': {'kernel': 3}})
  found = tuned.laid_over(META, tmp_path / step)
  assert found.section('refine') == {'points': 0.25, 'kernel': 3}
  assert tuned.of(tmp_path / 'refiner') == {
    'refine': {'points': 0.25, 'kernel': 3}
  }


def test_later_settings_are_laid_over_earlier_ones(tmp_path):
  step = tmp_path / 'segmenter' / 'checkpoints' / '7'
  step.mkdir(parents=True)
  meta = Meta({'refine': {'points': 0.9}, 'plan': {'first': 0.0}})
  tuned.write(tmp_path, {'plan': {'first': 0.5}, 'refine': {'fusion': 'mean'}})
  tuned.write(tmp_path, {'plan': {'last': 0.7}})
  found = tuned.laid_over(meta, step)
  assert found.section('plan') == {'first': 0.5, 'last': 0.7}
  assert found.section('refine') == {'points': 0.9, 'fusion': 'mean'}


def test_a_refiner_alone_keeps_its_own(tmp_path):
  (tmp_path / 'checkpoints' / '7').mkdir(parents=True)
  tuned.write(tmp_path, {'refine': {'points': 0.1}})
  found = tuned.laid_over(META, tmp_path / 'checkpoints' / '7')
  assert found.section('refine')['points'] == 0.1


def test_the_choice_of_an_earlier_version(tmp_path):
  (tmp_path / 'tuned.json').write_text('{"points": 0.25}')
  assert tuned.of(tmp_path) == {'refine': {'points': 0.25}}


def test_ways_are_kept_beside_a_segmenter(tmp_path):
  step = tmp_path / 'segmenter' / 'checkpoints' / '7'
  step.mkdir(parents=True)
  ways = {'half': {'plan': {'first': 0.5}, 'refine': {}}}
  path = tuned.write(tmp_path, {'ways': ways, 'refine': {'windows': 0.3}})
  assert path == tmp_path / 'segmenter' / 'tuned.json'
  found = tuned.laid_over(META, step)
  assert found.config['ways'] == ways
  assert found.section('refine') == {**META.section('refine'), 'windows': 0.3}


@pytest.mark.parametrize(
  'text',
  [
    '{"points": 0.',
    '[1]',
    '',
    '{"points": 1.5}',
    '{"points": [0.5]}',
    '{"points": NaN}',
    '{"points": true}',
    '{"plan": 3}',
    '{"refine": {"points": 1.5}}',
    '{"refine": 1}',
    '{"train": {}}',
  ],
)
def test_a_damaged_file_is_named(tmp_path, text):
  (tmp_path / 'tuned.json').write_text(text)
  with pytest.raises(InputError, match=r'tuned\.json'):
    tuned.of(tmp_path)


def test_a_file_that_is_no_model(tmp_path):
  path = tmp_path / 'model.npz'
  records.write_json(path, {})
  with pytest.raises(InputError, match='not a model file'):
    tuned.write(path, {'refine': {'points': 0.1}})


def test_weights_of_8_bits_stay_as_they_are(tmp_path):
  path = tmp_path / 'model.npz'
  kernel = np.random.default_rng(0).normal(size=(9, 9)).astype(np.float32)
  tree = {'refiner': {'conv': {'kernel': kernel}}}
  bundle.export(path, tree, META, bits=8)
  with np.load(path) as before:
    tuned.write(path, {'refine': {'points': 0.25}})
    with np.load(path) as after:
      assert after.files == before.files
      for name in {*before.files} - {'__meta__'}:
        np.testing.assert_array_equal(after[name], before[name])
  assert bundle.read(path)[1].section('refine')['points'] == 0.25
