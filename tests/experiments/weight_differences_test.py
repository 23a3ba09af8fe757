import math
import warnings

import numpy as np
import pytest
import weight_differences

from magnet_jax import types
from magnet_jax.files import bundle


def _tree(seed=0, **more):
  """Variables of a made-up network."""
  rng = np.random.default_rng(seed)

  def draw(*shape):
    return rng.standard_normal(shape).astype(np.float32)

  return {
    'segmenter': {
      'params': {
        'trunk': {
          'conv1': {'kernel': draw(3, 3, 2, 4)},
          'bn1': {'scale': draw(4), 'bias': draw(4)},
        },
        'classify': {'kernel': draw(4, 2), 'bias': draw(2), **more},
      },
      'batch_stats': {'trunk': {'bn1': {'mean': draw(4)}}},
    }
  }


@pytest.fixture
def files(tmp_path):
  """Writes trees as exported models; gives their paths."""

  def write(*trees):
    paths = []
    for number, tree in enumerate(trees):
      paths.append(tmp_path / f'{number}.npz')
      bundle.export(paths[-1], tree, types.Meta())
    return paths

  return write


def test_changes_are_those_of_the_formulas(files):
  arrays = weight_differences.parameters(*files(_tree(0), _tree(1)))
  assert len(arrays) == 6
  found = weight_differences.changes(arrays)
  for change in found:
    a, b = (each.astype(np.float64).ravel() for each in arrays[change.name])
    assert change.largest == pytest.approx(np.abs(a - b).max())
    assert change.relative == pytest.approx(
      np.linalg.norm(b - a) / np.linalg.norm(a)
    )
    assert change.cosine == pytest.approx(
      a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    )
  relative = [change.relative for change in found]
  assert relative == sorted(relative, reverse=True)
  (kernel,) = [c for c in found if c.name.endswith('conv1/kernel')]
  assert kernel.size == '3 x 3 x 2 x 4'


def test_a_block_is_its_arrays_as_one(files):
  arrays = weight_differences.parameters(*files(_tree(0), _tree(1)))
  found = weight_differences.block_changes(arrays)
  names = {change.name for change in found}
  assert names == {
    'segmenter/params/trunk',
    'segmenter/params/classify',
    'segmenter/batch_stats/trunk',
  }
  (trunk,) = [c for c in found if c.name == 'segmenter/params/trunk']
  parts = [p for name, p in arrays.items() if name.startswith(trunk.name)]
  a, b = (np.concatenate([p[side].ravel() for p in parts]) for side in (0, 1))
  (whole,) = weight_differences.changes({'all': (a, b)})
  assert trunk.size == '80 in 3 arrays'
  for key in ('largest', 'relative', 'cosine'):
    assert getattr(trunk, key) == pytest.approx(getattr(whole, key), rel=1e-6)
  (both, _) = weight_differences.block_changes(arrays, depth=2)
  assert both.name in {'segmenter/params', 'segmenter/batch_stats'}


def test_a_checkpoint_equals_itself(files):
  (path,) = files(_tree())
  found = weight_differences.changes(weight_differences.parameters(path, path))
  assert {(c.largest, c.relative) for c in found} == {(0, 0)}
  assert all(c.cosine == pytest.approx(1) for c in found)
  assert '6 of 6 are the same' in str(weight_differences.change_table(found))


def test_odd_numbers_are_shown_and_come_first():
  zero, one = np.zeros(3), np.ones(3)
  arrays = {
    'same zero': (zero, zero),
    'from zero': (zero, one),
    'to zero': (one, zero),
    'nan': (one, one * math.nan),
    'inf': (one * math.inf, one * math.inf),
    'empty': (one[:0], one[:0]),
    'scalar': (np.array(1.0), np.array(1.5)),
    'half': (one.astype(np.float16), one.astype(np.float16) * 2),
  }
  with warnings.catch_warnings():
    warnings.simplefilter('error')
    found = {c.name: c for c in weight_differences.changes(arrays)}
  assert set(list(found)[:3]) == {'nan', 'inf', 'from zero'}
  assert found['same zero'].relative == 0
  assert math.isinf(found['from zero'].relative)
  assert found['to zero'].relative == 1
  assert math.isnan(found['to zero'].cosine)
  assert found['half'].relative == 1
  table = weight_differences.change_table(list(found.values()), most=4)
  assert len(table.body) == 4
  assert '4 with smaller changes' in str(table)


def test_what_two_networks_do_not_share_is_named(files):
  extra = {f'extra{n}': np.zeros(2) for n in range(6)}
  small, large = files(_tree(), _tree(**extra))
  with pytest.raises(types.InputError) as caught:
    weight_differences.parameters(small, large)
  line = str(caught.value)
  assert '\n' not in line
  assert f'6 in {large} alone (segmenter/params/classify/extra0' in line
  assert 'and 2 more' in line
  tree = _tree()
  tree['segmenter']['params']['classify']['bias'] = np.zeros(5)
  with pytest.raises(types.InputError, match=r'classify/bias \[2\] and \[5\]'):
    weight_differences.parameters(*files(_tree(), tree))


def test_a_part_that_both_have_can_be_compared(files):
  other = {'refiner': {'params': {'conv': {'kernel': np.ones((2, 2))}}}}
  paths = files(_tree(), _tree() | other)
  with pytest.raises(types.InputError, match='refiner/params/conv/kernel'):
    weight_differences.parameters(*paths)
  assert len(weight_differences.parameters(*paths, only='segmenter/')) == 6
  with pytest.raises(types.InputError, match="that begins with 'trunk'"):
    weight_differences.parameters(*paths, only='trunk')


def test_paths_without_a_checkpoint_are_named(files, tmp_path):
  (path,) = files(_tree())
  with pytest.raises(types.InputError, match='none'):
    weight_differences.parameters(path, tmp_path / 'none')
  with pytest.raises(types.InputError, match='holds no checkpoint'):
    weight_differences.parameters(tmp_path, path)
