"""The models that the package carries."""

import pytest

from magnet_jax.data import classes
from magnet_jax.files import bundle, checkpoints, embedded
from magnet_jax.predict import model as models
from magnet_jax.types import InputError, Meta

SIZES = {name: embedded.file(name).stat().st_size for name in embedded.MODELS}


def test_they_are_small():
  assert sum(SIZES.values()) < 12e6, SIZES


@pytest.mark.parametrize('name', embedded.MODELS)
def test_each_is_ready_by_its_name(name):
  model = models.load(name)
  wanted = {'aerial': 'dubai', 'scenes': 'scenes'}[name]
  assert model.classes == classes.get(wanted)
  assert model.tones, 'it could not say which images are unlike its own'
  folder = embedded.file(name).parent
  assert {path.stem for path in folder.iterdir()} == {*embedded.MODELS}


def test_the_scenes_model_can_do_what_others_are_compared_with():
  carried = models.load('scenes').correctors
  assert carried.keys() >= {'deep_guided', 'iterative', 'segfix'}


def test_a_path_comes_before_a_name(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  assert embedded.find('scenes') == embedded.file('scenes')
  assert embedded.is_name('scenes') and not embedded.is_name('scenes.npz')
  bundle.export('scenes.npz', {'trunk': {}}, Meta({'seed': 7}))
  (tmp_path / 'scenes.npz').rename('scenes')
  assert checkpoints.load('scenes')[1].config == {'seed': 7}
  assert not embedded.is_name('scenes')
  # What is in the folder does not matter unless it is asked for.
  assert 'plan' in checkpoints.load(embedded.file('scenes'))[1].config
  assert models.load().classes == classes.get('dubai')


@pytest.mark.parametrize('name', ['forests', 'runs/gone', 'scenes.npz', ''])
def test_what_is_neither(name, tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  with pytest.raises(InputError, match='no such file or folder') as found:
    checkpoints.load(name)
  line = str(found.value)
  assert line.startswith(f'{name}: ') and '\n' not in line
  assert all(each in line for each in embedded.MODELS)


def test_what_it_is_called():
  assert embedded.told('scenes') == 'embedded model scenes'
  assert embedded.told('runs/scenes') == 'runs/scenes'
