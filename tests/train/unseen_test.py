"""The refiner sees predictions for images that their segmenter has not seen."""

import itertools

import jax
import numpy as np
from PIL import Image
import pytest

from magnet_jax.configs import tiny
from magnet_jax.data import splits
from magnet_jax.train import refiner_task, runs, segmenter_task, unseen
from magnet_jax.types import InputError

GREYS = tuple(range(20, 220, 20))  # one for each image


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
  folder = tmp_path_factory.mktemp('images')
  label = Image.fromarray(np.zeros((64, 64), np.uint8))
  label.save(folder / 'label.png')
  lines = []
  for number, grey in enumerate(GREYS):
    Image.fromarray(np.full((64, 64, 3), grey, np.uint8)).save(
      folder / f'{number}.png'
    )
    lines.append(f'{number}.png\tlabel.png\n')
  (folder / 'all.txt').write_text(''.join(lines))
  return folder


@pytest.fixture
def config(folder):
  config = tiny.get_config()
  config.data.kind = 'files'
  config.data.train = config.data.val = str(folder / 'all.txt')
  for tone in ('brightness', 'contrast', 'gamma', 'channels', 'saturation'):
    config.augment[tone] = 1.0
  config.augment.hue = 0.0
  config.train.segmenter.steps = 40
  config.train.segmenter.warmup = 10
  config.train.refiner.unseen = 'folds'
  return config


def greys(batches, count=12):
  """The images that the first batches are of."""
  found = [
    np.unique(batch[next(iter(batch))])
    for batch in itertools.islice(batches, count)
  ]
  return [{GREYS.index(grey) for grey in each} for each in found]


def _left_out(config):
  return unseen.left_out(config, splits.Splits(config.data))


def test_folds_and_holdout(config):
  assert [len(part) for part in _left_out(config)] == [3, 4, 3]
  config.train.refiner.unseen = 'holdout'
  (part,) = _left_out(config)
  assert part == (7, 8, 9)
  config.train.refiner.unseen = 'none'
  assert _left_out(config) == ()


@pytest.mark.parametrize(
  ('settings', 'words'),
  [
    ({'unseen': 'parts'}, "unseen 'parts': unknown; choose one of folds"),
    ({'folds': 6}, 'folds 6: must be 2 to 5'),
    ({'folds': 1, 'unseen': 'holdout'}, 'folds 1'),
    ({'fold_steps': 0.0}, r'fold_steps 0\.0'),
    ({'fold_steps': 1.5, 'unseen': 'none'}, r'fold_steps 1\.5'),
  ],
)
def test_bad_settings(config, settings, words):
  config.train.refiner.update(settings)
  with pytest.raises(InputError, match=words):
    _left_out(config)


def test_bad_images(config, folder, tmp_path):
  config.data.train = str(folder / 'few.txt')
  few = (folder / 'all.txt').read_text().splitlines()[:5]
  (folder / 'few.txt').write_text('\n'.join(few))
  with pytest.raises(InputError, match=r'3 folds of 5 images: .*at least two'):
    runs.run(config, tmp_path / 'run')
  config.data.kind = 'scenes'
  with pytest.raises(InputError, match="unseen 'folds': is for images from"):
    runs.run(config, tmp_path / 'run')
  assert not (tmp_path / 'run').exists()


def test_folds_are_trained_shortly_and_without_their_images(config):
  left_out = _left_out(config)
  main, *others = segmenter_task.make_all(
    config, splits.Splits(config.data), left_out
  )
  assert set.union(*greys(main.batches(0))) == set(range(10))
  assert main.limits.steps == 40 and main.rate(10) == pytest.approx(3e-3)
  for task, images in zip(others, left_out, strict=True):
    seen = set.union(*greys(task.batches(0), 30))
    assert seen == set(range(10)) - set(images)
    assert task.limits.steps == 14
    # The schedule is as much shorter.
    assert task.rate(4) == pytest.approx(3e-3) and task.rate(14) == 0
    assert (task.step, task.evaluate) == (main.step, main.evaluate)


def test_windows_are_predicted_by_a_segmenter_that_has_not_seen_them(
  config, tmp_path, monkeypatch
):
  parts = [
    unseen.Part(images, tmp_path / str(number))
    for number, images in enumerate(_left_out(config), start=1)
  ]

  def frozen(path, shapes):
    """Weights that tell whose they are."""
    number = 0 if path == tmp_path else int(path.name)
    return jax.tree.map(
      lambda leaf: np.full(leaf.shape, number / 100, leaf.dtype), shapes
    )

  monkeypatch.setattr(refiner_task.warm_start, 'frozen', frozen)
  # Are compiled sooner.
  config.segmenter = {'name': 'unet', 'width': 2, 'levels': 1}
  config.train.refiner.optimizer = 'sgd'
  shown = splits.Splits(config.data)
  task = refiner_task.make(config, shown, tmp_path, parts)
  state = task.team.copy(task.start())
  used = []
  for number, (batch, images) in enumerate(
    zip(
      itertools.islice(task.batches(0), 6),
      greys(task.batches(0), 6),
      strict=True,
    )
  ):
    (variables,) = task.fixed(number)
    which = {
      round(100 * float(x.ravel()[0])) for x in jax.tree.leaves(variables)
    }
    (segmenter,) = which
    assert images <= set(parts[segmenter - 1].images)
    used.append(segmenter)
    state, _ = task.step(
      state, task.team.split(batch), np.float32(1e-3), variables
    )
  assert set(used) == {1, 2, 3}
  assert task.step._cache_size() == 1  # compiled once
  whole = refiner_task.make(config, shown, tmp_path)
  assert float(jax.tree.leaves(whole.fixed(5))[0].ravel()[0]) == 0


def test_a_killed_run_trains_what_is_missing(config, tmp_path, monkeypatch):
  trained = []

  def train(task, folder, **_):
    if len(trained) == 2:
      trained.append('killed')
      raise KeyboardInterrupt
    trained.append((task.name, str(folder.relative_to(tmp_path))))
    (tmp_path / 'segmenter').mkdir(exist_ok=True)
    return False

  def make(config, images, segmenter, parts):
    raise InputError(
      str([str(p.segmenter.relative_to(tmp_path)) for p in parts])
    )

  monkeypatch.setattr(runs.loop, 'train', train)
  monkeypatch.setattr(refiner_task, 'make', make)
  with pytest.raises(KeyboardInterrupt):
    runs.run(config, tmp_path)
  with pytest.raises(InputError, match=r'folds/1.*folds/2.*folds/3'):
    runs.run(config, tmp_path)
  names = [('segmenter', 'segmenter')]
  names += [(f'fold {n}', f'folds/{n}') for n in (1, 2, 3)]
  assert trained == [*names[:2], 'killed', *names]
