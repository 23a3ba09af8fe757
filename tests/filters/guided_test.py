"""Properties of both guided filters, and the slow form of the first."""

import functools

import numpy as np
import pytest
import slow_guided

from magnet_jax.filters import bands, fast_guided
from magnet_jax.filters import guided as filters
from magnet_jax.filters.box import Box
from magnet_jax.types import InputError

BOTH = [filters.guided, fast_guided.fast_guided]
SIZES = [(1, 1), (1, 17), (17, 1), (2, 2), (13, 22)]


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize(('radius', 'eps'), [(1, 1e-2), (3, 1e-4), (40, 1e-3)])
def test_it_is_the_papers_filter(size, radius, eps):
  image, maps = slow_guided.example(size)
  found = filters.guided(image, maps, radius=radius, eps=eps)
  assert found.dtype == np.float32
  wanted = slow_guided.guided(image / 255, maps, radius=radius, eps=eps)
  np.testing.assert_allclose(found, slow_guided.shares(wanted), atol=1e-6)


@pytest.mark.parametrize('size', [*SIZES, (30, 41)])
@pytest.mark.parametrize(('radius', 'side'), [(8, 4), (2, 2), (7, 3), (40, 5)])
def test_the_fast_one_applies_models_of_cells(size, radius, side, monkeypatch):
  monkeypatch.setattr(fast_guided, '_ROWS', 7)
  monkeypatch.setattr(fast_guided, '_COLUMNS', 10)
  image, maps = slow_guided.example(size)
  found = fast_guided.fast_guided(
    image, maps, radius=radius, eps=1e-3, subsampling=side
  )
  wanted = slow_guided.fast_guided(
    image / 255, maps, radius=radius, eps=1e-3, side=side
  )
  np.testing.assert_allclose(found, slow_guided.shares(wanted), atol=1e-5)


def test_an_image_without_colour_is_a_guide_of_one_channel():
  image, maps = slow_guided.example((13, 22))
  image[..., 1:] = image[..., :1]
  assert not filters.has_colour(image)
  found = filters.guided(image, maps, radius=3, eps=1e-3)
  wanted = slow_guided.guided(image[..., :1] / 255, maps, radius=3, eps=1e-3)
  np.testing.assert_allclose(found, slow_guided.shares(wanted), atol=1e-6)
  image[-1, -1, 2] ^= 1
  assert filters.has_colour(image)


@pytest.mark.parametrize('apply', BOTH)
@pytest.mark.parametrize('size', [*SIZES, (37, 50)])
@pytest.mark.parametrize('radius', [1, 5, 100])
def test_any_size_sums_to_one(apply, size, radius):
  image, maps = slow_guided.example(size)
  before = maps.copy()
  found = apply(image, maps, radius=radius)
  assert found.shape == maps.shape and found.dtype == np.float32
  assert found.min() >= 0
  np.testing.assert_allclose(found.sum(-1), 1, atol=1e-6)
  np.testing.assert_array_equal(maps, before)


@pytest.mark.parametrize('apply', BOTH)
@pytest.mark.parametrize('width', [30, 33])
def test_bands_of_rows_do_not_show(apply, width, monkeypatch):
  image, maps = slow_guided.example((150, width))
  settings = {'radius': 6, 'eps': 1e-4}
  whole = apply(image, maps, **settings)
  monkeypatch.setattr(bands, 'PIXELS', 1)
  monkeypatch.setattr(fast_guided, '_ROWS', 1)
  monkeypatch.setattr(fast_guided, '_COLUMNS', 7)
  np.testing.assert_allclose(apply(image, maps, **settings), whole, atol=1e-6)


@pytest.mark.parametrize('apply', BOTH)
def test_threads_change_no_bit(apply, monkeypatch):
  image, maps = slow_guided.example((60, 45), classes=9)
  results = []
  for count in (0, 1, 5):
    monkeypatch.setattr(bands.cv2, 'getNumThreads', lambda count=count: count)
    results.append(apply(image, maps))
  np.testing.assert_array_equal(results[1], results[0])
  np.testing.assert_array_equal(results[2], results[0])


@pytest.mark.parametrize('apply', BOTH)
def test_memory_does_not_grow_with_the_image(apply, monkeypatch):
  """No plane that is averaged is larger than a few bands."""
  monkeypatch.setattr(bands, 'PIXELS', 20 * 10)
  monkeypatch.setattr(fast_guided, '_ROWS', 16)
  rows = []
  average = Box.__call__

  def watched(box, plane):
    rows.append(len(plane))
    return average(box, plane)

  monkeypatch.setattr(Box, '__call__', watched)
  apply(*slow_guided.example((400, 10)), radius=4)
  assert max(rows) <= 20 + 4 * 4


@pytest.mark.parametrize('apply', [*BOTH])
def test_a_constant_guide_leaves_two_means(apply):
  _, maps = slow_guided.example((24, 32))
  image = np.full((24, 32, 3), 90, np.uint8)
  if apply is fast_guided.fast_guided:
    apply = functools.partial(apply, subsampling=1)
  found = apply(image, maps, radius=4)
  box = Box(4, (24, 32), (0, 24))
  for index in range(maps.shape[-1]):
    twice = box(box(maps[..., index].astype(np.float64)))
    np.testing.assert_allclose(found[..., index], twice, atol=1e-6)


def test_a_large_eps_does_not_see_the_guide():
  image, maps = slow_guided.example((24, 32))
  flat = np.full_like(image, 90)
  np.testing.assert_allclose(
    filters.guided(image, maps, eps=1e9), filters.guided(flat, maps), atol=1e-6
  )


@pytest.mark.parametrize('apply', BOTH)
def test_what_is_linear_in_the_guide_stays(apply):
  """Also where the channels are nearly alike, and eps is very small."""
  rng = np.random.default_rng(0)
  image = rng.integers(0, 255, (40, 48, 1)) + rng.integers(0, 2, (40, 48, 3))
  red, _, blue = (image[..., channel] / 255 for channel in range(3))
  one = 0.1 + 0.3 * red + 0.4 * blue
  maps = np.stack([one, 1 - one], -1).astype(np.float32)
  found = apply(image.astype(np.uint8), maps, radius=4, eps=1e-11)
  if apply is filters.guided:
    np.testing.assert_allclose(found, maps, atol=2e-5)
  else:  # models of the reduced map are as exact, but for the padded ones
    inside = slice(24, -24)
    np.testing.assert_allclose(found[inside], maps[inside], atol=2e-4)


@pytest.mark.parametrize('apply', BOTH)
@pytest.mark.parametrize('absent', [0, 2])
def test_a_class_that_is_absent_stays_so(apply, absent):
  image, maps = slow_guided.example((20, 30))
  maps[..., absent] = 0
  maps = slow_guided.shares(maps + 1e-3 * (np.arange(3) != absent))
  found = apply(image, maps.astype(np.float32), radius=4)
  np.testing.assert_allclose(found[..., absent], 0, atol=1e-6)
  alone = np.ones((20, 30, 1), np.float32)
  np.testing.assert_array_equal(apply(image, alone), alone)


def test_fast_without_subsampling_is_the_filter_itself():
  image, maps = slow_guided.example((30, 41))
  np.testing.assert_allclose(
    fast_guided.fast_guided(image, maps, radius=5, subsampling=1),
    filters.guided(image, maps, radius=5),
    atol=1e-6,
  )


def test_fast_is_near_the_filter_where_the_map_is_smooth():
  image, _ = slow_guided.example((96, 120))
  one = np.linspace(0.1, 0.9, 120)[None].repeat(96, 0)
  maps = np.stack([one, 1 - one], -1).astype(np.float32)
  exact = filters.guided(image, maps, radius=8, eps=4e-4)
  fast = fast_guided.fast_guided(image, maps, radius=8, eps=4e-4)
  assert np.abs(fast - exact).mean() < 0.01


def test_fast_moves_no_outline():
  """Mirrored input gives a mirrored result: nothing is half a pixel off."""
  image, maps = slow_guided.example((48, 64))
  found = fast_guided.fast_guided(image, maps, radius=8)
  turned = fast_guided.fast_guided(
    image[::-1, ::-1], maps[::-1, ::-1], radius=8
  )
  np.testing.assert_allclose(turned[::-1, ::-1], found, atol=1e-6)


@pytest.mark.parametrize('apply', BOTH)
def test_outlines_come_to_those_of_the_image(apply):
  """The label of a disc, seen at an eighth of its size, gets round again."""
  y, x = np.mgrid[:96, :96]
  truth = np.hypot(y - 45, x - 50) < 30
  image = np.where(truth[..., None], [180, 90, 60], [70, 80, 120])
  image = (image + np.random.default_rng(0).integers(0, 9, image.shape)).astype(
    np.uint8
  )
  coarse = truth[4::8, 4::8].repeat(8, 0).repeat(8, 1)
  maps = np.stack([~coarse, coarse], -1).astype(np.float32)
  found = apply(image, maps, radius=8, eps=1e-3).argmax(-1)
  before, after = (coarse != truth).mean(), (found != truth).mean()
  assert before > 0.02 and after < before / 4


@pytest.mark.parametrize('apply', BOTH)
def test_bad_settings(apply):
  image, maps = slow_guided.example((8, 8))
  with pytest.raises(InputError, match='radius 0: must be at least 1'):
    apply(image, maps, radius=0)
  for eps in (0, -1, np.inf, np.nan):
    with pytest.raises(InputError, match=f'eps {eps}: must be a finite'):
      apply(image, maps, eps=eps)
  with pytest.raises(InputError, match=r'size \(7, 8\), image of size \(8, 8'):
    apply(image, maps[1:])
  with pytest.raises(InputError, match='subsampling 0: must be at least 1'):
    fast_guided.fast_guided(image, maps, subsampling=0)
