import sys
import textwrap

import numpy as np
import pytest

from magnet_jax.predict import foreign
from magnet_jax.types import InputError

MODULE = """
  import numpy as np
  from magnet_jax.cascade.host_segmenter import HostSegmenter

  number = 3

  def by_colour(images):
    import my_weights_{0}
    return images @ np.ones((3, 4), np.float32) * my_weights_{0}.SCALE

  told = HostSegmenter(by_colour, num_classes=4, batch=5, name='told')
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
  """A folder with modules, in which the command is run."""
  monkeypatch.chdir(tmp_path)
  monkeypatch.setattr(sys, 'path', list(sys.path))
  text = textwrap.dedent(MODULE).format('a')
  (tmp_path / 'my_nets_a.py').write_text(text)
  (tmp_path / 'my_weights_a.py').write_text('SCALE = 2\n')
  (tmp_path / 'my_broken_a.py').write_text('1 / 0\n')
  return tmp_path


def test_which_names_are_foreign(tmp_path):
  for name in ('net.onnx', 'a/b/NET.ONNX', 'nets.mine:run'):
    assert foreign.is_foreign(name)
  odd = tmp_path / 'run:3'
  odd.mkdir()
  for name in ('runs/mine', 'model.npz', str(odd)):
    assert not foreign.is_foreign(name)


def test_a_function_of_the_current_folder(here):
  found = foreign.load('my_nets_a:by_colour', num_classes=4, batch=2)
  assert (found.batch, found.name) == (2, 'my_nets_a:by_colour')
  # It imports from there only when it is called.
  maps = found(np.zeros((3, 8, 8, 3), np.uint8))
  assert maps.shape == (3, 8, 8, 4) and maps.std() < 1e-5 < abs(maps.mean())


def test_a_segmenter_that_says_what_it_is(here):
  assert foreign.load('my_nets_a:told', num_classes=4).batch == 5


@pytest.mark.parametrize(
  ('name', 'words'),
  [
    ('my_nets_a:none', "has no function 'none'"),
    ('my_nets_a:number', "has no function 'number'"),
    ('my_missing_a:run', 'my_missing_a cannot be imported (ModuleNotFound'),
    ('my_broken_a:run', 'ZeroDivisionError'),
    ('my_nets_a:', 'package.module:function'),
    (':run', 'package.module:function'),
    ('a b:run', 'package.module:function'),
  ],
)
def test_what_cannot_be_imported(here, name, words):
  with pytest.raises(InputError) as caught:
    foreign.load(name, num_classes=4)
  line = str(caught.value)
  assert line.startswith(name) and words in line and '\n' not in line


def test_other_classes(here):
  with pytest.raises(InputError, match='4 classes, but the refiner has 7'):
    foreign.load('my_nets_a:told', num_classes=7)
