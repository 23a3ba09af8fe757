"""Every field of the configs is read somewhere, and all configs load."""

import contextlib
import functools
import pathlib
import re
import types

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
import pytest

from magnet_jax.cascade import settings
from magnet_jax.cli import config_file
from magnet_jax.configs import default, tiny
from magnet_jax.data import classes, splits
from magnet_jax.models import build
from magnet_jax.models.refiner import refiner_count
from magnet_jax.survey import proposal
from magnet_jax.train import (
  attention_task,
  corrector_run,
  corrector_task,
  refiner_task,
  runs,
  segmenter_task,
)
from magnet_jax.types import InputError, Meta

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


class Reads:
  """Notes which fields of a config are read, by their dotted names."""

  def __init__(self, config, monkeypatch):
    self.found = set()
    self._sections = {id(config): ''}
    self._name(config, '')
    get, whole = ml_collections.ConfigDict.__getitem__, config.to_dict.__func__

    def getitem(section, key):
      if id(section) in self._sections:
        self.found.add(f'{self._sections[id(section)]}{key}')
      return get(section, key)

    def to_dict(section, *arguments, **named):
      before = set(self.found)
      values = whole(section, *arguments, **named)
      # What is only copied is not read; but networks get all of these.
      networks = (config.refiner, *config.correctors.values())
      if not any(section is each for each in networks):
        self.found = before
      return values

    monkeypatch.setattr(ml_collections.ConfigDict, '__getitem__', getitem)
    monkeypatch.setattr(ml_collections.ConfigDict, 'to_dict', to_dict)

  def _name(self, section, prefix):
    for key, value in section.items():
      if isinstance(value, ml_collections.ConfigDict):
        self._sections[id(value)] = f'{prefix}{key}.'
        self._name(value, f'{prefix}{key}.')


def use(config, folder, monkeypatch):
  """Does all that a run does with its settings, but trains nothing."""

  def train(task, folder, **_):
    jax.eval_shape(task.start)
    next(task.batches(0))
    next(task.validation())
    folder.mkdir(exist_ok=True)

  def frozen(path, template=None):
    return jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), template)

  def nothing(*_, **__):
    return None

  best = types.SimpleNamespace(sections=dict)
  for module, name, fake in (
    (runs.loop, 'train', train),
    (runs.warm_start, 'frozen', frozen),
    (runs.warm_start, 'network', lambda variables, *_: variables),
    (runs.checkpoints, 'load', lambda _: ({}, Meta(config={'refine': {}}))),
    (runs.models, 'from_variables', nothing),
    (runs.tuning, 'tune', lambda *_, **__: best),
    (runs.shown, 'text', nothing),
    (runs.tuned, 'write', nothing),
    (runs.bundle, 'export', nothing),
  ):
    monkeypatch.setattr(module, name, fake)
  runs.run(config, folder)
  for name in config.correctors:
    corrector_run.run(config, folder, stage=name)
  for training in config.train.values():
    training.loss = 'ohem'
  segmenter_task.make(config)
  images = splits.Splits(config.data)
  refiner_task.make(config, images, folder)
  attention_task.make(config, images, folder)
  for name in config.correctors:
    corrector_task.make(config, images, name, folder)
  settings.options(config.refine)
  (folder / 'list.txt').write_text('a.png\ta_label.png\n')
  for split in splits.SPLITS:
    config.data[split] = str(folder / 'list.txt')
    for kind in ('scenes', 'tfds', 'files'):
      config.data.kind = kind
      with contextlib.suppress(InputError):  # nothing was prepared
        splits.open_split(config.data, split)


def unread(config, folder, monkeypatch) -> list[str]:
  names = list(fields(config))
  reads = Reads(config, monkeypatch)
  use(config, folder, monkeypatch)
  return sorted(name for name in names if name not in reads.found)


@pytest.fixture
def everything():
  """Settings that switch on all that has a switch."""
  config = tiny.get_config()
  config.tune.images = 1
  return config


def test_every_field_is_read(everything, tmp_path, monkeypatch):
  # Sections that are passed on whole refuse what nobody reads.
  surplus = ['extra', 'data.extra', 'train.segmenter.extra', 'tune.extra']
  for field in surplus:
    *path, key = field.split('.')
    setattr(functools.reduce(getattr, path, everything), key, 1)
  assert unread(everything, tmp_path, monkeypatch) == sorted(surplus)


@pytest.mark.parametrize('section', ['augment', 'plan', 'segmenter', 'refiner'])
def test_a_section_that_is_passed_on_whole_has_no_other_fields(
  everything, section
):
  everything[section].extra = 1
  with pytest.raises((InputError, TypeError), match='extra'):
    segmenter_task.make(everything)
    _, wanted = refiner_count(everything.refiner.to_dict())
    build.refinement(num_classes=2, **wanted)


def besides_networks(config) -> list[str]:
  """The fields of networks on a trunk by name are those of their kind."""
  kinds = ('segmenter.', 'correctors.segfix.')
  return [name for name in fields(config) if not name.startswith(kinds)]


@pytest.mark.parametrize('name', NAMES)
def test_shipped_configs_are_sound(name):
  config = config_file.override(config_file.load(name), [])
  assert besides_networks(config) == besides_networks(default.get_config())
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
  assert shown and shown[1] in (name, f'PATH/{name}.py')


def test_the_template_names_every_choice_of_own_data():
  config = config_file.load('custom')
  table = classes.get(config.data.classes)
  assert table.codes is not None and len(table.codes.classes) == len(table)


def test_the_template_has_what_init_proposes():
  config = config_file.load('custom')
  # As its docstring says; two classes of which one is five times as common.
  found = proposal.propose(
    [(1000, 1000)] * 30, np.array([5, 1]), trunk='efficientnet_lite0'
  )
  assert config.segmenter.trunk == found.trunk
  for name in ('first', 'factor', 'overlap'):
    assert config.plan[name] == getattr(found, name)
  segmenter, refiner = config.train.segmenter, config.train.refiner
  assert tuple(config.plan.network) == found.network
  assert config.augment.rotate == found.rotate
  assert config.tune.images == found.tune_images
  assert (segmenter.steps, refiner.steps) == (
    found.segmenter_steps,
    found.gate_steps,
  )
  assert (segmenter.batch, segmenter.hours) == (found.batch, found.hours)
  assert tuple(segmenter.crop) == found.crop
  assert config.refine.fusion == found.fusion
  assert tuple(config.plan.window) == found.window


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
