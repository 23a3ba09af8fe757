"""Segmenter and refiner from different sources; pipelines."""

import json
import sys
import textwrap

import jax
import numpy as np
import onnx_network
import pytest

from magnet_jax.cli import main
from magnet_jax.data import classes as class_tables
from magnet_jax.files import bundle, images
from magnet_jax.predict import correctors
from magnet_jax.refiners import deep_guided
from magnet_jax.scenes import generator
from magnet_jax.types import Meta

FUNCTIONS = """
  import numpy as np

  def by_colour(images):
    weights = np.zeros((3, {classes}), np.float32)
    weights[:, 0], weights[:, 5] = -1, 1
    return images @ weights

  def fails_on_light(images):
    if images.max() > 1:
      raise RuntimeError('too light')
    return by_colour(images)

  def channels_first(images):
    return np.moveaxis(by_colour(images), -1, 1)

  def three_classes(images):
    return images
"""


@pytest.fixture
def onnx_file(toy, tmp_path):
  """The toy's segmenter as a file, for any size."""
  (weights,) = toy.segmenter.args
  kernel = weights[None, None]
  return onnx_network.write(tmp_path / 'net.onnx', kernel)


@pytest.fixture
def functions(tmp_path, monkeypatch):
  """The same as functions, in the folder where the command runs."""
  monkeypatch.chdir(tmp_path)
  monkeypatch.setattr(sys, 'path', list(sys.path))
  text = textwrap.dedent(FUNCTIONS).format(classes=len(generator.CLASSES))
  (tmp_path / 'my_functions_cli.py').write_text(text)
  yield 'my_functions_cli'
  sys.modules.pop('my_functions_cli', None)


def segment(*argv):
  argv = ['segment', '--no-panel', *argv]
  return main.main([str(word) for word in argv])


def test_an_onnx_file_and_a_function_segment_as_the_same_weights(
  pair, checkpoint, onnx_file, functions, tmp_path
):
  found = []
  for number, networks in enumerate(
    (
      [f'--checkpoint={checkpoint}'],
      [f'--segmenter={onnx_file}', f'--refiner={checkpoint}'],
      [f'--segmenter={functions}:by_colour', f'--refiner={checkpoint}'],
    )
  ):
    out = tmp_path / f'out{number}'
    assert segment(pair[0], f'--out={out}', *networks) == 0
    path = out / 'field_label.png'
    found.append(images.read_label(path, generator.CLASSES))
  np.testing.assert_array_equal(found[0], found[1])
  np.testing.assert_array_equal(found[0], found[2])


DATA = ['--config.data.scene_size=(64, 64)', '--config.data.val_scenes=1']


def test_evaluation_records_both(checkpoint, onnx_file, tmp_path, fails):
  out = tmp_path / 'out'
  flags = ['evaluate', f'--out={out}', '--pictures=0', *DATA]
  networks = [f'--segmenter={onnx_file}', f'--refiner={checkpoint}']
  assert main.main([*flags, *networks, '--methods=downsample']) == 0
  settings = json.loads((out / 'settings.json').read_text())
  assert settings['segmenter'] == str(onnx_file)
  assert settings['refiner'] == str(checkpoint)
  other = checkpoint.rename(tmp_path / 'other.npz')
  line = fails(*flags, networks[0], f'--refiner={other}')
  assert str(checkpoint) in line and str(other) in line and '--out' in line


def test_a_segmenter_alone_averages_its_stages(
  pair, checkpoint, tmp_path, fails
):
  networks = [f'--segmenter={checkpoint}']
  line = fails(
    'evaluate', *DATA, *networks, '--fusion=magnet', '--methods=magnet'
  )
  assert '--refiner' in line and '--methods=downsample,patch' in line
  out = tmp_path / 'out'
  flags = ['--fusion=magnet', '--out', out]
  line = fails('segment', pair[0], *networks, *flags)
  assert '--refiner' in line and not out.exists()
  flags = [f'--out={out}', '--methods=patch,magnet', '--pictures=1']
  assert main.main(['evaluate', *DATA, *networks, *flags]) == 0
  assert (out / 'panel_0.png').exists()


def test_contradictions(checkpoint, onnx_file, fails):
  both = [f'--checkpoint={checkpoint}', f'--segmenter={onnx_file}']
  assert 'both networks' in fails('evaluate', *both)
  assert '--segmenter' in fails('evaluate', f'--refiner={checkpoint}')
  assert 'add --refiner' in fails('evaluate', f'--segmenter={onnx_file}')


BAD = {
  'channels_first': "give channels='first'",
  'three_classes': 'use a segmenter of 7 classes',
  'missing': "has no function 'missing'",
}


def test_bad_functions_stop_before_anything_is_written(
  pair, checkpoint, functions, tmp_path, fails
):
  out = tmp_path / 'out'
  flags = [f'--refiner={checkpoint}', f'--out={out}']
  for name, words in BAD.items():
    segmenter = f'--segmenter={functions}:{name}'
    assert words in fails('segment', pair[0], segmenter, *flags)
  assert not out.exists()


def test_a_function_that_fails_on_one_image_stops_no_other(
  pair, checkpoint, functions, tmp_path, capfd
):
  dark = tmp_path / 'dark.png'
  images.write_image(dark, np.full((64, 64, 3), 30, np.uint8))
  name = f'{functions}:fails_on_light'
  networks = [f'--segmenter={name}', f'--refiner={checkpoint}']
  out = tmp_path / 'out'
  assert segment(pair[0], dark, *networks, f'--out={out}') == 2
  (line,) = capfd.readouterr().err.splitlines()
  assert f'{pair[0]}: {name}: cannot segment (RuntimeError: too light)' in line
  assert (out / 'dark_label.png').exists()


def test_the_released_pipeline(pair, checkpoint, tmp_path, fails):
  flags = [f'--checkpoint={checkpoint}', '--pipeline=released']
  out = tmp_path / 'out'
  argv = ['segment', str(pair[0]), *flags, f'--out={out}']
  assert main.main(argv) == 0
  label = images.read_label(out / 'field_label.png', generator.CLASSES)
  truth = images.read_label(pair[1], generator.CLASSES)
  assert np.mean(label == truth) > 0.9
  assert (out / 'field_panel.png').exists()
  line = fails('evaluate', *DATA, *flags, '--methods=multiscale')
  assert '--methods=downsample,patch,magnet' in line
  assert '--pipeline=aligned' in fails(*argv, '--windows=0.5')
  assert 'pipeline' in fails('segment', pair[0], '--pipeline=other')


@pytest.fixture
def corrector_file(tmp_path):
  """Exports a deep guided filter of some classes."""

  def write(classes):
    made = deep_guided.make(num_classes=len(classes), width=3)
    shapes = jax.eval_shape(
      lambda: made.module.init(jax.random.key(0), **made.inputs)
    )
    rng = np.random.default_rng(0)
    variables = jax.tree.map(
      lambda leaf: rng.normal(0, 0.3, leaf.shape).astype(np.float32), shapes
    )
    meta = Meta({'correctors': {'deep_guided': {'width': 3}}}, classes)
    path = tmp_path / f'corrector{len(classes)}.npz'
    bundle.export(path, {'refiner_deep_guided': variables}, meta)
    return path

  return write


def test_methods_with_somebody_elses_segmenter(
  pair, checkpoint, functions, corrector_file, tmp_path
):
  flags = [f'--segmenter={functions}:by_colour', f'--refiner={checkpoint}']
  theirs = [f'--correctors={corrector_file(generator.CLASSES)}']
  found = {}
  for method, more in {
    'patch': [],
    'downsample': [],
    'guided': ['--start=magnet', '--radius=2'],
    'deep-guided': theirs,
  }.items():
    for store in ('memory', 'float32'):
      out = tmp_path / f'{method}{store}'
      assert segment(
        pair[0], f'--out={out}', f'--method={method}', f'--store={store}',
        '--probabilities', *flags, *more,
      ) == 0  # fmt: skip
      found[method, store] = np.load(out / 'field_probabilities.npy')
  for (method, _), maps in found.items():
    np.testing.assert_array_equal(maps, found[method, 'memory'])
  # The corrector starts from the map of windows, and changes it.
  corrects, _ = correctors.read(theirs[0][13:], 'deep_guided')
  given = found['patch', 'memory'].astype(np.float32)
  wanted = corrects.apply(images.read_image(pair[0]), given)
  assert np.abs(found['deep-guided', 'memory'] - given).max() > 0.01
  np.testing.assert_allclose(found['deep-guided', 'memory'], wanted, atol=5e-3)


def test_what_somebody_elses_segmenter_cannot_do(
  pair, checkpoint, functions, corrector_file, fails
):
  flags = [f'--segmenter={functions}:by_colour', f'--refiner={checkpoint}']

  def line(method, *more):
    return fails(
      'segment', pair[0], f'--out={pair[0].parent}', f'--method={method}',
      *flags, *more,
    )  # fmt: skip

  assert 'pointrend: its segmenter has no point head' in line('pointrend')
  assert 'glnet: its segmenter has no branch' in line('glnet')
  assert 'no weights for it; give --correctors=RUN' in line('iterative')
  assert 'its scale is not known' in line('patch-best')
  few = corrector_file(class_tables.get('gleason'))
  found = line('deep-guided', f'--correctors={few}')
  assert 'its deep-guided corrects the' in found and 'must be the same' in found
  found = line('deep-guided', f'--correctors={checkpoint}')
  assert 'holds refiner and segmenter, no corrector; train' in found
