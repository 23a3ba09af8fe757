"""What a method does with files is what it does in `evaluate`."""

import dataclasses
import functools

import jax
import numpy as np
import pytest
import toy_model

from magnet_jax.files import images
from magnet_jax.filters import guided
from magnet_jax.filters.table import Filter
from magnet_jax.methods import recipes, table
from magnet_jax.predict import batch_run, correctors
from magnet_jax.predict.budget import Budget
from magnet_jax.predict.correction import Correction
from magnet_jax.predict.outputs import Outputs
from magnet_jax.types import InputError

SIZE = (150, 70)
STREAMED = {
  'downsample': {},
  'patch': {'scale': 0.8, 'overlap': 0.5},
  'patch-best': {},
  'magnet-fast': {},
  'guided': {'radius': 2},
  'fast-guided': {'start': 'downsample'},
  'dense-crf': {'bilateral_sigma': 60.0, 'colour_sigma': 80.0},
  'deep-guided': {},
  'iterative': {},
}
IN_MEMORY = {
  'multiscale': {},
  'segfix': {},
}


class Quiet:
  """A progress bar that shows nothing, but keeps the remarks."""

  def __init__(self):
    self.lines = []

  def __getattr__(self, name):
    return lambda *given: self.lines.extend(given[:1])


def _corrector(name, model, **settings):
  """A corrector whose variables are drawn."""
  classes = len(model.classes)
  made = correctors.make(name, settings, classes)
  shapes = jax.eval_shape(
    lambda: made.module.init(jax.random.key(0), **made.inputs)
  )
  rng = np.random.default_rng(0)
  variables = jax.tree.map(
    lambda leaf: rng.uniform(0.1, 0.6, leaf.shape).astype(np.float32), shapes
  )
  return correctors.of_variables(name, made, variables, classes)


@functools.cache
def _model():
  model = toy_model.make(patch_scale=0.6)
  flat = Filter(lambda image, maps: maps[::-1], 'turns a map upside down')
  trained = {
    'deep_guided': _corrector('deep_guided', model, width=4, radius=2),
    'iterative': _corrector('iterative', model, width=2, times=1),
    'segfix': flat,
  }
  return dataclasses.replace(model, correctors=trained)


@pytest.fixture(scope='module', name='field')
def make_field(tmp_path_factory):
  path = tmp_path_factory.mktemp('field') / 'field.png'
  images.write_image(path, toy_model.sample(size=SIZE).image)
  return path


def _run(recipe, path, folder, budget, **others):
  return batch_run.segment_files(
    recipe,
    [path],
    folder,
    outputs=Outputs(panel=False, confidence=True, probabilities=True),
    budget=budget,
    progress=Quiet(),
    **others,
  )


def _segmented(recipe, path, folder, store='memory'):
  found = _run(recipe, path, folder, Budget(store, 9))
  assert not found.errors
  label = images.read_label(folder / 'field_label.png', _model().classes)
  return np.load(folder / 'field_probabilities.npy'), label


@pytest.mark.parametrize('name', [*STREAMED, *IN_MEMORY])
def test_files_get_what_the_method_makes(name, field, tmp_path):
  settings = {**STREAMED, **IN_MEMORY}[name]
  recipe = recipes.make(_model(), name, **settings)
  found, label = _segmented(recipe, field, tmp_path / 'a', store='memory')
  method = table.make(_model(), [name], **settings)[name]
  wanted, _ = method.segment(images.read_image(field))
  np.testing.assert_allclose(found, wanted, atol=1e-3)
  second, first = np.partition(wanted, -2)[..., -2:].transpose(2, 0, 1)
  sure = first - second > 0.01
  assert sure.mean() > 0.5
  np.testing.assert_array_equal(label[sure], wanted.argmax(-1)[sure])

  if name in IN_MEMORY:
    assert f'{name} ' in recipe.in_memory
    return
  assert not recipe.in_memory
  streamed, other = _segmented(recipe, field, tmp_path / 'b', store='float32')
  np.testing.assert_array_equal(label, other)
  np.testing.assert_array_equal(found, streamed)
  sure, same = (
    (tmp_path / folder / 'field_confidence.png').read_bytes() for folder in 'ab'
  )
  assert sure == same


def test_what_cannot_be_streamed_says_what_to_do(field, tmp_path):
  for name, words in (
    ('multiscale', 'multiscale works in memory only'),
    ('segfix', 'segfix corrects a map as a whole'),
  ):
    recipe = recipes.make(_model(), name)
    found = _run(recipe, field, tmp_path, Budget('uint16'))
    (line,) = found.errors
    assert f'field.png: --store=uint16: {words}' in line
    assert 'choose another --method, allow more with --memory=GB' in line
    with pytest.raises(InputError, match=f'--divide=windows: {words}'):
      _run(recipe, field, tmp_path, Budget(), divide='windows')


def test_released_pipelines_run_in_memory(field, tmp_path):
  released = dataclasses.replace(_model(), pipeline='released')
  recipe = recipes.make(released, 'guided')
  assert 'patch works in memory only' in recipe.in_memory
  found, _ = _segmented(recipe, field, tmp_path)
  method = table.make(released, ['guided'])['guided']
  wanted, _ = method.segment(images.read_image(field))
  np.testing.assert_allclose(found, wanted, atol=1e-3)


def test_an_image_without_colour_is_told_of_once(tmp_path):
  recipe = recipes.make(_model(), 'guided')
  paths = [tmp_path / f'{name}.png' for name in 'abc']
  pixels = toy_model.sample(size=(40, 40)).image
  for path, image in zip(
    paths, (pixels[..., 0], pixels, pixels[..., 1]), strict=True
  ):
    images.write_image(path, image)
  found = batch_run.segment_files(
    recipe,
    paths,
    tmp_path / 'out',
    outputs=Outputs(panel=False),
    budget=Budget(),
    progress=Quiet(),
  )
  assert found.notes == (guided.note(pixels[..., :1].repeat(3, -1)),)


def test_bad_settings_are_found_before_anything_is_segmented():
  for name, settings, words in (
    ('sharpen', {}, '--method=sharpen: unknown; choose from downsample'),
    ('glnet', {}, r'glnet: its segmenter .*or choose --method=downsample\|pat'),
    (
      'cascade-psp',
      {},
      'the model has no weights for it; .*--stage=cascade_psp',
    ),
    ('patch', {'radius': 3}, '--radius: patch has no such setting'),
    ('magnet', {'start': 'patch'}, '--start: magnet has no such setting'),
    ('multiscale', {'start': 'patch'}, '--start: multiscale has no such'),
    ('guided', {'radius': 0}, 'radius 0: must be at least 1'),
    ('guided', {'start': 'glnet'}, '--start=glnet: unknown'),
    ('patch', {'scale': 2.0}, '--scale=2.0: must be'),
  ):
    with pytest.raises(InputError, match=words):
      recipes.make(_model(), name, **settings)


def test_a_stopped_correction_is_resumed_with_its_settings(
  field, tmp_path, monkeypatch
):
  recipe = recipes.make(_model(), 'guided', radius=2)
  wanted, label = _segmented(recipe, field, tmp_path / 'a')

  def stopped(*_):
    raise KeyboardInterrupt

  with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
    patch.setattr(Correction, 'stream', stopped)
    _run(recipe, field, tmp_path / 'b', Budget('float32', 9))
  other = recipes.make(_model(), 'guided', radius=3)
  (line,) = _run(other, field, tmp_path / 'b', Budget('float32', 9)).errors
  assert 'that differs in correction: it resumes only' in line
  found, same = _segmented(recipe, field, tmp_path / 'b', store='float32')
  np.testing.assert_array_equal(found, wanted)
  np.testing.assert_array_equal(label, same)
  assert not (tmp_path / 'b/field.partial').exists()
