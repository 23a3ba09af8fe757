"""A model file that compiles at once, and small images."""

import dataclasses
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.cli import main
from magnet_jax.configs import tiny
from magnet_jax.files import bundle, images
from magnet_jax.predict import model as models
from magnet_jax.refiners import magnet
from magnet_jax.scenes import generator
from magnet_jax.types import Meta
from magnet_jax.weights import torch_files

CLASSES = generator.CLASSES


def segmenter(weights, images):
  """Logits by colour alone."""
  return images @ weights


def refiner(weights, *, scale, coarse):
  """Believes the finer map, sharpened."""
  return jnp.log(scale + 1e-6) * weights + jnp.log(coarse + 1e-6)


@pytest.fixture
def toy() -> models.Model:
  """For windows of 32x32 pixels; two classes by brightness, others never."""
  weights = np.zeros((3, len(CLASSES)), np.float32)
  weights[:, 0], weights[:, 5] = -1, 1
  settings = tiny.get_config().to_dict()
  return models.Model(
    jax.tree_util.Partial(segmenter, weights),
    (magnet.refiner(jax.tree_util.Partial(refiner, np.float32(2))),),
    CLASSES,
    {'plan': settings['plan'], 'refine': settings['refine']},
  )


@pytest.fixture
def checkpoint(tmp_path, toy, monkeypatch) -> pathlib.Path:
  """An exported file; whatever is in it, the toy's networks come out."""
  path = tmp_path / 'model.npz'
  meta = Meta(tiny.get_config().to_dict(), CLASSES)
  empty = {'w': np.zeros(3)}
  bundle.export(path, {'segmenter': empty, 'refiner': empty}, meta)

  def build(variables, meta, *, name, segmenter=None):
    return dataclasses.replace(
      toy,
      segmenter=segmenter or toy.segmenter,
      refiners=toy.refiners if 'refiner' in variables else (),
      tones=meta.tones,
    )

  monkeypatch.setattr(models, 'from_variables', build)
  return path


@pytest.fixture
def save_state(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch):
  """Writes a .pth file that is read without PyTorch; returns its path."""

  def write(path, arrays):
    with pathlib.Path(path).open('wb') as file:
      np.savez(file, **arrays)

  def read(path):
    with np.load(path) as arrays:
      return dict(arrays)

  monkeypatch.setattr(torch_files, 'read', read)
  monkeypatch.setattr(torch_files, 'write', write)

  def run(arrays, name='a.pth'):
    write(tmp_path / name, arrays)
    return tmp_path / name

  return run


@pytest.fixture
def pair(tmp_path: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path]:
  """An image of 64x64, a bright building on dark ground, and its label."""
  rng = np.random.default_rng(0)
  label = np.zeros((64, 64), np.uint8)
  label[20:50, 30:60] = 5
  image = np.where(label[..., None] > 0, 200, 60).astype(np.uint8)
  image = image + rng.integers(0, 20, (64, 64, 3), np.uint8)
  images.write_image(tmp_path / 'field.png', image)
  images.write_label(tmp_path / 'field_truth.png', label, CLASSES)
  return tmp_path / 'field.png', tmp_path / 'field_truth.png'


@pytest.fixture
def fails(capfd: pytest.CaptureFixture[str]):
  """Runs a command that must fail with status 2 and one line on stderr."""

  def run(*argv: object) -> str:
    capfd.readouterr()
    status = main.main([str(word) for word in argv])
    lines = capfd.readouterr().err.splitlines()
    assert status == 2, lines
    assert len(lines) == 1, lines
    assert lines[0].startswith('magnet-jax: error: ')
    assert 'Traceback' not in lines[0]
    return lines[0]

  return run


@pytest.fixture
def fails_alone(pair, checkpoint, tmp_path, capfd):
  """Segments a bad file before a good one, which must be done; the error."""

  def run(bad: pathlib.Path) -> str:
    out = tmp_path / 'out'
    flags = ['--no-panel', f'--out={out}', f'--checkpoint={checkpoint}']
    assert main.main(['segment', str(bad), str(pair[0]), *flags]) == 2
    names = sorted(path.name for path in out.iterdir())
    assert names == ['field_label.png', 'field_overlay.jpg']
    found = capfd.readouterr().err.splitlines()
    (line,) = [each for each in found if each.startswith('magnet-jax: error')]
    assert str(bad) in line and 'Traceback' not in found
    return line

  return run
