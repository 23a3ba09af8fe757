"""Batches: reproducible, resumable, aligned."""

import functools
import itertools

import numpy as np
from PIL import Image
import pytest

from magnet_jax.data import pipeline, sources
from magnet_jax.data.augment import Augmentation
from magnet_jax.ops import resize, windows
from magnet_jax.types import ClassTable, InputError, Sample, Stage

CLASSES = ClassTable(('a', 'b'), ((200, 0, 0), (0, 200, 0)))
NETWORK = (16, 24)


def _plan(size):
  """Halves of the image until it fits in a window."""
  sizes = [size]
  while sizes[0][0] > NETWORK[0] or sizes[0][1] > NETWORK[1]:
    sizes.insert(0, (max(1, sizes[0][0] // 2), max(1, sizes[0][1] // 2)))
  return tuple(
    Stage(s, windows.make_grid(each, NETWORK)) for s, each in enumerate(sizes)
  )


class _Memory:
  """Samples from memory."""

  def __init__(self, *samples):
    self.samples = samples

  def __len__(self):
    return len(self.samples)

  def __getitem__(self, index):
    return self.samples[index]

  def size(self, index):
    return self.samples[index].image.shape[:2]


def _random(count=3, size=(64, 96)):
  rng = np.random.default_rng(0)
  return _Memory(*(
    Sample(
      str(i),
      rng.integers(0, 256, (*size, 3), np.uint8),
      rng.integers(0, 2, size, np.uint8),
    )
    for i in range(count)
  ))


def _plain(*values, size=(64, 96)):
  """Images of one gray each."""
  return _Memory(*(
    Sample(str(v), np.full((*size, 3), v, np.uint8), np.zeros(size, np.uint8))
    for v in values
  ))


ALL = Augmentation(True, True, True, 1.3, 0.5)
PATH = Augmentation(True, True, True, 1.0, 0.5)
RUNS = {
  'segmenter': functools.partial(
    pipeline.segmenter_batches, augmentation=ALL, windows_per_image=2
  ),
  'refiner': functools.partial(pipeline.refiner_batches, augmentation=PATH),
}


def _run(kind, source, **settings):
  arguments = {
    'plan_for': _plan, 'network': NETWORK, 'seed': 3, 'batch': 4, 'steps': 6
  }
  return list(RUNS[kind](source, **(arguments | settings)))


def _assert_equal(first, second):
  assert len(first) == len(second)
  for one, other in zip(first, second, strict=True):
    assert one.keys() == other.keys()
    for name in one:
      np.testing.assert_array_equal(one[name], other[name])


def test_shapes_and_types():
  for batch in _run('segmenter', _random()):
    assert batch['image'].shape == (4, *NETWORK, 3)
    assert batch['label'].shape == (4, *NETWORK)
    assert batch['image'].dtype == batch['label'].dtype == np.uint8
  for batch in _run('refiner', _random(), augmentation=Augmentation()):
    assert batch['images'].shape == (4, 3, *NETWORK, 3)
    assert batch['labels'].shape == (4, 3, *NETWORK)
    assert batch['offsets'].shape == batch['ratios'].shape == (4, 3, 2)
    assert batch['offsets'].dtype == batch['ratios'].dtype == np.float32
    assert batch['images'].dtype == batch['labels'].dtype == np.uint8


@pytest.mark.parametrize('kind', RUNS)
def test_the_seed_decides_and_any_step_can_be_resumed(kind):
  whole = _run(kind, _random())
  _assert_equal(whole, _run(kind, _random()))
  for step in (1, 4, 6):
    _assert_equal(whole[step:], _run(kind, _random(), start_step=step))
  other = _run(kind, _random(), seed=4)
  assert any((a[k] != b[k]).any() for a, b in zip(whole, other, strict=True)
             for k in a)


def test_the_cache_changes_nothing():
  _assert_equal(
    _run('refiner', _random(), cache_mb=0), _run('refiner', _random())
  )


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
    sources.find_pairs(folder / 'list.txt'), CLASSES, cache_mb=1
  )


def test_worker_processes_change_nothing(tmp_path):
  source = _write(tmp_path)
  _assert_equal(
    _run('segmenter', source, workers=2, start_step=1),
    _run('segmenter', source, start_step=1),
  )


@pytest.mark.parametrize('kind', RUNS)
def test_a_damaged_image_is_one_clear_line(tmp_path, kind):
  source = _write(tmp_path)
  data = (tmp_path / '1.png').read_bytes()
  (tmp_path / '1.png').write_bytes(data[:200])
  with pytest.raises(InputError, match=r'1\.png: cannot be decoded') as caught:
    _run(kind, source)
  assert '\n' not in str(caught.value)


def test_every_epoch_visits_every_image_once():
  grays = [10, 20, 30, 40, 50, 60]
  settings = {'augmentation': Augmentation(), 'batch': 2, 'steps': 9}
  for kind, name in (('segmenter', 'image'), ('refiner', 'images')):
    more = {'windows_per_image': 1} if kind == 'segmenter' else {}
    batches = _run(kind, _plain(*grays), **settings, **more)
    seen = [int(one.flat[0]) for batch in batches for one in batch[name]]
    epochs = [seen[i : i + 6] for i in (0, 6, 12)]
    assert all(sorted(epoch) == grays for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1


def test_windows_per_image():
  batches = _run('segmenter', _plain(10, 200), augmentation=Augmentation())
  for batch in batches:
    first, second, third, fourth = batch['image'].max(axis=(1, 2, 3))
    assert first == second and third == fourth


def test_the_plain_variant_ends_and_keeps_the_pixels():
  source = _random(1)
  batches = _run(
    'segmenter', source, augmentation=Augmentation(), stage_weights=(0, 0, 1)
  )
  assert len(batches) == 6
  sample = source[0]
  corners = {
    sample.image[t : t + 16, x : x + 24].tobytes(): (t, x)
    for t, x in itertools.product(range(49), range(73))
  }
  for batch in batches:
    for image, label in zip(batch['image'], batch['label'], strict=True):
      top, left = corners[image.tobytes()]
      np.testing.assert_array_equal(
        label, sample.label[top : top + 16, left : left + 24]
      )


def test_paths_are_windows_of_the_resized_image():
  source = _random(1)
  sample = source[0]
  for batch in _run('refiner', source, augmentation=Augmentation()):
    for b in range(4):
      corner = np.zeros(2)
      for s, stage in enumerate(_plan((64, 96))):
        corner = (corner + batch['offsets'][b, s]) / batch['ratios'][b, s]
        top, left = (int(c) for c in corner)
        np.testing.assert_array_equal(
          batch['images'][b, s],
          windows.cut(
            resize.image(sample.image, stage.size), (top, left), NETWORK
          ),
        )
        np.testing.assert_array_equal(
          batch['labels'][b, s],
          windows.cut(
            resize.label(sample.label, stage.size), (top, left), NETWORK
          ),
        )


def test_a_path_changes_its_colours_alike():
  augmentation = Augmentation(colour_jitter=1.0)
  values = set()
  for batch in _run('refiner', _plain(90), augmentation=augmentation):
    for path in batch['images']:
      assert (path == path[0, 0, 0]).all()
      values.add(path[0, 0, 0].tobytes())
  assert len(values) > 10


def test_a_path_is_laid_down_alike():
  # Stage 0 shows the whole image: bright above if it was not flipped.
  image = np.zeros((64, 96, 3), np.uint8)
  image[:32] = 200
  source = _Memory(Sample('a', image, (image[..., 0] > 0).astype(np.uint8)))
  flipped = set()
  augmentation = Augmentation(flip_vertical=True)
  for batch in _run('refiner', source, augmentation=augmentation):
    for b in range(4):
      up = batch['labels'][b, 0, 0, 0] == 0
      flipped.add(bool(up))
      for s in range(3):
        np.testing.assert_array_equal(
          batch['images'][b, s, ..., 0] > 100, batch['labels'][b, s] == 1
        )
        rows = batch['labels'][b, s, :, 0].astype(int)
        assert (np.diff(rows) >= 0).all() if up else (np.diff(rows) <= 0).all()
  assert flipped == {True, False}


def test_images_of_fewer_stages_are_filled_up():
  small, large = _random(1, (16, 24))[0], _random(1, (64, 96))[0]
  batches = _run(
    'refiner', _Memory(small, large), augmentation=Augmentation(), batch=2
  )
  for batch in batches:
    assert batch['images'].shape[1] == 3
    filled = (batch['labels'][:, 1:] == 255).all(axis=(1, 2, 3))
    assert sorted(filled) == [False, True]
    b = int(np.argmax(filled))
    np.testing.assert_array_equal(batch['images'][b, 2], small.image)
    np.testing.assert_array_equal(batch['labels'][b, 0], small.label)
    assert (batch['offsets'][b] == 0).all() and (batch['ratios'][b] == 1).all()


def test_images_without_labels_are_all_ignored():
  source = _Memory(Sample('a', np.zeros((64, 96, 3), np.uint8)))
  assert all((b['label'] == 255).all() for b in _run('segmenter', source))
  assert all((b['labels'] == 255).all() for b in _run('refiner', source))


@pytest.mark.parametrize(
  ('kind', 'settings', 'message'),
  [
    ('segmenter', {'batch': 3}, 'windows_per_image 2: .* divide the batch of'),
    ('segmenter', {'windows_per_image': 0}, 'windows_per_image 0'),
    ('segmenter', {'stage_weights': (1, 1)}, 'need one for each of the 3'),
    ('segmenter', {'stage_weights': (0, 0, 0)}, 'above 0'),
    ('segmenter', {'stage_weights': (1, -1, 1)}, 'not negative'),
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
    _run(kind, _random(), **settings)
  with pytest.raises(InputError, match='0 samples'):
    _run('refiner', _Memory())


@pytest.mark.parametrize('kind', RUNS)
def test_processes_share_the_rows_of_each_batch(kind):
  source = _random()
  whole = _run(kind, source, batch=8, start_step=1, steps=3)
  parts = [
    _run(kind, source, batch=8, start_step=1, steps=3, part=(i, 2))
    for i in range(2)
  ]
  each = 2 if kind == 'segmenter' else 1  # windows of an image, kept together
  for batch, *shared in zip(whole, *parts, strict=True):
    for name, rows in batch.items():
      images = rows.reshape(-1, each, *rows.shape[1:])
      for i, part in enumerate(shared):
        expected = images[i::2].reshape(-1, *rows.shape[1:])
        np.testing.assert_array_equal(part[name], expected)


def test_processes_must_divide_the_batch():
  with pytest.raises(InputError, match='3 processes'):
    _run('refiner', _random(), part=(0, 3))
