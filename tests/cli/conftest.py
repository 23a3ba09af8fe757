"""A tiny untrained model and small scenes, as files."""

import pathlib

from magnet_jax.cli import main
from magnet_jax.data import scenes
from magnet_jax.evaluate import bench
from magnet_jax.io import bundle, images
import numpy as np
import pytest

NETWORK = (32, 32)


def config() -> dict:
  """What the tiny model's checkpoint says of itself."""
  from configs import tiny

  return tiny.get_config().to_dict()


@pytest.fixture(scope='session')
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
  settings = config()
  model = bench.random_model(
    classes=len(scenes.CLASSES),
    segmenter=settings['segmenter'],
    refiner=settings['refiner'],
    plan=settings['plan'],
    refine=settings['refine'],
  )
  path = tmp_path_factory.mktemp('model') / 'model.npz'
  variables = {
    'segmenter': model.segmenter.args[0], 'refiner': model.refiner.args[0]
  }  # fmt: skip
  table = scenes.CLASSES
  names = {'names': table.names, 'colours': table.colours}
  bundle.export(path, variables, {'config': settings, 'classes': names})
  return path


@pytest.fixture
def pair(tmp_path: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path]:
  """An image of 70x90 and its label."""
  rng = np.random.default_rng(0)
  label = np.zeros((70, 90), np.uint8)
  label[20:50, 30:60] = 5
  image = np.where(label[..., None] > 0, 200, 60).astype(np.uint8)
  image = image + rng.integers(0, 20, (70, 90, 3), np.uint8)
  images.write_image(tmp_path / 'field.png', image)
  images.write_label(tmp_path / 'field_truth.png', label, scenes.CLASSES)
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
