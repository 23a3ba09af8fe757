"""Bad input of every kind: one clear line, status 2, nothing half-written."""

import os
import pathlib
import struct
import zlib

import full_disk
import numpy as np
from PIL import Image
import pytest

from magnet_jax.cli import main
from magnet_jax.configs import tiny
from magnet_jax.evaluate import random_model
from magnet_jax.files import bundle, images
from magnet_jax.models import build
from magnet_jax.scenes import generator
from magnet_jax.types import Meta


def huge_header() -> bytes:
  """A PNG of 100000x100000 pixels, by its own account."""
  header = struct.pack('>IIBBBBB', 100_000, 100_000, 8, 2, 0, 0, 0)
  check = struct.pack('>I', zlib.crc32(b'IHDR' + header))
  start = b'\x89PNG\r\n\x1a\n' + struct.pack('>I', 13)
  return start + b'IHDR' + header + check + struct.pack('>I', 9) + b'IDAT'


BAD_BYTES = {
  'zero.png': (b'', 'empty'),
  'text.jpg': (b'this is no image', 'PNG'),
  'huge.png': (huge_header(), 'can hold'),
}


@pytest.mark.parametrize('name', BAD_BYTES)
def test_bad_image_bytes(name, checkpoint, tmp_path, fails):
  path = tmp_path / name
  data, words = BAD_BYTES[name]
  path.write_bytes(data)
  out = tmp_path / 'out'
  line = fails('segment', path, '--checkpoint', checkpoint, '--out', out)
  assert name in line and words in line
  assert not out.exists()


def test_memory_bounds_what_is_decoded(checkpoint, tmp_path, fails):
  path = tmp_path / 'cmyk.jpg'
  Image.new('CMYK', (3000, 3000)).save(path)
  flags = ['--checkpoint', checkpoint, '--out', tmp_path / 'out']
  line = fails('segment', path, '--memory=0.01', *flags)
  assert '9000000 pixels' in line and '--memory=GB' in line


def test_names_are_shown_and_not_obeyed(checkpoint, tmp_path, fails):
  path = tmp_path / 'a\x1b[2J\nmagnet-jax: done.png'
  path.write_bytes(b'no image')
  flags = ['--checkpoint', checkpoint, '--out', tmp_path / 'out']
  assert r'a\x1b[2J\nmagnet-jax: done.png' in fails('segment', path, *flags)


def test_truncated_and_missing_images(pair, checkpoint, tmp_path, fails):
  whole = pair[0].read_bytes()
  cut = tmp_path / 'cut.png'
  cut.write_bytes(whole[: len(whole) // 2])
  flags = ['--checkpoint', checkpoint, '--out', tmp_path / 'out']
  assert 'cut.png' in fails('segment', cut, *flags)
  assert 'no such file' in fails('segment', tmp_path / 'gone.png', *flags)
  (tmp_path / 'empty').mkdir()
  assert 'holds no .jpg' in fails('segment', tmp_path / 'empty', *flags)
  assert not (tmp_path / 'out').exists()


def _tiff(width, height, *, tile=None, more=0):
  """A TIFF that claims any size and has one broken block."""
  entries = [
    (256, 4, width),
    (257, 4, height),
    (258, 3, 8),
    (259, 3, 1),
    (262, 3, 1),
    (277, 3, 1),
  ]
  layout = [(322, 4, tile), (323, 4, tile)] if tile else [(278, 4, 1)]
  start, count = (324, 325) if tile else (273, 279)
  entries = sorted([*entries, *layout, (start, 4, 200), (count, 4, 100)])
  head = struct.pack('<2sHIH', b'II', 42, 8, len(entries))
  for tag, kind, value in entries:
    head += struct.pack('<HHII', tag, kind, 1, value)
  return head.ljust(300, b'\0') + bytes(more)


@pytest.mark.parametrize(
  ('data', 'words'),
  [
    (_tiff(1_000_000, 1_000_000, tile=512), 'its 300 bytes can hold'),
    (_tiff(2**31 - 16, 100), 'its 300 bytes can hold'),
    (_tiff(2**16, 2**16, tile=2**16), 'its 300 bytes can hold'),
    (_tiff(300_000, 300_000, tile=512, more=10**6), 'lists 1 tiles'),
    (_tiff(2**31 - 16, 10, more=10**6), 'exceed the limit'),
    (_tiff(2**16, 2**16, tile=2**16, more=10**6), 'exceed the limit'),
  ],
)
def test_a_tiff_that_claims_more_than_memory_stops_no_other(
  data, words, fails_alone, tmp_path
):
  pytest.importorskip('rasterio')
  huge = tmp_path / 'huge.tif'
  huge.write_bytes(data)
  assert words in fails_alone(huge)


@pytest.mark.parametrize(
  ('name', 'mode'),
  [
    ('grey.png', 'L'),
    ('cmyk.jpg', 'CMYK'),
    ('alpha.png', 'RGBA'),
    ('deep.png', 'I;16'),
  ],
)
def test_unusual_images_are_read(name, mode, checkpoint, tmp_path):
  depth = np.uint16 if mode == 'I;16' else np.uint8
  shape = {'RGBA': (64, 64, 4), 'CMYK': (64, 64, 3)}.get(mode, (64, 64))
  image = Image.fromarray(np.full(shape, 90, depth))
  (image.convert(mode) if mode == 'CMYK' else image).save(tmp_path / name)
  flags = ['--checkpoint', checkpoint, '--out', tmp_path / 'out', '--no-panel']
  argv = ['segment', tmp_path / name, *flags]
  assert main.main([str(word) for word in argv]) == 0


def test_label_of_another_size_or_range(pair, checkpoint, tmp_path, fails):
  listed = tmp_path / 'list.txt'
  listed.write_text('field.png\tlabel.png\n')
  flags = ['--images', listed, '--checkpoint', checkpoint]
  images.write_label(
    tmp_path / 'label.png', np.zeros((64, 60), np.uint8), generator.CLASSES
  )
  line = fails('evaluate', *flags)
  assert 'label.png' in line and '64 x 60' in line
  images.write_label(
    tmp_path / 'label.png', np.full((64, 64), 99, np.uint8), generator.CLASSES
  )
  assert 'label 99' in fails('evaluate', *flags)


def test_unknown_config_key(tmp_path, fails):
  flags = ['--config=tiny', f'--workdir={tmp_path / "w"}']
  line = fails('train', *flags, '--config.train.segmenter.stps=1')
  assert 'train.segmenter.stps' in line and 'train.segmenter.steps' in line
  assert not (tmp_path / 'w').exists()
  assert 'unknown_config' in fails(
    'train', '--config=unknown_config', f'--workdir={tmp_path / "w"}'
  )
  assert '--workdir' in fails('train', '--config=tiny')


def random_weights(classes: int) -> dict:
  network = build.segmenter(
    num_classes=classes, **tiny.get_config().segmenter.to_dict()
  )
  pixels = np.zeros((1, 64, 64, 3), np.float32)
  return random_model.weights(np.random.default_rng(0), network, pixels)


def export(path: pathlib.Path, weights: dict) -> None:
  """A segmenter that says it is for scenes."""
  config = tiny.get_config().to_dict()
  meta = Meta(config, generator.CLASSES)
  bundle.export(path, {'segmenter': weights}, meta)


def test_checkpoints(pair, tmp_path, fails):
  path = tmp_path / 'model.npz'
  flags = ['--checkpoint', path, '--out', tmp_path / 'out']
  assert 'model.npz' in fails('segment', pair[0], *flags)
  path.write_bytes(b'PK\x03\x04 broken')
  assert 'model.npz' in fails('segment', pair[0], *flags)
  export(path, random_weights(3))
  line = fails('segment', pair[0], *flags)
  assert 'classify' in line and '3' in line and '7' in line
  weights = random_weights(7)
  export(path, weights)
  flag = '--methods=magnet'
  line = fails('evaluate', '--checkpoint', path, '--fusion=magnet', flag)
  assert 'refiner' in line
  weights['params']['classify']['bias'][0] = np.nan
  export(path, weights)
  assert 'NaN' in fails('segment', pair[0], *flags)
  assert not (tmp_path / 'out').exists()


def test_outputs_that_cannot_be_written(pair, checkpoint, tmp_path, fails):
  flags = ['--checkpoint', checkpoint]
  file = tmp_path / 'file'
  file.write_text('mine')
  for out in (file, file / 'below'):
    assert str(file) in fails('segment', pair[0], *flags, '--out', out)
    assert str(file) in fails('demo', '--size=64', *flags, '--out', out)
    assert str(file) in fails('evaluate', *flags, '--out', out)
    assert str(file) in fails('bench', '--size=64', '--json', out / 'x.json')
    assert str(file) in fails('train', '--config=tiny', '--workdir', out)
  assert file.read_text() == 'mine'


@pytest.mark.skipif(not os.path.exists('/dev/full'), reason='needs Linux')
def test_a_full_disk(pair, checkpoint, tmp_path, fails):
  """Writes beyond a file size limit fail like those to a full disk."""
  out = tmp_path / 'out'
  with full_disk.after(5000):
    line = fails(
      'segment',
      pair[0],
      '--checkpoint',
      checkpoint,
      '--out',
      out,
      '--probabilities',
      '--no-panel',
    )
  assert str(out) in line
  assert not [path for path in out.iterdir() if 'tmp' in path.name]
  assert not (out / 'field_probabilities.npy').exists()


@pytest.mark.parametrize(
  ('flag', 'words'),
  [
    ('--window=65x10', '65x10'),
    ('--window=big', '--window=big'),
    ('--overlap=1', '--overlap=1: must be'),
    ('--kernel=4', '--kernel=4: must be an odd'),
    ('--points=1.5', '--points=1.5: must be'),
    ('--windows=0', 'windows 0'),
    ('--batch=-1', '--batch=-1: must be'),
  ],
)
def test_settings_out_of_range(flag, words, pair, checkpoint, fails):
  out = pair[0].parent / 'out'
  flags = ['--checkpoint', checkpoint, '--out', out, flag]
  assert words in fails('segment', pair[0], *flags)
  assert not list(out.glob('*'))


def test_no_image_named(fails):
  assert 'IMAGE' in fails('segment')


def test_data_that_is_not_there(checkpoint, tmp_path, fails):
  flags = ['--checkpoint', checkpoint, '--images']
  assert 'gone.txt' in fails('evaluate', *flags, tmp_path / 'gone.txt')
  (tmp_path / 'empty').mkdir()
  assert 'images' in fails('evaluate', *flags, tmp_path / 'empty')
