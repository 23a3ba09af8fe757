import jax
import numpy as np
from PIL import Image
import pytest

from magnet_jax.cli import main
from magnet_jax.files import bundle, images
from magnet_jax.rasters import open_image
from magnet_jax.scenes import generator


def run(*argv):
  return main.main(['segment', *map(str, argv)])


def test_writes_all_files(pair, checkpoint, tmp_path):
  out = tmp_path / 'out'
  flags = ['--checkpoint', checkpoint, '--out', out, '--probabilities']
  assert run(pair[0], *flags) == 0
  names = sorted(path.name for path in out.iterdir())
  assert names == [
    'field_label.png',
    'field_overlay.jpg',
    'field_panel.png',
    'field_probabilities.npy',
  ]
  label = images.read_label(out / 'field_label.png', generator.CLASSES)
  truth = images.read_label(pair[1], generator.CLASSES)
  assert np.mean(label == truth) > 0.95
  with Image.open(out / 'field_label.png') as image:
    assert image.mode == 'P'
    assert image.getpalette()[:3] == list(generator.CLASSES.colours[0])
  maps = np.load(out / 'field_probabilities.npy')
  assert maps.dtype == np.float16
  assert maps.shape == (64, 64, 7)
  np.testing.assert_allclose(maps.astype(float).sum(-1), 1, atol=5e-3)


@pytest.mark.parametrize(
  'flags',
  [
    ['--pipeline=released', '--window=24x24'],
    ['--store=memory'],
    ['--store=float32', '--overlap=0.3'],
    ['--store=uint16'],
    ['--store=uint8', '--overlap=0.3'],
    ['--store=uint8', '--method=fast-guided'],
    ['--store=memory', '--method=fast-guided'],
  ],
)
def test_saved_probabilities_sum_to_1(flags, pair, checkpoint, tmp_path):
  usual = [pair[0], '--checkpoint', checkpoint, '--no-panel', '--out', tmp_path]
  assert run(*usual, '--probabilities', '--confidence', *flags) == 0
  maps = np.load(tmp_path / 'field_probabilities.npy').astype(np.float32)
  # Seven numbers of float16.
  np.testing.assert_allclose(maps.sum(-1), 1, atol=2e-3)
  ordered = np.sort(maps, axis=-1)
  with Image.open(tmp_path / 'field_confidence.png') as image:
    sure = np.asarray(image) / 255
  np.testing.assert_allclose(
    sure, ordered[..., -1] - ordered[..., -2], atol=0.01
  )


def test_fast_without_panel_and_other_settings(pair, checkpoint, tmp_path):
  out = tmp_path / 'out'
  flags = [
    '--windows=0.5',
    '--no-panel',
    '--kernel=1',
    '--points=10',
    '--batch=2',
    '--selection=image',
    '--overlap=0.25',
    '--window=24x32',
  ]
  assert run(pair[0], '--checkpoint', checkpoint, '--out', out, *flags) == 0
  assert not (out / 'field_panel.png').exists()
  assert (out / 'field_label.png').exists()


def test_stages_between_two_scales(pair, checkpoint, tmp_path):
  flags = [
    '--first=0.6',
    '--last=0.9',
    '--factor=half-octave',
    '--overlap=0.25,0',
    '--fusion=mean',
    '--no-panel',
  ]
  labels = {}
  for store in ('memory', 'float32'):
    out = tmp_path / store
    assert run(
      pair[0], f'--checkpoint={checkpoint}', f'--out={out}',
      f'--store={store}', *flags,
    ) == 0  # fmt: skip
    labels[store] = images.read_label(
      out / 'field_label.png', generator.CLASSES
    )
  np.testing.assert_array_equal(labels['memory'], labels['float32'])
  truth = images.read_label(pair[1], generator.CLASSES)
  assert np.mean(labels['memory'] == truth) > 0.95


def test_a_segmenter_alone_averages_its_stages(pair, checkpoint, tmp_path):
  variables, meta = bundle.read(checkpoint)
  del variables['refiner']
  bundle.export(checkpoint, variables, meta)
  out = tmp_path / 'out'
  assert run(pair[0], f'--checkpoint={checkpoint}', f'--out={out}') == 0
  label = images.read_label(out / 'field_label.png', generator.CLASSES)
  truth = images.read_label(pair[1], generator.CLASSES)
  assert np.mean(label == truth) > 0.9


def test_bad_scales(pair, checkpoint, fails, tmp_path):
  def line(*flags):
    return fails(
      'segment', pair[0], f'--checkpoint={checkpoint}', f'--out={tmp_path}',
      *flags,
    )  # fmt: skip

  found = line('--first=0.4')
  assert '26x26, less than a window of 32x32; give at least 0.5' in found
  assert str(pair[0]) in found
  assert '--first=1.5: must be' in line('--first=1.5')
  assert 'first 0.8 and last 0.7' in line('--first=0.8', '--last=0.7')
  assert '--factor=third' in line('--factor=third')
  assert 'must be a number of 1.01 to' in line('--factor=0.5')
  assert '--overlap=a' in line('--overlap=a')
  assert '--overlap=1: must be' in line('--overlap=0.2,1')
  variables, meta = bundle.read(checkpoint)
  del variables['refiner']
  bundle.export(checkpoint, variables, meta)
  assert 'has no refiner' in line('--fusion=magnet')
  assert '--pipeline=aligned' in line('--fusion=mean', '--pipeline=released')


def test_orientation_is_applied(pair, checkpoint, tmp_path):
  image = np.zeros((40, 64, 3), np.uint8)
  exif = Image.Exif()
  exif[0x0112] = 6
  path = tmp_path / 'turned.jpg'
  Image.fromarray(image).save(path, exif=exif)
  out = tmp_path / 'out'
  flags = ['--no-panel', '--window=32', '--checkpoint', checkpoint]
  assert run(path, '--out', out, *flags) == 0
  assert images.read_size(out / 'turned_label.png') == (64, 40)


def test_a_bad_file_stops_no_other(pair, checkpoint, tmp_path, capfd):
  bad = tmp_path / 'bad.jpg'
  bad.write_bytes(b'no image')
  out = tmp_path / 'out'
  flags = ['--no-panel', '--out', out, '--checkpoint', checkpoint]
  assert run(bad, pair[0], tmp_path / 'none.png', *flags) == 2
  lines = capfd.readouterr().err.splitlines()
  assert len(lines) == 2
  assert 'bad.jpg' in lines[0] and 'none.png' in lines[1]
  assert sorted(path.name for path in out.iterdir()) == [
    'field_label.png',
    'field_overlay.jpg',
  ]


def _raising(monkeypatch, error, name='odd.png'):
  """Makes one file raise an error while it is opened."""
  before = open_image.open_image

  def opener(path, **settings):
    if path.name == name:
      raise error
    return before(path, **settings)

  monkeypatch.setattr(open_image, 'open_image', opener)


@pytest.mark.parametrize(
  ('error', 'words'),
  [
    (MemoryError(), 'needs more memory than is free'),
    (OSError(5, 'Input/output error'), 'Input/output error'),
    (RecursionError('too deep'), 'RecursionError: too deep'),
    (ZeroDivisionError('first line\nsecond'), 'first line)'),
    (
      jax.errors.JaxRuntimeError('RESOURCE_EXHAUSTED: 8 GB'),
      'RESOURCE_EXHAUSTED: 8 GB); use a smaller --batch',
    ),
  ],
)
def test_whatever_a_file_raises_stops_no_other(
  error, words, fails_alone, tmp_path, monkeypatch
):
  _raising(monkeypatch, error)
  assert words in fails_alone(tmp_path / 'odd.png')


def test_a_link_to_itself_stops_no_other(fails_alone, tmp_path):
  loop = tmp_path / 'loop.png'
  loop.symlink_to(loop)
  assert (
    f'{loop}: no such file, the link leads nowhere; check the path'
    in fails_alone(loop)
  )


def test_a_device_that_failed_stops_all(
  pair, checkpoint, tmp_path, fails, monkeypatch
):
  _raising(monkeypatch, jax.errors.JaxRuntimeError('INTERNAL: lost\nmore'))
  out = tmp_path / 'out'
  flags = ['--no-panel', '--out', out, '--checkpoint', checkpoint]
  line = fails('segment', tmp_path / 'odd.png', pair[0], *flags)
  assert 'odd.png: the device failed (INTERNAL: lost); run the same' in line
  assert not out.exists()


def test_an_interrupt_stops_all(pair, checkpoint, tmp_path, monkeypatch):
  _raising(monkeypatch, KeyboardInterrupt())
  out = tmp_path / 'out'
  flags = ['--no-panel', '--out', out, '--checkpoint', checkpoint]
  assert run(tmp_path / 'odd.png', pair[0], *flags) == 130
  assert not out.exists()


def test_files_of_one_name_are_told_apart(pair, checkpoint, tmp_path):
  paths = []
  for folder in ('a', 'b'):
    (tmp_path / folder).mkdir()
    paths.append(tmp_path / folder / 'field.png')
    paths[-1].write_bytes(pair[0].read_bytes())
  out = tmp_path / 'out'
  flags = ['--no-panel', '--out', out, '--checkpoint', checkpoint]
  assert run(*paths, *flags) == 0
  assert sorted(path.name for path in out.glob('*.png')) == [
    'a_field_label.png',
    'b_field_label.png',
  ]


def test_an_output_never_replaces_an_input(pair, checkpoint, fails, tmp_path):
  taken = tmp_path / 'field_label.png'
  pair[1].rename(taken)
  before = taken.read_bytes()
  flags = ['--out', tmp_path, '--checkpoint', checkpoint]
  assert 'field_label.png' in fails('segment', pair[0], taken, *flags)
  assert taken.read_bytes() == before
