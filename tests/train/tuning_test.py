"""K is chosen by its score; each K has its own records."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.configs import tiny
from magnet_jax.files import records
from magnet_jax.predict import model as models
from magnet_jax.refiners import magnet
from magnet_jax.scenes import generator
from magnet_jax.train import tuning
from magnet_jax.types import InputError, Sample

CLASSES = len(generator.CLASSES)


def _segmenter(weights, images):
  return images @ weights


def _refiner(share, *, scale, coarse):
  """`share` of the finer map, the rest of the coarse one."""
  return jnp.log(share * scale + (1 - share) * coarse + 1e-6)


def _model(share=1.0):
  """Class 1 is bright; the finer map is right if the image is sharp."""
  weights = np.zeros((3, CLASSES), np.float32)
  weights[:, 1] = 3
  settings = tiny.get_config().to_dict()
  return models.Model(
    jax.tree_util.Partial(_segmenter, weights),
    (magnet.refiner(jax.tree_util.Partial(_refiner, np.float32(share))),),
    generator.CLASSES,
    {'plan': settings['plan'], 'refine': settings['refine']},
  )


def _sample(seed, labelled=True):
  rng = np.random.default_rng(seed)
  label = (rng.random((64, 64)) < 0.5).astype(np.uint8)
  image = np.repeat(label[..., None] * np.uint8(255), 3, axis=-1)
  return Sample(f'noise-{seed}', image, label if labelled else None)


LOADS = [functools.partial(_sample, seed) for seed in range(2)]
SETTINGS = {'split': 'val'}


def test_the_best_is_taken_and_told(tmp_path):
  shares = [0.9, 0.1, 0.5]
  found = tuning.tune(
    _model(), LOADS, shares, folder=tmp_path, settings=SETTINGS
  )
  assert list(found.points.values()) == [0.1, 0.5, 0.9]
  # Fine noise: stage 0 knows nothing, every corrected point helps.
  assert found.best == 0.9
  text = tuning.text(found)
  assert text.endswith('best mIoU: K 0.9')
  assert 'K 0.9 minus this' in text and '2 images' in text
  assert (tmp_path / tuning.PICTURE).stat().st_size > 1000


def test_each_k_scores_as_a_cascade_of_its_own(tmp_path):
  model = _model()
  found = tuning.tune(
    model, LOADS[:1], [0.0, 0.3, 1.0], folder=tmp_path, settings=SETTINGS
  )
  sample = LOADS[0]()
  for name, k in found.points.items():
    (record,) = (r for r in found.found if r['method'] == name)
    prediction = models.segment_image(model, sample.image, points=k)
    matrix = np.zeros((CLASSES, CLASSES), int)
    np.add.at(matrix, (sample.label, prediction), 1)
    assert record['confusion'] == matrix.tolist()


def test_of_equals_the_smallest(tmp_path):
  found = tuning.tune(
    _model(share=0.0), LOADS, [0.7, 0.2], folder=None, settings=SETTINGS
  )
  assert found.best == 0.2


def test_an_interrupted_run_goes_on(tmp_path):
  model = _model()
  run = functools.partial(
    tuning.tune, model, LOADS, folder=tmp_path, settings=SETTINGS
  )
  run([0.1, 0.5])
  first = records.read(tmp_path / 'records.jsonl')
  again = run([0.5, 0.9])
  assert list(again.points) == ['K 0.5', 'K 0.9']
  assert {r['method'] for r in again.found} == {'K 0.5', 'K 0.9'}
  kept = records.read(tmp_path / 'records.jsonl')
  assert len(kept) == 6 and all(record in kept for record in first)
  fewer = tuning.tune(
    model, LOADS[:1], [0.5, 0.9], folder=tmp_path, settings=SETTINGS
  )
  assert {r['image'] for r in fewer.found} == {'noise-0'}


def test_a_bad_image_stops_no_other():
  loads = [functools.partial(_sample, 3, labelled=False), *LOADS]
  found = tuning.tune(_model(), loads, [0.5], folder=None, settings=SETTINGS)
  assert len(found.found) == 2
  assert len(found.errors) == 1 and 'noise-3' in found.errors[0]


def test_bad_input():
  tune = functools.partial(tuning.tune, folder=None, settings=SETTINGS)
  model = _model()
  for points, words in ([], 'no candidate'), ([1.2], 'points 1.2'):
    with pytest.raises(InputError, match=words):
      tune(model, LOADS, points)
  with pytest.raises(InputError, match='name some'):
    tune(model, [], [0.5])
  with pytest.raises(InputError, match='no label'):
    tune(model, [functools.partial(_sample, 3, labelled=False)], [0.5])
  for other in (
    dataclasses.replace(model, refiners=()),
    dataclasses.replace(model, pipeline='released'),
  ):
    with pytest.raises(InputError, match='aligned pipeline and a refiner'):
      tune(other, LOADS, [0.5])
