import json
import sys
import types

import pytest

from magnet_jax.cli import config_file
from magnet_jax.configs import default
from magnet_jax.files import meta_json, records
from magnet_jax.models import build
from magnet_jax.types import InputError, Meta

_CHANGED = (
  'from magnet_jax.configs import default\n'
  'def get_config():\n'
  '  c = default.get_config()\n'
  '  with c.ignore_type():\n'
  '    {}\n'
  '  return c\n'
)


def test_shipped_and_own_files(tmp_path):
  assert config_file.load('default') == default.get_config()
  own = tmp_path / 'mine.py'
  own.write_text(
    'from magnet_jax.configs import default\n'
    'def get_config():\n'
    '  config = default.get_config()\n'
    '  config.seed = 5\n'
    '  return config\n'
  )
  assert config_file.load(str(own)).seed == 5


def test_overrides_take_the_type_of_their_field():
  base = default.get_config()
  found = config_file.override(
    base,
    [
      '--config.seed=3',
      '--config.train.refiner.rate=1e-4',
      '--config.plan.network=(64, 32)',
      '--config.data.kind=files',
      '--noconfig.augment.rotate',
      '--config.plan.factor=half-octave',
      '--config.plan.overlap=(0.25, 0.0)',
    ],
  )
  # A number or a name, and one for all stages or one per stage.
  assert found.plan.factor == 'half-octave'
  assert found.plan.overlap == (0.25, 0.0)
  again = config_file.override(found, ['--config.plan.factor=1.5'])
  assert again.plan.factor == 1.5 and again.is_locked
  assert found.seed == 3
  assert found.train.refiner.rate == 1e-4
  assert tuple(found.plan.network) == (64, 32)
  assert found.data.kind == 'files'
  assert not found.augment.rotate
  assert found.is_locked
  assert base == default.get_config()


def test_another_kind_of_trunk_drops_the_settings_it_lacks():
  base = default.get_config()
  trunk = '--config.segmenter.trunk=efficientnet_lite0'
  found = config_file.override(base, [trunk])
  kept = {'name', 'trunk', 'pyramid', 'head', 'dtype'}
  assert found.is_locked and set(found.segmenter) == kept
  assert found.segmenter.pyramid == base.segmenter.pyramid
  build.segmenter(num_classes=7, **found.segmenter)
  # What is asked for is not dropped, but refused.
  given = config_file.override(base, [trunk, '--config.segmenter.width=4'])
  with pytest.raises(InputError, match='width: unknown to fpn with trunk'):
    build.segmenter(num_classes=7, **given.segmenter)
  same = config_file.override(base, ['--config.segmenter.trunk=resnet34'])
  assert set(same.segmenter) == set(base.segmenter)
  with pytest.raises(InputError, match="trunk 'vgg': unknown"):
    config_file.override(base, ['--config.segmenter.trunk=vgg'])


@pytest.mark.parametrize(
  ('word', 'match'),
  [
    ('--config.train.segmenter.stepz=3', 'train.segmenter.steps'),
    ('--config.steps=3', 'train.refiner.steps|train.segmenter.steps'),
    ('--config.qqqq=3', 'sections are'),
    ('--config.train=3', 'config.train: unknown field'),
    ('--config.seed=three', 'config.seed=three'),
    ('--config.seed=1.5', 'config.seed=1.5'),
  ],
)
def test_bad_overrides(word, match):
  with pytest.raises(InputError, match=match):
    config_file.override(default.get_config(), [word])


@pytest.mark.parametrize(
  ('text', 'match'),
  [
    ('def get_config(:', 'SyntaxError'),
    ('x = 1', 'get_config'),
    ('def get_config():\n  return {}', 'returns dict'),
    ('import no_such_module', 'no_such_module'),
    ('from configs import default', "write 'from magnet_jax.configs import"),
    ('import sys\nsys.exit(0)', 'cannot be loaded, SystemExit: 0'),
    ('def get_config():\n  raise GeneratorExit', 'GeneratorExit'),
    ('def get_config():\n  return get_config()', 'RecursionError'),
    (
      'import ml_collections\nget_config = ml_collections.ConfigDict',
      'config.augment.brightness: is missing; add it',
    ),
    (_CHANGED.format('c.train = 5'), 'config.train is 5: must be a section'),
    (_CHANGED.format('c.segmenter = "x"'), "segmenter is 'x': must be a sec"),
    (
      _CHANGED.format('c.train.refiner = ()'),
      r'train.refiner is \(\): must be',
    ),
    (
      _CHANGED.format('c.trian = c.train; del c.train'),
      r'config.trian: unknown, where .*; did you mean train\?',
    ),
    (_CHANGED.format('c.train.refiner.q = 3'), r'refiner.q: unknown.*; remove'),
    (_CHANGED.format('del c.augment'), r'config.augment\..*: is missing; add'),
    (_CHANGED.format('c.data.classes = {1}'), 'must be a number, text or a'),
    (
      _CHANGED.format('c.segmenter.more = print'),
      'must be a number, text or a',
    ),
    (_CHANGED.format('c.refine.kernel = 4'), 'must be an odd number of 1 to'),
  ],
)
def test_bad_files(text, match, tmp_path, monkeypatch):
  # A package of this name that has no such module, as some projects have.
  monkeypatch.setitem(sys.modules, 'configs', types.ModuleType('configs'))
  path = tmp_path / 'broken.py'
  path.write_text(text)
  with pytest.raises(InputError, match=match):
    config_file.load(str(path))
  with pytest.raises(InputError, match=r'default, .*tiny'):
    config_file.load('no_such_config')


def test_a_checkpoint_gives_its_config_back():
  config = default.get_config()
  text = json.dumps(meta_json.to_json(Meta(config.to_dict())))
  found = config_file.from_meta(meta_json.from_json(json.loads(text), 'a'))
  assert found == config
  config_file.override(found, ['--config.plan.network=(64, 64)'])


@pytest.mark.parametrize(
  ('data', 'words'),
  [
    (
      {'colours': 'no'},
      "config.data.colours is 'no': must be of the type bool",
    ),
    ({'classes': 3}, 'config.data.classes is 3'),
    ({'scene_size': 64}, 'config.data.scene_size is 64'),
    (None, 'config.data is None'),
  ],
)
def test_data_of_another_type(data, words):
  with pytest.raises(InputError) as caught:
    config_file.from_meta(Meta({'data': data}))
  assert words in str(caught.value)


def test_data_of_an_earlier_version_is_completed():
  found = config_file.from_meta(Meta({'data': {'kind': 'files'}})).data
  assert found.to_dict() == {**default.get_config().data, 'kind': 'files'}


@pytest.mark.parametrize('name', ['tiny', 'cityscapes'])
def test_a_config_of_a_run_is_plain_data(name, tmp_path):
  config = config_file.load(name)
  path = tmp_path / 'config.json'
  records.write_json(path, records.to_json(config.to_dict()))
  found = config_file.load(str(path))
  assert found == config
  again = config_file.override(found, ['--config.plan.factor=half-octave'])
  assert again.plan.factor == 'half-octave'


def test_plain_data_may_be_incomplete_but_not_wrong(tmp_path):
  path = tmp_path / 'mine.json'
  path.write_text('{"segmenter": {"name": "unet", "width": 4}, "seed": 3}')
  found = config_file.load(str(path))
  assert found.segmenter.to_dict() == {'name': 'unet', 'width': 4}
  assert found.seed == 3 and found.plan == default.get_config().plan
  for text, words in (
    ('[', 'is not a JSON object'),
    ('{"seed": "x"}', "config.seed is 'x': must be a whole number"),
    ('{"plan": 5}', 'config.plan'),
    ('{"plan": {"network": [3]}}', 'must be \\(height, width\\)'),
    ('{"train": {"segmenter": {"rate": NaN}}}', 'is not a JSON object'),
    ('{"tune": {"images": null}}', 'config.tune.images is None'),
    ('{"refine": {"points": []}}', 'config.refine.points'),
  ):
    path.write_text(text)
    with pytest.raises(InputError, match=words):
      config_file.load(str(path))
