"""`magnet-jax refine --method=segfix`: offsets found, saved and applied."""

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from PIL import Image
import pytest
from tiny_states import drawn, initial

from magnet_jax.cli import main
from magnet_jax.files import bundle, images, offset_files
from magnet_jax.models import build
from magnet_jax.ops import offsets
from magnet_jax.scenes import generator
from magnet_jax.types import Meta

CLASSES = generator.CLASSES


class Toy(nn.Module):
  """Sees three pixels on every side."""

  @nn.compact
  def __call__(self, images):
    return nn.Conv(10, (7, 7))(images)


@pytest.fixture
def model(tmp_path, monkeypatch):
  """A file that holds nothing but a small SegFix."""
  monkeypatch.setattr(build, 'directions', lambda **settings: Toy())
  variables = drawn(initial(Toy(), jnp.zeros((1, 8, 8, 3))))
  settings = {'window': (48, 40)}
  meta = Meta({'correctors': {'segfix': settings}}, kind='refiner_segfix')
  bundle.export(tmp_path / 'net.npz', {'refiner_segfix': variables}, meta)
  return tmp_path / 'net.npz'


@pytest.fixture
def codes(tmp_path):
  rng = np.random.default_rng(0)
  found = rng.integers(0, offsets.CODES, (64, 64)).astype(np.uint8)
  offset_files.write(tmp_path / 'offsets.png', found)
  return found


def refine(image, tmp_path, *argv):
  flags = ['--method=segfix', f'--out={tmp_path / "out"}']
  assert main.main(['refine', str(image), *flags, *map(str, argv)]) == 0
  return images.read_label(tmp_path / 'out' / 'field_label.png', CLASSES)


def test_offsets_are_found_once_and_applied_to_other_maps(
  model, pair, tmp_path
):
  image, label = pair
  file = tmp_path / 'saved' / 'offsets.png'
  first = refine(
    image,
    tmp_path,
    f'--label={label}',
    f'--checkpoint={model}',
    f'--save_offsets={file}',
  )
  found = offset_files.read(file, image, (64, 64))
  assert 0 < (found > 0).mean() < 1
  before = images.read_label(label, CLASSES)
  np.testing.assert_array_equal(first, offsets.apply(before, found))
  # Of other classes than the model's, which nobody knows; as probabilities.
  maps = np.random.default_rng(0).random((64, 64, 3))
  maps /= maps.sum(-1, keepdims=True)
  np.save(tmp_path / 'maps.npy', maps)
  other = refine(
    image,
    tmp_path,
    f'--probabilities={tmp_path / "maps.npy"}',
    f'--offsets={file}',
  )
  np.testing.assert_array_equal(other, offsets.apply(maps.argmax(-1), found))


def test_pixels_without_a_label_stay_and_are_not_spread(codes, pair, tmp_path):
  label = images.read_label(pair[1], CLASSES)
  label[:, 25:35] = 255
  images.write_label(tmp_path / 'theirs.png', label, CLASSES)
  found = refine(
    pair[0],
    tmp_path,
    f'--label={tmp_path / "theirs.png"}',
    f'--offsets={tmp_path / "offsets.png"}',
  )
  expected = offsets.apply(label, codes)
  expected = np.where((label == 255) | (expected == 255), label, expected)
  np.testing.assert_array_equal(found, expected)


def test_wrong_files_and_flags(codes, model, pair, tmp_path, fails):
  image, label = pair
  file, out = tmp_path / 'offsets.png', tmp_path / 'out'

  def refused(*argv, method='segfix'):
    flags = [f'--label={label}', f'--method={method}', f'--out={out}']
    return fails('refine', image, *flags, *argv)

  offset_files.write(file, codes[:, :60])
  message = refused(f'--offsets={file}')
  assert 'offsets of 64 x 60 (height x width) for' in message
  assert 'holds no offsets' in refused(f'--offsets={label}')
  Image.fromarray(codes).save(tmp_path / 'grey.png')
  assert 'no offsets' in refused(f'--offsets={tmp_path / "grey.png"}')
  assert 'guided has no offsets' in refused(
    f'--offsets={file}', method='guided'
  )
  both = (f'--offsets={file}', f'--checkpoint={model}')
  assert 'leave one of them out' in refused(*both)
  assert 'let it end in .png' in refused('--save_offsets=a.npz')
  for path in (label, out / 'field_label.png'):
    assert 'is an input, or another' in refused(f'--save_offsets={path}')
  assert 'no refiner_segfix' in refused('--checkpoint=aerial')
  assert not out.exists()
