"""Batches in their order: reproducible, resumable, shared by processes."""

import numpy as np
from PIL import Image
import pytest
from training_batches import (
  ALL,
  NETWORK,
  RUNS,
  Samples,
  grey_samples,
  random_samples,
  run,
)

from magnet_jax.data import file_pairs, folds, sources
from magnet_jax.data.augment import Augmentation
from magnet_jax.types import ClassTable, InputError

CLASSES = ClassTable(('a', 'b'), ((200, 0, 0), (0, 200, 0)))


def _assert_equal(first, second):
  assert len(first) == len(second)
  for one, other in zip(first, second, strict=True):
    assert one.keys() == other.keys()
    for name in one:
      np.testing.assert_array_equal(one[name], other[name])


def test_shapes_and_types():
  for batch in run('segmenter', random_samples()):
    assert batch['image'].shape == (4, *NETWORK, 3)
    assert batch['label'].shape == (4, *NETWORK)
    assert batch['image'].dtype == batch['label'].dtype == np.uint8
  for batch in run('refiner', random_samples(), augmentation=Augmentation()):
    assert batch['images'].shape == (4, 3, *NETWORK, 3)
    assert batch['labels'].shape == (4, 3, *NETWORK)
    assert batch['offsets'].shape == batch['ratios'].shape == (4, 3, 2)
    assert batch['offsets'].dtype == batch['ratios'].dtype == np.float32
    assert batch['images'].dtype == batch['labels'].dtype == np.uint8


@pytest.mark.parametrize('kind', RUNS)
def test_the_seed_decides_and_any_step_can_be_resumed(kind):
  whole = run(kind, random_samples())
  _assert_equal(whole, run(kind, random_samples()))
  for step in (1, 4, 6):
    _assert_equal(whole[step:], run(kind, random_samples(), start_step=step))
  other = run(kind, random_samples(), seed=4)
  assert any(
    (a[k] != b[k]).any() for a, b in zip(whole, other, strict=True) for k in a
  )


def test_the_cache_changes_nothing():
  source = random_samples()
  _assert_equal(run('refiner', source, cache_mb=0), run('refiner', source))


def _write(folder, count=3, size=(40, 60)):
  rng = np.random.default_rng(0)
  rows = []
  for i in range(count):
    pixels = rng.integers(0, 256, (*size, 3), np.uint8)
    Image.fromarray(pixels).save(folder / f'{i}.png')
    label = Image.fromarray(rng.integers(0, 2, size, np.uint8))
    label.save(folder / f'{i}_label.png')
    rows.append(f'{i}.png\t{i}_label.png\n')
  (folder / 'list.txt').write_text(''.join(rows))
  return sources.FileSource(
    file_pairs.find(folder / 'list.txt'), CLASSES, cache_mb=1
  )


def test_worker_processes_change_nothing(tmp_path):
  source = _write(tmp_path)
  _assert_equal(
    run('segmenter', source, workers=2, start_step=1),
    run('segmenter', source, start_step=1),
  )


@pytest.mark.parametrize('kind', RUNS)
def test_a_damaged_image_is_one_clear_line(tmp_path, kind):
  source = _write(tmp_path)
  data = (tmp_path / '1.png').read_bytes()
  (tmp_path / '1.png').write_bytes(data[:200])
  with pytest.raises(InputError, match=r'1\.png: cannot be decoded') as caught:
    run(kind, source)
  assert '\n' not in str(caught.value)


def test_every_epoch_visits_every_image_once():
  grays = [10, 20, 30, 40, 50, 60]
  settings = {'augmentation': Augmentation(), 'batch': 2, 'steps': 9}
  for kind, name in (('segmenter', 'image'), ('refiner', 'images')):
    more = {'windows_per_image': 1} if kind == 'segmenter' else {}
    batches = run(kind, grey_samples(*grays), **settings, **more)
    seen = [int(one.flat[0]) for batch in batches for one in batch[name]]
    epochs = [seen[i : i + 6] for i in (0, 6, 12)]
    assert all(sorted(epoch) == grays for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1


@pytest.mark.parametrize(
  ('kind', 'settings', 'message'),
  [
    ('segmenter', {'batch': 3}, 'windows_per_image 2: .* divide the batch of'),
    ('segmenter', {'windows_per_image': 0}, 'windows_per_image 0'),
    ('segmenter', {'stage_weights': (1, 1)}, 'need one for each of the 3'),
    ('segmenter', {'stage_weights': (0, 0, 0)}, 'above 0'),
    ('segmenter', {'stage_weights': (1, -1, 1)}, 'at least 0'),
    ('segmenter', {'seed': -1}, 'seed -1'),
    ('refiner', {'seed': 2**32}, r'2\*\*32'),
    ('refiner', {'batch': 0}, 'batch 0'),
    ('refiner', {'workers': -1}, 'workers -1'),
    ('refiner', {'start_step': -1}, 'start_step -1'),
    ('refiner', {'augmentation': ALL}, r'scale_jitter 1\.3'),
  ],
)
def test_bad_settings_are_refused_at_once(kind, settings, message):
  settings = {'augmentation': Augmentation()} | settings
  with pytest.raises(InputError, match=message):
    run(kind, random_samples(), **settings)
  with pytest.raises(InputError, match='0 samples'):
    run('refiner', Samples())


@pytest.mark.parametrize('kind', RUNS)
def test_processes_share_the_rows_of_each_batch(kind):
  source = random_samples()
  whole = run(kind, source, batch=8, start_step=1, steps=3)
  parts = [
    run(kind, source, batch=8, start_step=1, steps=3, part=(i, 2))
    for i in range(2)
  ]
  each = 2 if kind == 'segmenter' else 1  # windows of an image, kept together
  for batch, *shared in zip(whole, *parts, strict=True):
    for name, rows in batch.items():
      images = rows.reshape(-1, each, *rows.shape[1:])
      for i, part in enumerate(shared):
        expected = images[i::2].reshape(-1, *rows.shape[1:])
        np.testing.assert_array_equal(part[name], expected)


@pytest.mark.parametrize('kind', RUNS)
def test_each_batch_is_of_one_part(kind):
  parts = ((0, 2), (1, 3, 4))
  values = (20, 80, 140, 200, 250)
  settings = {'augmentation': Augmentation(), 'parts': parts, 'batch': 2}
  batches = run(kind, grey_samples(*values), **settings)
  turns = folds.Turns(parts, 2, 0)
  name = 'image' if kind == 'segmenter' else 'images'
  for number, batch in enumerate(batches):
    allowed = {values[index] for index in parts[turns.part(number)]}
    assert set(np.unique(batch[name]).tolist()) <= allowed
  later = run(kind, grey_samples(*values), start_step=4, **settings)
  np.testing.assert_array_equal(later[0][name], batches[4][name])


def test_processes_must_divide_the_batch():
  with pytest.raises(InputError, match='3 processes'):
    run('refiner', random_samples(), part=(0, 3))
