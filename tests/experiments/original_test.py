"""Stand-ins for another program are measured beside this package."""

import json
import shlex
import sys

import numpy as np
import pytest
import seeded_models
from seeded_models import Configuration
import side_by_side
import subjects

from magnet_jax.files import checkpoints, images
from magnet_jax.predict import model as models
from magnet_jax.scenes import generator
from magnet_jax.weights import conversion

TINY = Configuration('tiny', (48, 64), 1)
# Says that every pixel is of class 1, and takes processor time.
FUNCTION = """
import numpy as np, PIL.Image
def segment(path):
  print('not an answer')
  sum(range(10 ** 6))
  width, height = PIL.Image.open(path).size
  return np.ones((height, width), np.uint8)
"""
COMMAND = """
import sys
from theirs import segment
import PIL.Image
PIL.Image.fromarray(segment(sys.argv[1])).save(sys.argv[2])
"""


@pytest.fixture
def theirs(monkeypatch, tmp_path):
  monkeypatch.setattr(seeded_models, 'CONFIGURATIONS', {'tiny': TINY})
  (tmp_path / 'theirs.py').write_text(FUNCTION)
  (tmp_path / 'run.py').write_text(COMMAND)
  return tmp_path


def _main(*flags):
  return side_by_side.main(['--configurations=tiny', '--repeats=1', *flags])


def _lines(capfd):
  return [line.split() for line in capfd.readouterr().out.splitlines()]


def test_a_command(theirs, capfd):
  command = f'{shlex.quote(sys.executable)} run.py {{image}} {{out}}.png'
  path = theirs / 'found.json'
  line = f'cd {shlex.quote(str(theirs))} && {command}'
  assert _main(f'--theirs={line}', f'--json={path}') == 0
  _, first, second, *_ = _lines(capfd)
  assert first[:3] == ['tiny', str(TINY.count()), 'theirs']
  assert first[4] == '1.00'
  assert first[-1] == '100.000'
  assert second[2] == 'xla'
  rows = json.loads(path.read_text())['rows']
  # Ours imports JAX.
  assert rows[1]['seconds'][0] > rows[0]['seconds'][0] > 0
  assert rows[1]['peak_mb'] > rows[0]['peak_mb'] > 5
  assert 0 <= rows[1]['alike'] < 1


def test_a_function(theirs, capfd):
  assert _main(f'--theirs_function={theirs / "theirs.py"}:segment') == 0
  _, first, second, note, *_ = _lines(capfd)
  assert [first[2], second[2]] == ['theirs', 'xla']
  assert 'seconds:' in note


def test_labels_are_those_of_the_model(theirs):
  checkpoint = theirs / 'seeded.npz'
  seeded_models.write(TINY, checkpoint)
  pixels = generator.generate(0, TINY.size).image
  images.write_image(theirs / 'image.png', pixels)
  settings = {
    'checkpoint': str(checkpoint),
    'engine': 'xla',
    'precision': 'float32',
    'pipeline': 'aligned',
  }
  function = f'{side_by_side._OURS}:load'
  warm = subjects.Warm(function, settings, folder=theirs)
  taken = warm(theirs / 'image.png')
  warm.close()
  wanted = models.load(checkpoint).segment(pixels).label
  np.testing.assert_array_equal(taken.labels, wanted)
  (labels,) = {path for path in theirs.glob('*.npy')}
  assert np.load(labels).shape == TINY.size


def test_weights_are_seeded_and_have_names_in_pytorch(theirs):
  for name in ('a', 'b'):
    flags = [f'--out={theirs / name}', 'tiny']
    assert seeded_models.main(flags) == 0
  (first, meta), (second, _) = (
    checkpoints.load(theirs / name / 'tiny.npz') for name in ('a', 'b')
  )
  assert str(first) == str(second)
  assert meta.config['refine']['windows'] == 1
  folder = theirs / 'torch'
  folder.mkdir()
  pytest.importorskip('safetensors')
  written = conversion.to_files(
    theirs / 'a' / 'tiny.npz', folder, suffix='.safetensors'
  )
  assert len(written) == 2


@pytest.mark.parametrize(
  ('name', 'windows'),
  [
    ('deepglobe', 21),
    ('deepglobe_fast', 7),
    ('cityscapes_fast', 13),
    ('cityscapes', 85),
  ],
)
def test_windows_are_those_of_the_publication(name, windows):
  assert seeded_models.CONFIGURATIONS[name].count() == windows


@pytest.mark.parametrize(
  ('flags', 'message'),
  [
    (['--configurations=voc'], "'voc': unknown; choose among tiny"),
    (['--theirs=ls'], "'ls': must contain {image}"),
    (['--theirs=x {image}', '--theirs_function=a.py:b'], 'leave one of them'),
    (['--theirs_function=none.py:segment'], 'none.py:segment: no such file'),
    (['--theirs=false {image}'], 'status 1: says nothing'),
    (['--theirs=echo oh {image} && false'], 'status 1: oh'),
    (['--image=none.png'], '--image=none.png: no such file'),
    (['--repeats=0'], '--repeats=0: must be at least 1'),
  ],
)
def test_bad_input(theirs, flags, message, capfd):
  with pytest.raises(SystemExit) as caught:
    side_by_side.main(['--configurations=tiny', *flags])
  assert caught.value.code == 2
  assert message in capfd.readouterr().err


def test_a_function_that_fails(theirs, capfd):
  (theirs / 'bad.py').write_text('def segment(path):\n  raise OSError("oh")\n')
  with pytest.raises(SystemExit):
    _main(f'--theirs_function={theirs / "bad.py"}:segment')
  assert 'OSError: oh' in capfd.readouterr().err


@pytest.mark.parametrize('colours', [False, True])
def test_labels_of_a_command_may_be_colours(tmp_path, colours):
  table = TINY.meta().classes
  label = np.arange(6, dtype=np.uint8).reshape(2, 3)
  if colours:
    images.write_image(
      tmp_path / 'out.png', np.array(table.colours)[label].astype(np.uint8)
    )
  else:
    images.write_label(tmp_path / 'out.png', label, table)
  np.testing.assert_array_equal(subjects._written(tmp_path, table), label)


def test_labels_alone_are_expected(tmp_path):
  table = TINY.meta().classes
  assert subjects._written(tmp_path, table) is None
  for name in ('a.png', 'b.png'):
    images.write_label(tmp_path / name, np.zeros((2, 2), np.uint8), table)
  with pytest.raises(subjects.InputError, match=r'2 images \(a.png, b.png\)'):
    subjects._written(tmp_path, table)
