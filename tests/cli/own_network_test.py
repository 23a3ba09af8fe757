"""A network of the user's own, from the config to labels, scores and errors."""

import textwrap

import jax
import numpy as np
import pytest

from magnet_jax.cli import main
from magnet_jax.files import checkpoints, images

FILES = {
  'own_nets_of_cli.py': """
    import flax.linen as nn

    class Net(nn.Module):
      num_classes: int
      width: int = 2

      @nn.compact
      def __call__(self, images, *, train=False):
        x = nn.relu(nn.Conv(self.width, (3, 3))(images))
        return nn.Dense(self.num_classes)(x)

    class Halved(Net):
      def __call__(self, images, *, train=False):
        return super().__call__(images)[:, ::2, ::2]
  """,
  'mine.py': """
    import ml_collections
    from magnet_jax.configs import tiny

    def get_config():
      config = tiny.get_config()
      config.data.scene_size = (64, 64)
      config.segmenter = ml_collections.ConfigDict(
        {'name': 'own_nets_of_cli:Net', 'width': 4}
      )
      for training in (config.train.segmenter, config.train.refiner):
        training.steps = training.validate_every = 2
      return config
  """,
}


@pytest.fixture
def here(tmp_path, monkeypatch):
  """The current folder, with the network and its config."""
  monkeypatch.chdir(tmp_path)
  for name, text in FILES.items():
    (tmp_path / name).write_text(textwrap.dedent(text))
  return tmp_path


def test_it_is_trained_and_used_like_the_others(here, fails, capfd):
  with jax.numpy_dtype_promotion('standard'):  # Optax promotes data types
    assert main.main(['train', '--config=mine.py', '--workdir=run']) == 0
  variables, meta = checkpoints.load(here / 'run')
  assert meta.section('segmenter')['name'] == 'own_nets_of_cli:Net'
  assert set(variables['segmenter']) == {'params'}  # it has no statistics
  assert variables['segmenter']['params']['Conv_0']['kernel'].shape[-1] == 4
  rng = np.random.default_rng(0)
  pixels = rng.integers(0, 256, (60, 50, 3), np.uint8)
  images.write_image(here / 'a.png', pixels)
  command = ['segment', 'a.png', '--checkpoint=run/model.npz', '--out=labels']
  assert main.main(command) == 0
  assert images.read_size(here / 'labels' / 'a_label.png') == (60, 50)
  command = ['evaluate', '--checkpoint=run', '--split=test', '--out=scores']
  command += ['--methods=downsample,magnet']
  assert main.main(command) == 0
  assert 'magnet' in capfd.readouterr().out.lower()
  line = fails('convert', 'run', '--to=safetensors', '--out=torch')
  assert "'own_nets_of_cli:Net': has no names in PyTorch" in line
  assert not (here / 'torch').exists()


@pytest.mark.parametrize(
  ('setting', 'words'),
  [
    ('name=missing_nets:Net', 'missing_nets cannot be imported'),
    ('name=own_nets_of_cli:None_', "own_nets_of_cli has no class 'None_'"),
    ('name=own_nets_of_cli:Halved', 'maps images [1, 32, 32, 3] to [1, 16,'),
    ('name=unet', 'replace the whole section'),
  ],
)
def test_what_is_wrong_is_one_line_before_anything_is_trained(
  here, fails, setting, words
):
  config = 'tiny' if setting == 'name=unet' else 'mine.py'
  line = fails(
    'train',
    f'--config={config}',
    '--workdir=run',
    f'--config.segmenter.{setting}',
  )
  assert words in line
  assert not (here / 'run').exists()
