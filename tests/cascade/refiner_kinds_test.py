"""Refiners of any kind in the cascade, and what its arguments change."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import toy_networks

from magnet_jax.cascade.cascade import Cascade
from magnet_jax.cascade.options import Options
from magnet_jax.cascade.released import RELEASED
from magnet_jax.ops import area, resize, selection, windows
from magnet_jax.refiners import magnet
from magnet_jax.refiners.refiner import Refiner
from magnet_jax.types import InputError

pytestmark = pytest.mark.usefixtures('one_device')
SIZE = (40, 50)
IMAGE = toy_networks.image(SIZE)
MIXING = magnet.refiner(toy_networks.mixing)


def _cascade(refiner=MIXING, *, segmenter=None, arguments=None, **options):
  return Cascade(
    segmenter or toy_networks.random_segmenter(),
    [refiner],
    network=toy_networks.WINDOW,
    options=Options(**{'kernel': 1, 'points': 0.5, **options}),
    **(arguments or {}),
  )


def _stages(**settings):
  return toy_networks.make_plan(SIZE, **settings)


@pytest.mark.parametrize('selection', ['window', 'image'])
def test_a_refiner_may_replace_everywhere(selection):
  def apply(variables, seen):
    return jnp.log(seen.scale + 1e-9)

  everywhere = Refiner(apply, choice='everywhere')
  stages = _stages(overlap=0.3)
  cascade = _cascade(everywhere, points=0.1, selection=selection)
  *_, last = cascade.stages(IMAGE, stages)
  assert last.chosen.all()
  # R is O: the last stage is its own blended windows.
  np.testing.assert_allclose(
    last.probabilities, cascade.patches(IMAGE, stages[-1].grid), atol=1e-5
  )


def test_a_refiner_sees_normalised_images_where_it_needs_them():
  def apply(weights, seen):
    assert seen.scale is None
    return seen.images @ weights

  weights = np.full((3, toy_networks.CLASSES), 1, np.float32)
  weights[:, 1] = [3, -2, 1]
  refiner = Refiner(
    apply, weights, needs=frozenset({'images'}), choice='everywhere'
  )
  stages = _stages()
  *_, last = _cascade(refiner).stages(IMAGE, stages)
  expected = _cascade(
    segmenter=lambda images: images @ jnp.asarray(weights)
  ).patches(IMAGE, stages[-1].grid)
  np.testing.assert_allclose(last.probabilities, expected, atol=1e-5)


def test_the_segmenter_is_not_traced_for_a_refiner_without_scale():
  shapes = []

  def segmenter(images):
    shapes.append(images.shape)
    return toy_networks.pixelwise(images)

  sharpen = Refiner(
    lambda variables, seen: 2 * jnp.log(seen.coarse + 1e-9), needs=frozenset()
  )
  for _ in _cascade(sharpen, segmenter=segmenter).stages(
    IMAGE, _stages(stages=3)
  ):
    pass
  assert len(shapes) == 1  # stage 0


def test_a_refiner_may_return_probabilities():
  def logits(variables, seen):
    return toy_networks.mixing(scale=seen.scale, coarse=seen.coarse)

  def shares(variables, seen):
    return jax.nn.softmax(logits(variables, seen))

  one, other = (
    _cascade(refiner).segment(IMAGE, _stages())
    for refiner in (Refiner(logits), Refiner(shares, outputs='probabilities'))
  )
  np.testing.assert_array_equal(one, other)
  with pytest.raises(ValueError, match='logits, probabilities'):
    _cascade(Refiner(logits, outputs='labels'))


def test_unknown_needs_and_choices_list_the_known_ones():
  for settings in ({'needs': frozenset({'sound'})}, {'choice': 'nowhere'}):
    refiner = Refiner(lambda variables, seen: seen.coarse, **settings)
    with pytest.raises(ValueError, match=r'scale, images.*points, everywhere'):
      _cascade(refiner)


@pytest.mark.parametrize('selection', ['window', 'image'])
@pytest.mark.parametrize('overlap', [0.0, 0.3])
def test_the_last_stage_is_mixed_with_its_own_blended_windows(
  selection, overlap
):
  stages = _stages(stages=3, overlap=overlap)
  plain, mixed = (
    list(_cascade(mix=mix, selection=selection).stages(IMAGE, stages))
    for mix in (0.0, 0.3)
  )
  for before, after in zip(plain[:-1], mixed[:-1], strict=True):
    np.testing.assert_array_equal(before.probabilities, after.probabilities)
  own = _cascade().patches(IMAGE, stages[-1].grid)
  np.testing.assert_allclose(
    mixed[-1].probabilities,
    0.7 * plain[-1].probabilities + 0.3 * own,
    atol=1e-5,
  )
  np.testing.assert_array_equal(mixed[-1].chosen, plain[-1].chosen)


def test_a_mix_of_1_in_windows_larger_than_the_network():
  stages = toy_networks.make_plan((80, 100), window=(61, 61), overlap=0.1)
  cascade = toy_networks.random_cascade(network=(50, 50), mix=1.0)
  image = toy_networks.image((80, 100))
  np.testing.assert_allclose(
    cascade.segment(image, stages),
    cascade.patches(image, stages[-1].grid),
    atol=2e-3,
  )


@pytest.mark.parametrize('selection', ['window', 'image'])
def test_a_mix_leaves_windows_alone_that_are_not_refined(selection):
  size = (32, 48)
  image, stages = toy_networks.image(size), toy_networks.make_plan(size)
  plain, mixed = (
    list(
      _cascade(windows=2, mix=mix, selection=selection).stages(image, stages)
    )[-1]
    for mix in (0.0, 1.0)
  )
  grid = stages[-1].grid
  assert plain.windows == mixed.windows and len(mixed.windows) == 2
  for number, (top, left) in enumerate(grid.corners):
    inside = np.s_[top : top + 16, left : left + 16]
    off = np.abs(plain.probabilities[inside] - mixed.probabilities[inside])
    assert (off.max() < 1e-6) == (number not in mixed.windows)


def test_a_mix_needs_windows_to_mix_with():
  blind = Refiner(lambda variables, seen: seen.coarse, needs=frozenset())
  with pytest.raises(InputError, match=r'mix 0\.5.*does not use'):
    _cascade(blind, mix=0.5)
  with pytest.raises(InputError, match=r'mix 0\.5: the released pipeline'):
    _cascade(mix=0.5, arguments={'policy': RELEASED})


@pytest.mark.parametrize('by', ['window', 'image'])
def test_another_score_chooses_other_points(by):
  """The darkest points of the coarse map's first class."""

  def first_class(*, coarse, refined, kernel, valid):
    inside = selection.score(
      coarse=coarse, refined=refined, kernel=kernel, valid=valid
    )
    return jnp.where(inside >= 0, 1 - coarse[..., 0], -1.0)

  size = (30, 37)
  stages = toy_networks.make_plan(SIZE, window=size, stages=2)
  cascade = Cascade(
    toy_networks.random_segmenter(),
    [MIXING],
    network=size,
    options=Options(kernel=1, points=0.2, selection=by),
    score=first_class,
  )
  first, last = cascade.stages(IMAGE, stages)
  coarse = resize.probabilities(first.probabilities, SIZE)[..., 0]
  if by == 'image':
    assert coarse[last.chosen].max() <= coarse[~last.chosen].min() + 0.02
  else:
    assert coarse[last.chosen].mean() < coarse[~last.chosen].mean() - 0.1


def test_other_weights_blend_windows():
  def flat(length, window, starts):
    covered = np.zeros(max(length, window))
    for start in starts:
      covered[start : start + window] += 1
    weights = np.stack([1 / covered[s : s + window] for s in starts])
    inside = np.asarray(starts)[:, None] + np.arange(window) < length
    return (weights * inside).astype(np.float32)

  grid = windows.make_grid((16, 24), toy_networks.WINDOW, 0.5)
  assert grid.lefts == (0, 8)
  image = toy_networks.image((16, 24))
  cascade = _cascade(arguments={'weights': flat})
  left, right = (
    cascade.patches(
      image[:, start : start + 16], windows.make_grid((16, 16), (16, 16))
    )
    for start in (0, 8)
  )
  found = cascade.patches(image, grid)
  np.testing.assert_allclose(
    found[:, 8:16], (left[:, 8:] + right[:, :8]) / 2, atol=1e-5
  )
  for overlap in (0.0, 0.4):
    stages = _stages(overlap=overlap)
    result = cascade.segment(IMAGE, stages)
    np.testing.assert_allclose(result.sum(-1), 1, atol=1e-5)
  tents = _cascade().segment(IMAGE, stages)
  assert np.abs(tents - result).max() > 1e-3


def test_a_stage_without_windows_is_the_map_before_resized():
  stages = _stages()
  whole = stages[0]
  last = stages[-1]
  empty = type(last)(1, windows.WindowGrid(SIZE, (16, 16), (), ()))
  first, resized = _cascade().stages(IMAGE, (whole, empty))
  assert resized.windows == () and resized.chosen is None
  np.testing.assert_allclose(
    resized.probabilities,
    resize.probabilities(first.probabilities, SIZE),
    atol=1e-6,
  )
  assert area.shrink(IMAGE, SIZE) is IMAGE
