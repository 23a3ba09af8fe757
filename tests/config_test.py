"""Every field of the configs is read somewhere, and all configs load."""

import pathlib
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.cascade import settings
from magnet_jax.cli import config_file
from magnet_jax.configs import default
from magnet_jax.data import classes
from magnet_jax.models import build
from magnet_jax.survey import proposal

ROOT = pathlib.Path(__file__).parents[1]
NAMES = sorted(
  path.stem for path in (ROOT / 'configs').glob('*.py') if path.stem[0] != '_'
)


def fields(config, prefix=''):
  for key, value in config.items():
    if hasattr(value, 'items'):
      yield from fields(value, f'{prefix}{key}.')
    else:
      yield f'{prefix}{key}'


def source() -> str:
  files = (ROOT / 'magnet_jax').rglob('*.py')
  return '\n'.join(path.read_text() for path in files)


def test_every_field_is_read():
  text = source()
  # A section that is passed on whole names its fields as parameters.
  sections = re.findall(r'\*\*config(?:\.|\[\')(\w+)', text)
  unread = []
  for field in fields(default.get_config()):
    *path, key = field.split('.')
    read = rf'\.{key}\b|\[\'{key}\'\]|\[f\'\{{\w+\}}_{key.split("_")[-1]}\'\]'
    if path and path[0] in sections:
      read += rf'|\b{key}: '
    # data.train, data.val and data.test are read by the split's name.
    if path == ['data'] and key in ('train', 'val', 'test'):
      read += r'|data\[split\]'
    if not re.search(read, text):
      unread.append(field)
  assert not unread


def besides_segmenter(config) -> list[str]:
  """The fields of a segmenter are those of its kind."""
  return [name for name in fields(config) if not name.startswith('segmenter.')]


@pytest.mark.parametrize('name', NAMES)
def test_shipped_configs_are_sound(name):
  config = config_file.override(config_file.load(name), [])
  assert besides_segmenter(config) == besides_segmenter(default.get_config())
  table = classes.get(config.data.classes)
  options = settings.options(config.refine)
  assert options.batch == 0  # the machine decides
  stages = settings.planner(config.plan)((900, 1300))
  assert stages[-1].size == (900, 1300)
  for training in (config.train.segmenter, config.train.refiner):
    assert len(training.class_weights) in (0, len(table))
    assert 0 < training.validate_every <= training.steps


@pytest.mark.parametrize('name', NAMES)
def test_networks_of_shipped_configs_fit_their_windows(name):
  config = config_file.load(name)
  count = len(classes.get(config.data.classes))
  network = build.segmenter(num_classes=count, **config.segmenter)
  size = tuple(config.plan.network)
  logits, _ = jax.eval_shape(
    lambda: network.init_with_output(
      jax.random.key(0), jnp.zeros((1, *size, 3))
    )
  )
  assert logits.shape == (1, *size, count)


@pytest.mark.parametrize('name', NAMES)
def test_refiners_of_shipped_configs_fit_their_classes(name):
  config = config_file.load(name)
  count = len(classes.get(config.data.classes))
  wanted = config.refiner.to_dict()
  assert wanted.pop('count') >= 1
  network = build.refinement(num_classes=count, **wanted)
  maps = jnp.zeros((1, *config.plan.network, count))
  logits, _ = jax.eval_shape(
    lambda: network.init_with_output(jax.random.key(0), scale=maps, coarse=maps)
  )
  assert logits.shape == maps.shape


@pytest.mark.parametrize('name', NAMES)
def test_shipped_configs_say_what_they_are(name):
  text = (ROOT / 'configs' / f'{name}.py').read_text().split('"""')[1]
  for word in ('Source: ', 'Command: magnet-jax train', 'Time: ', 'Score: '):
    assert word in text, f'{name} has no {word!r}'
  shown = re.search(r'--config=(\S+)', text)
  assert (shown is None) == (name == 'default')
  assert shown is None or shown[1] in (name, f'PATH/{name}.py')


def test_the_template_names_every_choice_of_own_data():
  config = config_file.load('custom')
  table = classes.get(config.data.classes)
  assert table.codes is not None and len(table.codes.classes) == len(table)


def test_the_template_has_what_init_proposes():
  config = config_file.load('custom')
  # As its docstring says; two classes of which one is five times as common.
  found = proposal.propose([(1000, 1000)] * 30, np.array([5, 1]))
  segmenter, refiner = config.train.segmenter, config.train.refiner
  assert tuple(config.plan.network) == found.network
  assert config.augment.rotate == found.rotate
  assert config.tune.images == found.tune_images
  assert (segmenter.steps, refiner.steps) == (
    found.segmenter_steps,
    found.refiner_steps,
  )
  assert segmenter.batch == found.batch
  assert tuple(segmenter.crop) == found.crop
  assert tuple(refiner.crop) == found.refiner_crop


@pytest.mark.parametrize(
  ('name', 'sizes', 'windows'),
  [
    (
      'cityscapes',
      [(128, 256), (256, 512), (512, 1024), (1024, 2048)],
      [1, 4, 16, 64],
    ),
    ('deepglobe', [(612, 612), (1224, 1224), (2448, 2448)], [1, 4, 16]),
    (
      'gleason',
      [(625, 625), (1250, 1250), (2500, 2500), (5000, 5000)],
      [1, 4, 16, 64],
    ),
  ],
)
def test_published_settings_give_the_published_stages(name, sizes, windows):
  config = config_file.load(name)
  stages = settings.planner(config.plan)(sizes[-1])
  assert [stage.size for stage in stages] == sizes
  assert [len(stage.grid) for stage in stages] == windows
  options = settings.options(config.refine)
  assert options.selection == 'image'
  assert options.points == (0.75 if name == 'deepglobe' else 32768)
