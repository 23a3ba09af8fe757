"""Every number that a user can give has a range, and nothing else passes."""

import importlib
import inspect

from absl import flags
import pytest

from magnet_jax import ranges
from magnet_jax.cascade.options import Options
from magnet_jax.cascade.settings import PlanSettings
from magnet_jax.cli import config_file, main
from magnet_jax.configs import default, tiny
from magnet_jax.data.augment import Augmentation
from magnet_jax.files import meta_json
from magnet_jax.models import build, from_settings
from magnet_jax.types import InputError, Meta

BAD = {
  'seed': (10**20, -1),
  'data.train_scenes': (-1,),
  'data.scene_size': ((0, 5), (1, 2, 3), ('a', 2), (1.5, 2)),
  'data.bands': ((0,), ('a',)),
  'data.workers': (-1,),
  'augment.hue': (float('nan'), 181.0),
  'plan.network': ((0, 32), (32,), (10**6, 32)),
  'plan.window': ((10**6, 10**6), (-1, 0)),
  'plan.scales': (((0, 1),), ((2, 3), 4)),
  'plan.overlap': (0.9999, (0.1, float('nan'))),
  'plan.factor': (1.0, 1.0000001, float('inf')),
  'refine.kernel': (4, 9999, -1),
  'refine.points': (1.5, float('nan')),
  'refine.windows': (float('inf'), -1),
  'refine.bias': ((float('nan'),),),
  'segmenter.width': (10**8, 0, -4),
  'segmenter.stem_stride': (0,),
  'refiner.momentum': (1.0, float('nan')),
  'correctors.cascade_psp.widths': ((0, 1, 1), (10**8, 1, 1)),
  'train.segmenter.validate_every': (0,),
  'train.segmenter.batch': (0, -1),
  'train.segmenter.steps': (-1, 0),
  'train.segmenter.hours': (-1.0, float('inf')),
  'train.refiner.rate': (float('nan'), -1.0),
  'train.segfix.drops': (('x',), (2.0,)),
}


def numbers(config, prefix=''):
  """Dotted names of all fields of numbers, in sections."""
  for key, value in config.items():
    if hasattr(value, 'items'):
      yield from numbers(value, f'{prefix}{key}.')
    elif not isinstance(value, bool | str):
      yield f'{prefix}{key}'


def fields_of(make):
  """Names of the parameters of numbers."""
  while hasattr(make, 'func'):
    make = make.func
  for name, parameter in inspect.signature(make).parameters.items():
    words = str(parameter.annotation)
    if any(kind in words for kind in ('int', 'float', 'Size', 'Windows')):
      yield name


@pytest.mark.parametrize('name', sorted(config_file.shipped()))
def test_every_field_of_a_config_has_a_range(name):
  config = config_file.load(name)
  assert not [x for x in numbers(config) if ranges.find(x) is None]


def test_every_flag_has_a_range():
  for command in main.COMMANDS:
    values = flags.FlagValues()
    importlib.import_module(f'magnet_jax.cli.{command}').define(values)
    for name in values:
      if isinstance(
        values[name].parser, flags.IntegerParser | flags.FloatParser
      ):
        assert name in ranges.RANGES, f'{command} --{name}'


def test_every_setting_of_code_has_a_range():
  trunks = [make for table in build.TRUNKS.values() for make in table.values()]
  networks = [*build.SEGMENTERS.values(), *trunks]
  for make in networks:
    given = {*from_settings.names(make)} & {*fields_of(make)}
    assert given <= ranges.RANGES.keys()
  for make in (Options, PlanSettings, Augmentation):
    assert {*fields_of(make)} <= ranges.RANGES.keys()


@pytest.mark.parametrize(
  ('name', 'value'), [(name, each) for name in BAD for each in BAD[name]]
)
def test_what_is_out_of_range_is_refused_in_configs_and_metadata(name, value):
  settings = tiny.get_config().to_dict()
  *path, last = name.split('.')
  section = settings
  for word in path:
    section = section[word]
  assert last in section
  section[last] = value
  with pytest.raises(InputError, match=f'config.{name}') as caught:
    meta_json.from_json(meta_json.to_json(Meta()) | {'config': settings}, 'm')
  assert str(caught.value).startswith('m: ')
  assert '; correct it' in str(caught.value)


def test_a_number_that_cannot_be_written_is_refused():
  with pytest.raises(InputError, match='thousands of digits: must be a whole'):
    ranges.check_all({'seed': 10**5000})


def test_the_usual_settings_and_those_of_own_networks_pass():
  settings = default.get_config().to_dict()
  settings['segmenter'] = {'name': 'mine:Net', 'width': 10**8}
  settings['plan']['factor'] = 'octave'
  settings['refine']['points'] = '32768'
  ranges.check_all(settings)


@pytest.mark.parametrize(
  ('words', 'value'),
  [
    ('segment a.png', '--kernel=9999'),
    ('segment a.png', '--kernel=4'),
    ('segment a.png', '--overlap=.9999'),
    ('segment a.png', '--overlap=nan'),
    ('segment a.png', '--window=²x2'),
    ('segment a.png', '--window=99999x2'),
    ('segment a.png', '--bands=²'),
    ('segment a.png', f'--bands={"9" * 5000}'),
    ('segment a.png', '--memory=nan'),
    ('segment a.png', '--memory=-1.0'),
    ('segment a.png', '--batch=-1'),
    ('segment a.png', '--mix=inf'),
    ('segment a.png', '--devices=-1'),
    ('segment a.png', '--processes=²'),
    ('evaluate', '--limit=0'),
    ('evaluate', '--scale=nan'),
    ('train', '--hours=-1.0'),
    ('bench', '--width=100000000'),
    ('bench', '--classes=0'),
    ('bench --throughput', '--batches=²'),
    ('demo', '--size=1000000'),
    ('init a', f'--seed={10**20}'),
  ],
)
def test_flags_out_of_range(words, value, fails, tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  out = [] if words[0] in 'bt' or 'eval' in words else ['--out=w']
  line = fails(*words.split(), value, *out)
  assert value[:14] in line and 'must be' in line
  assert not list(tmp_path.iterdir())
