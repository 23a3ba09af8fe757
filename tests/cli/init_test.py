"""`magnet-jax init`: what it writes is what train and evaluate read."""

import json
import shutil

import full_disk
import numpy as np
from PIL import Image
import pytest

from magnet_jax.cascade import settings
from magnet_jax.cli import config_file, main
from magnet_jax.data import classes, splits


def folder_of(tmp_path, image, mask, mode='RGB'):
  """Eight pairs; `image` and `mask` make the pixels of one."""
  for name in ('images', 'masks'):
    (tmp_path / name).mkdir()
  for seed in range(8):
    rng = np.random.default_rng(seed)
    image(rng).save(tmp_path / 'images' / f'p{seed}.png')
    mask(rng).save(tmp_path / 'masks' / f'p{seed}.png')
  return tmp_path


def photograph(rng, mode='RGB'):
  small = Image.fromarray(rng.integers(0, 256, (9, 9, 3), np.uint8))
  picture = small.resize((160, 144), Image.Resampling.BICUBIC)
  if mode == 'I;16':
    grey = np.asarray(picture.convert('L')).astype(np.uint16)
    return Image.fromarray(grey * 16)
  if mode == 'RGBA':
    alpha = np.full((144, 160), 255, np.uint8)
    alpha[:10] = 0
    picture.putalpha(Image.fromarray(alpha))
    return picture
  return picture.convert(mode)


def mask(rng):
  pixels = np.zeros((144, 160), np.uint8)
  row, column = rng.integers(30, 100, 2)
  pixels[row - 30 : row + 20, column - 30 : column + 20] = 255
  return Image.fromarray(pixels)


def opened(out):
  """The config and the first sample of each split."""
  config = config_file.override(config_file.load(str(out / 'config.py')), [])
  found = {}
  for split in ('train', 'val', 'test'):
    source = splits.open_split(config.data, split)
    found[split] = [source[i] for i in range(len(source))]
  return config, found


@pytest.mark.parametrize('mode', ['RGB', 'L', 'RGBA', 'I;16'])
def test_what_is_written_is_read(tmp_path, mode, capsys):
  if mode == 'I;16':
    pytest.importorskip('rasterio')
  folder = folder_of(tmp_path, lambda rng: photograph(rng, mode), mask)
  assert main.main(['init', str(folder)]) == 0
  text = capsys.readouterr().out
  out = folder / 'magnet_jax'
  assert f'--config={out}/config.py' in text and '--split=test' in text
  assert ('red, green and blue' in text) == (mode in ('L', 'I;16'))
  config, samples = opened(out)
  table = classes.get(config.data.classes)
  assert table.names == ('background', 'foreground')
  assert sum(map(len, samples.values())) == 8
  for sample in [each for found in samples.values() for each in found]:
    assert sample.image.shape == (144, 160, 3) and sample.image.max() > 150
    seed = int(sample.name[1:])
    rng = np.random.default_rng(seed)
    photograph(rng)
    truth = np.asarray(mask(rng)) // 255
    if mode == 'RGBA':
      truth[:10] = 255
    np.testing.assert_array_equal(sample.label, truth)
  assert len(settings.planner(config.plan)((144, 160))) >= 2
  assert len(config.train.segmenter.class_weights) == 2
  assert config.data.stretch == ('none' if mode != 'I;16' else '0,4080') or (
    config.data.stretch.startswith('0,')
  )


def test_files_of_the_survey(tmp_path, capsys):
  folder = folder_of(tmp_path, photograph, mask)
  (folder / 'images' / 'p3.png').unlink()
  out = tmp_path / 'setup'
  assert main.main(['init', str(folder), f'--out={out}', '--seed=3']) == 0
  text = capsys.readouterr().out
  assert 'error: 1 label without image' in text
  found = json.loads((out / 'findings.json').read_text())
  assert found['pairs'] == 7 and sum(found['splits'].values()) == 7
  assert [each['name'] for each in found['classes']] == [
    'background',
    'foreground',
  ]
  page = (out / 'index.html').read_text()
  assert 'label without image' not in page.split('<h2>')[0]
  assert 'masks/p3.png' in page and 'src="pairs.jpg"' in page
  sheet = np.asarray(Image.open(out / 'pairs.jpg'))
  assert sheet.shape[1] > 1000 and sheet.std() > 10
  # Again: its own files are not taken for images.
  assert main.main(['init', str(folder), f'--out={out}', '--seed=3']) == 0
  assert json.loads((out / 'findings.json').read_text()) == found


def test_links_to_themselves_are_named(tmp_path, capsys):
  folder = folder_of(tmp_path, photograph, mask)
  for name in ('images', 'masks'):
    (folder / name / 'loop.png').symlink_to('loop.png')
  assert main.main(['init', str(folder)]) == 0
  text = capsys.readouterr().out
  assert 'images/loop.png' in text or 'masks/loop.png' in text
  assert (
    json.loads((folder / 'magnet_jax/findings.json').read_text())['pairs'] == 8
  )


def test_a_folder_that_is_moved_still_works(tmp_path):
  (tmp_path / 'a').mkdir()
  folder = folder_of(tmp_path / 'a', photograph, mask)
  assert main.main(['init', str(folder)]) == 0
  moved = (tmp_path / 'a').rename(tmp_path / 'b')
  _, samples = opened(moved / 'magnet_jax')
  assert samples['train']


def test_bad_input(tmp_path, fails):
  assert 'must be one FOLDER' in fails('init')
  assert 'no such folder' in fails('init', tmp_path / 'none')
  assert 'holds no .jpg' in fails('init', tmp_path)
  folder = folder_of(tmp_path, photograph, mask)
  assert 'names 1 classes' in fails(
    'init', folder, '--classes', _names(tmp_path, 'one')
  )
  assert not (folder / 'magnet_jax').exists()


def test_nothing_is_left_of_a_survey_that_failed(tmp_path, fails):
  assert 'holds no .jpg' in fails('init', tmp_path, f'--out={tmp_path}/a/b/c')
  assert not list(tmp_path.iterdir())
  folder = folder_of(tmp_path, photograph, mask)
  before = sorted(folder.rglob('*'))
  with full_disk.after(5000):
    line = fails('init', folder, f'--out={folder / "x" / "y"}')
  assert 'pairs.jpg: cannot be written, File too large; ' in line
  assert 'tmp' not in line.replace(str(tmp_path), '')
  assert sorted(folder.rglob('*')) == before


def _names(folder, text):
  path = folder / 'names.txt'
  path.write_text(text)
  return path


def test_labels_are_named_from_here_or_from_the_folder(tmp_path, fails):
  folder = folder_of(tmp_path, photograph, mask)
  shutil.copytree(folder / 'masks', folder / 'labels')
  line = fails('init', folder)
  assert 'several labels each, in labels/, masks/' in line
  for named in ('masks', folder / 'masks'):
    assert main.main(['init', str(folder), f'--labels={named}', '--force']) == 0
    pairs = (folder / 'magnet_jax' / 'train.txt').read_text()
    assert '/masks/' in pairs and '/labels/' not in pairs
