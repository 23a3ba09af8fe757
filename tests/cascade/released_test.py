"""The released pipeline: against a NumPy version, and how its stages differ."""

import functools

import cv2
import jax
import numpy as np
import pytest
from scipy import ndimage
import toy_networks

from magnet_jax.cascade import released
from magnet_jax.cascade.cascade import Cascade
from magnet_jax.cascade.options import Options
from magnet_jax.ops import resize, windows
from magnet_jax.refiners import magnet
from magnet_jax.types import InputError

pytestmark = pytest.mark.usefixtures('one_device')
CLASSES = toy_networks.CLASSES


def _image(size, seed=0):
  rng = np.random.default_rng(seed)
  return rng.integers(0, 256, (*size, 3), np.uint8)


def _released(refiners=(toy_networks.mixing,), network=(8, 8), **options):
  settings = {'kernel': 3, 'points': 0.4, **options}
  return Cascade(
    toy_networks.pixelwise,
    [magnet.refiner(each) for each in refiners],
    network=network,
    options=Options(**settings),
    policy=released.RELEASED,
  )


def _plan(size, scales, window=(8, 8), **settings):
  return released.planner(
    {'network': (8, 8), 'window': window, 'scales': scales, **settings}
  )(size)


def _resized(pixels, size):
  return cv2.resize(pixels, size[::-1], interpolation=cv2.INTER_LINEAR)


def _starts(length):
  count = -(-length // 8)
  return [i * ((length - 8) // max(count - 1, 1)) for i in range(count)]


def _reference_stage(image, before, size):
  """Y, R, their scores and what windows cover, in NumPy, all sides 8."""
  h, w = size
  pixels = _resized(image, size)
  y = _resized(before, size)
  # RoIAlign of a box of the network's size: the mean of 2x2 pixels.
  beyond = np.pad(y, [(0, 1), (0, 1), (0, 0)], mode='edge')
  half = (beyond[1:] + beyond[:-1]) / 2
  half = (half[:, 1:] + half[:, :-1]) / 2
  r, times = np.zeros_like(y), np.zeros((h, w, 1))
  for left in _starts(w):
    for top in _starts(h):
      area = np.s_[top : top + 8, left : left + 8]
      o, c = toy_networks.segmented(pixels[area]), half[area]
      r[area] = toy_networks.softmax(4 * o + 2 * np.roll(c, 1, axis=0) - 2 * c)
      times[area] += 1
  r /= np.maximum(times, 1)
  q = toy_networks.unsure(y) * (1 - toy_networks.unsure(r))
  q = q[np.arange(8) * h // 8][:, np.arange(8) * w // 8]
  q = ndimage.median_filter(q, 3, mode='constant')
  q = q[np.arange(h) * 8 // h][:, np.arange(w) * 8 // w]
  return y, r, q, times[..., 0] > 0


@pytest.mark.parametrize(
  'scales',
  [
    [(8, 8), (16, 16), (32, 32)],  # windows that divide the scales
    [(6, 9), (15, 21)],  # overlaps, and a column that none reaches
  ],
)
def test_equals_the_published_stages_written_in_numpy(scales):
  image, points = _image((32, 32)), 40
  cascade = _released(points=points)
  first, *results = cascade.stages(image, _plan((32, 32), scales))
  results = results[: len(scales) - 1]
  before = first.probabilities
  smallest = _resized(_resized(image, scales[0]), (8, 8))
  expected = toy_networks.segmented(smallest)
  np.testing.assert_allclose(before, expected, atol=1e-5)
  for size, result in zip(scales[1:], results, strict=True):
    y, r, q, covered = _reference_stage(image, before, size)
    chosen, lowest = result.chosen, np.sort(q, axis=None)[-points]
    # All of higher score, and of those that tie as many as it takes.
    assert chosen[covered & (q > lowest + 1e-5)].all()
    assert not chosen[~covered | (q < lowest - 1e-5)].any()
    missed = (~covered & (q >= lowest)).sum()
    assert points - missed <= chosen.sum() <= points
    before = result.probabilities
    expected = np.where(chosen[..., None], r, y)
    np.testing.assert_allclose(before, expected, atol=1e-5)


def test_overlaps_are_divided_and_what_no_window_reaches_is_kept():
  size = (15, 21)
  _, result, _ = _released(points=1.0).stages(
    _image((32, 32)), _plan((32, 32), [(8, 8), size])
  )
  sums = np.ones(size)
  sums[7, :20] /= 2  # rows 0 to 7 and 7 to 14
  sums[:, [6, 7, 12, 13]] /= 2  # columns from 0, 6 and 12
  np.testing.assert_allclose(result.probabilities.sum(-1), sums, atol=1e-5)
  assert result.chosen[:, :20].all()
  assert not result.chosen[:, 20].any()


def test_results_have_the_sizes_and_windows_of_their_stages():
  image = _image((20, 30))
  stages = _plan((20, 30), [(6, 9), (16, 24)])
  cascade = _released(network=(8, 8))
  first, second, last = cascade.stages(image, stages)
  assert first.stage.size == (8, 8)  # the network's
  assert first.chosen is None and first.windows == (0,)
  assert second.stage == stages[1]
  assert second.windows == tuple(range(6))
  assert second.chosen.sum() == np.ceil(0.4 * 16 * 24)
  # Then as large as the image: no networks, no points.
  assert (last.stage.index, last.stage.size) == (2, (20, 30))
  assert last.chosen is None and last.windows == ()
  for result in (first, second, last):
    assert result.probabilities.shape == (*result.stage.size, CLASSES)
    assert result.probabilities.dtype == np.float32
  np.testing.assert_array_equal(
    last.probabilities, resize.probabilities(second.probabilities, (20, 30))
  )
  np.testing.assert_array_equal(
    cascade.segment(image, stages), last.probabilities
  )


def test_no_points_keep_the_upsampled_map():
  image = _image((32, 32))
  first, last = _released(points=0).stages(
    image, _plan((32, 32), [(8, 8), (32, 32)])
  )
  np.testing.assert_array_equal(
    last.probabilities, resize.probabilities(first.probabilities, (32, 32))
  )


@pytest.mark.parametrize(('count', 'used'), [(1, [0, 0, 0]), (2, [0, 1, 1])])
def test_every_stage_has_its_refiner_and_the_last_serves_the_rest(count, used):
  def sure_of(number, *, scale, coarse):
    del coarse
    return 20 * jax.nn.one_hot(number, CLASSES)[None, None, None] + 0 * scale

  refiners = [functools.partial(sure_of, number) for number in range(count)]
  image = _image((32, 32))
  scales = [(8, 8), (16, 16), (24, 24), (32, 32)]
  results = list(
    _released(refiners, points=1.0).stages(image, _plan((32, 32), scales))
  )
  found = [r.probabilities.argmax(-1) for r in results[1:]]
  assert [set(np.unique(f).tolist()) for f in found] == [{n} for n in used]


def test_plans_without_scales_take_the_sizes_of_the_aligned_plan():
  settings = {'factor': 2.0, 'stages': 3, 'overlap': 0.0}
  found = _plan((16, 32), [], window=(0, 0), **settings)
  assert [stage.size for stage in found] == [(4, 8), (8, 16), (16, 32)]
  assert [stage.index for stage in found] == [0, 1, 2]
  assert [len(stage.grid) for stage in found] == [1, 2, 8]
  # Where the published code cannot look at once, it looks all the same.
  first, last = _plan((20, 40), [(30, 50)])
  assert first.grid.window == (30, 50)
  # The image's own size follows without windows.
  assert (last.size, len(last.grid)) == ((20, 40), 0)


def test_patches_are_those_of_the_aligned_pipeline():
  image = _image((20, 30))
  grid = windows.make_grid((20, 30), (8, 8), 0.25)
  aligned = Cascade(
    toy_networks.pixelwise, (), network=(8, 8), options=Options()
  )
  np.testing.assert_array_equal(
    _released().patches(image, grid), aligned.patches(image, grid)
  )


@pytest.mark.parametrize('share', [0.25, 1, 3])
def test_refuses_magnet_fast_and_says_why(share):
  with pytest.raises(InputError, match=r'least uncertain.*pipeline=aligned'):
    _released(windows=share)


def test_bad_plans_and_missing_refiners_are_named():
  with pytest.raises(InputError, match=r'scales \[\(0, 8\)\]'):
    _plan((8, 8), [(0, 8)])
  stages = _released(refiners=()).stages(
    _image((16, 16)), _plan((16, 16), [(8, 8), (16, 16)])
  )
  assert next(stages).probabilities.shape == (8, 8, CLASSES)
  with pytest.raises(InputError, match='without a refiner'):
    next(stages)
