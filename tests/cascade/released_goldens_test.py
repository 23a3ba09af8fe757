"""Every stage as the published code computed it, on seeded weights."""

import pathlib

import cv2
from goldens import seeded_weights
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.cascade import released
from magnet_jax.cascade.cascade import Cascade
from magnet_jax.cascade.options import Options
from magnet_jax.models import build
from magnet_jax.refiners import magnet

pytestmark = pytest.mark.usefixtures('one_device')
GOLDENS = pathlib.Path(__file__).parents[1] / 'goldens'


def _published_refiner(name, classes, calibration):
  """A refiner on seeded weights; `calibration` by published names."""
  module = build.refinement(num_classes=classes)
  maps = jnp.zeros((1, 8, 8, classes))
  template = jax.eval_shape(
    lambda: module.init(jax.random.key(0), scale=maps, coarse=maps)
  )
  variables = seeded_weights.variables(name, 'refiner', template, calibration)
  return jax.tree_util.Partial(module.apply, variables)


def _with_prefix(arrays, prefix):
  return {
    name.removeprefix(prefix): array
    for name, array in arrays.items()
    if name.startswith(prefix)
  }


def _one_by_one(weight, bias, images):
  return images @ weight + bias.reshape(1, 1, 1, -1)


def _golden_stages(golden, refiners):
  """The golden's image through our stages."""
  network, window = (
    tuple(golden[name][::-1].tolist()) for name in ('input_wh', 'crop_wh')
  )
  plan = released.planner(
    {
      'network': network,
      'window': window,
      'scales': golden['scales_wh'][:, ::-1].tolist(),
    }
  )
  segmenter = jax.tree_util.Partial(
    _one_by_one, golden['segmenter_weight'].T, golden['segmenter_bias']
  )
  cascade = Cascade(
    segmenter,
    [magnet.refiner(each) for each in refiners],
    network=network,
    options=Options(
      points=golden['n_points'].item(), kernel=golden['kernel'].item()
    ),
    policy=released.RELEASED,
  )
  image = cv2.imdecode(golden['image_webp'], cv2.IMREAD_COLOR_RGB)
  return cascade.stages(image, plan(image.shape[:2]))


@pytest.mark.parametrize('classes', [19, 7])
def test_every_stage_is_the_published_one(classes):
  with np.load(GOLDENS / f'released_pipeline_{classes}.npz') as file:
    golden = dict(file)
  if classes == 19:
    names = ['refiner19_512', 'refiner19_1024', 'refiner19_2048']
    calibrations = [_with_prefix(golden, f'{name}/') for name in names]
  else:
    names = ['refiner7']
    with np.load(GOLDENS / 'refiner7.npz') as file:
      calibrations = [_with_prefix(file, 'calibration/')]
  refiners = [
    _published_refiner(name, classes, calibration)
    for name, calibration in zip(names, calibrations, strict=True)
  ]
  for result in _golden_stages(golden, refiners):
    index, found = result.stage.index, result.probabilities
    assert found.shape[:2] == result.stage.size
    same = found.argmax(-1) == golden[f'stage{index}_argmax']
    assert same.mean() >= 0.999
    stride = 4 * 2**index
    maps = golden[f'stage{index}_probs_stride{stride}'].astype(np.float32)
    near = np.abs(found[::stride, ::stride] - np.moveaxis(maps, 0, -1)) < 2e-3
    if index == 0:
      assert near.all()
      continue
    packed = golden[f'stage{index}_points_packed']
    points = np.unpackbits(packed)[: same.size].astype(bool)
    points = points.reshape(same.shape)
    both = (points & result.chosen).sum()
    assert both / (points | result.chosen).sum() >= 0.999
    alike = (points == result.chosen)[::stride, ::stride]
    assert near[alike].all()
  assert index == len(golden['scales_wh']) - 1
