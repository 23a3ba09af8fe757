"""Two processes that segment an image write what one process writes."""

import pathlib

import file_server
import numpy as np
import pytest
from two_processes import Pair

from magnet_jax.cli import main
from magnet_jax.configs import tiny
from magnet_jax.evaluate import random_model
from magnet_jax.files import bundle, images
from magnet_jax.models import build
from magnet_jax.scenes import generator
from magnet_jax.types import Meta

COUNT = len(generator.CLASSES)
NAMES = ('a', 'b', 'c')


def _write_model(path):
  """Networks for windows of 32x32, of random weights."""
  rng = np.random.default_rng(0)
  pixels = np.zeros((1, 64, 64, 3), np.float32)
  maps = np.zeros((1, 8, 8, COUNT), np.float32)
  config = tiny.get_config().to_dict()
  config['segmenter'] = {'name': 'unet', 'width': 4, 'levels': 1}
  refiner = {k: v for k, v in config['refiner'].items() if k != 'count'}
  segmenter = build.segmenter(num_classes=COUNT, **config['segmenter'])
  refinement = build.refinement(num_classes=COUNT, **refiner)
  networks = {
    'segmenter': random_model.weights(rng, segmenter, pixels),
    'refiner': random_model.weights(rng, refinement, scale=maps, coarse=maps),
  }
  bundle.export(path, networks, Meta(config, generator.CLASSES))


@pytest.fixture(name='patch', scope='module')
def make_patch():
  """Lasts as long as `both`."""
  with pytest.MonkeyPatch.context() as found:
    yield found


@pytest.fixture(scope='module')
def both(tmp_path_factory, patch):
  """Folders of one process and of two, and what the two printed."""
  top = tmp_path_factory.mktemp('shared')
  _write_model(top / 'model.npz')
  rng = np.random.default_rng(1)
  for number, name in enumerate(NAMES):
    small = rng.integers(0, 256, (20, 25 + number, 3), np.uint8)
    image = np.kron(small, np.ones((6, 6, 1), np.uint8))
    images.write_image(top / f'{name}.png', image)

  def segmentation(folder, names, *flags, where=top):
    return [
      'segment',
      *(f'{where}/{name}.png' for name in names),
      f'--checkpoint={top / "model.npz"}',
      f'--out={top / folder}',
      '--overlap=0.2',
      '--batch=1',
      '--confidence',
      *flags,
    ]

  preview = f'--preview={top / "preview.png"}'
  patch.setenv('no_proxy', '127.0.0.1')
  with file_server.running() as server:
    for name in NAMES:
      server.has(f'/{name}.png', (top / f'{name}.png').read_bytes())
    pair = Pair(
      [
        segmentation('shared', NAMES[:1], preview),
        segmentation('fast', NAMES[:1], '--windows=0.5', '--divide=windows'),
        segmentation('list', NAMES),
        segmentation('fetched', NAMES[:1], where=server.url),
        segmentation('fetched', NAMES[1:], where=server.url),
      ]
    )
    one = top / 'one'
    assert main.main([*segmentation('one', NAMES), '--devices=2']) == 0
    fast = segmentation(
      'one_fast', NAMES[:1], '--windows=0.5', '--store=float32'
    )
    assert main.main([*fast, '--devices=2']) == 0
    printed = pair.finish()
  assert [status for status, _, _ in printed] == [0, 0], printed
  asked = sorted(path for path, _ in server.requests)
  assert asked == [f'/{name}.png' for name in NAMES]  # each of them once
  return top, one, printed


def _same(first: pathlib.Path, second: pathlib.Path, name: str) -> None:
  for end in ('_label.png', '_confidence.png'):
    assert (first / (name + end)).read_bytes() == (
      second / (name + end)
    ).read_bytes(), end


def test_one_image_is_the_work_of_both(both):
  top, one, (first, second) = both
  _same(one, top / 'shared', 'a')
  assert any('divided among 2 processes' in line for line in first[1])
  assert not second[1]
  assert (top / 'preview.png').exists()
  assert not list((top / 'shared').glob('*.partial'))


def test_chosen_windows_are_the_same(both):
  top, _, _ = both
  _same(top / 'one_fast', top / 'fast', 'a')


def test_a_list_is_divided_by_images(both):
  top, one, (first, _) = both
  for name in NAMES:
    _same(one, top / 'list', name)
  assert {path.name for path in (top / 'list').iterdir()} == {
    path.name for path in one.iterdir()
  }
  assert any(line.startswith('3 of 3 images') for line in first[1])


def test_both_segment_what_one_has_fetched(both):
  top, one, (first, second) = both
  for name in NAMES:
    _same(one, top / 'fetched', name)
  assert any(line.startswith('http://127.0.0.1:') for line in first[1])
  assert not second[1]
