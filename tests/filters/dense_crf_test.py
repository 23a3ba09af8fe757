import cv2
import numpy as np
import pytest
import slow_dense_crf

from magnet_jax.filters import bands, dense_crf, table
from magnet_jax.types import InputError


# Of these, noise has hardly two pixels alike, so that errors do not average.
@pytest.mark.parametrize(
  ('kind', 'cells', 'mean', 'highest'),
  [
    ('fields', None, 1e-3, 0.01),
    ('ramp', None, 1e-3, 0.01),
    ('noise', None, 1e-3, 0.01),
    ('fields', 1.6, 1e-3, 0.03),
    ('ramp', 1.6, 1e-3, 0.03),
    ('noise', 1.6, 2e-3, 0.06),
  ],
)
def test_a_step_is_nearly_the_exact_sum(kind, cells, mean, highest):
  image, maps = slow_dense_crf.example(kind)
  error = np.abs(
    dense_crf.dense_crf(image, maps, steps=1, cells=cells)
    - slow_dense_crf.dense_crf(image, maps, steps=1)
  )
  assert error.mean() < mean
  assert error.max() < highest


def test_large_images_have_fewer_cells(monkeypatch):
  image, maps = slow_dense_crf.example('ramp', (20, 30))
  monkeypatch.setattr(dense_crf, '_SMALL', 599)
  np.testing.assert_array_equal(
    dense_crf.dense_crf(image, maps),
    dense_crf.dense_crf(image, maps, cells=1.6),
  )


def test_more_cells_are_more_exact():
  image, maps = slow_dense_crf.example('fields', (30, 30))
  exact = slow_dense_crf.dense_crf(image, maps, steps=1)
  errors = [
    np.abs(
      dense_crf.dense_crf(image, maps, steps=1, cells=cells) - exact
    ).mean()
    for cells in (1.6, 3.2, 6.4)
  ]
  assert errors[1] < errors[0] / 2
  assert errors[2] < errors[1] / 2


def test_the_gaussian_kernel_is_exact():
  image, maps = slow_dense_crf.example('noise', (23, 40))
  settings = {'bilateral_weight': 0, 'gaussian_sigma': 2.5}
  np.testing.assert_allclose(
    dense_crf.dense_crf(image, maps, **settings),
    slow_dense_crf.dense_crf(image, maps, **settings),
    atol=1e-4,
  )


def test_all_pixels_of_one_colour_leave_the_distance():
  _, maps = slow_dense_crf.example('noise', (30, 40))
  image = np.full((30, 40, 3), 77, np.uint8)
  np.testing.assert_allclose(
    dense_crf.dense_crf(
      image, maps, gaussian_weight=0, bilateral_sigma=9, cells=6
    ),
    dense_crf.dense_crf(
      image, maps, bilateral_weight=0, gaussian_weight=10, gaussian_sigma=9
    ),
    atol=0.01,
  )


@pytest.mark.parametrize(
  'settings', [{'steps': 0}, {'gaussian_weight': 0, 'bilateral_weight': 0}]
)
def test_nothing_is_drawn_without_weights(settings):
  image, maps = slow_dense_crf.example('ramp', (8, 9))
  maps[0, 0] = [1, 0, 0, 0, 0]
  clipped = maps.clip(1e-5, 1)
  np.testing.assert_allclose(
    dense_crf.dense_crf(image, maps, **settings),
    clipped / clipped.sum(-1, keepdims=True),
    rtol=1e-5,
  )


# The last have more cells than pixels.
@pytest.mark.parametrize(
  ('size', 'settings'),
  [
    ((1, 1), {}),
    ((1, 30), {}),
    ((30, 1), {}),
    ((2, 3), {}),
    ((9, 20), {'bilateral_sigma': 4, 'cells': 3}),
    ((9, 20), {'bilateral_sigma': 1, 'cells': 4}),
  ],
)
def test_any_size(size, settings):
  image, maps = slow_dense_crf.example('fields', size)
  found = dense_crf.dense_crf(image, maps, steps=1, **settings)
  settings = {n: v for n, v in settings.items() if n != 'cells'}
  exact = slow_dense_crf.dense_crf(image, maps, steps=1, **settings)
  assert found.dtype == np.float32
  np.testing.assert_allclose(found.sum(-1), 1, rtol=1e-5)
  np.testing.assert_allclose(found, exact, atol=0.02)


def test_bands_are_nearly_the_whole(monkeypatch):
  image, maps = slow_dense_crf.example('fields', (130, 30))
  settings = {'bilateral_sigma': 8, 'cells': 1.6}
  whole = dense_crf.dense_crf(image, maps, **settings)

  def banded():
    read = bands.reader(image, maps)
    found = dense_crf.dense_crf_bands(image, read, **settings)
    return bands.joined(found, maps.shape)

  np.testing.assert_array_equal(banded(), whole)
  monkeypatch.setattr(dense_crf, '_PIXELS', 1)
  error = np.abs(banded() - whole)
  assert 0 < error.mean() < 1e-3
  assert (banded().argmax(-1) != whole.argmax(-1)).mean() < 2e-3


def test_one_class_is_certain():
  image, _ = slow_dense_crf.example('ramp', (6, 7))
  maps = np.ones((6, 7, 1), np.float32)
  np.testing.assert_array_equal(dense_crf.dense_crf(image, maps), maps)


def test_the_order_of_the_classes_does_not_matter():
  image, maps = slow_dense_crf.example('ramp', (20, 30))
  order = [3, 0, 4, 1, 2]
  np.testing.assert_allclose(
    dense_crf.dense_crf(image, maps[..., order]),
    dense_crf.dense_crf(image, maps)[..., order],
    atol=1e-4,
  )


def test_what_is_given_stays():
  image, maps = slow_dense_crf.example('ramp', (6, 7))
  copies = image.copy(), maps.copy()
  image.flags.writeable = maps.flags.writeable = False
  dense_crf.dense_crf(image, maps)
  np.testing.assert_array_equal(image, copies[0])
  np.testing.assert_array_equal(maps, copies[1])


@pytest.mark.parametrize(
  ('settings', 'message'),
  [
    ({'steps': -1}, 'steps -1: must be at least 0'),
    ({'gaussian_weight': -1.0}, 'gaussian_weight -1.0: must be at least 0'),
    ({'bilateral_weight': np.nan}, 'bilateral_weight nan: must be at least 0'),
    ({'cells': 1.5}, 'cells 1.5: must be at least 1.6'),
    ({'gaussian_sigma': 0}, 'gaussian_sigma 0: must be above 0'),
    ({'bilateral_sigma': np.inf}, 'bilateral_sigma inf: must be above 0'),
    ({'certainty': -0.1}, 'certainty -0.1: must be at least 0'),
    ({'certainty': 1.5}, 'certainty 1.5: must be at most 1'),
    ({'colour_sigma': -3}, 'colour_sigma -3: must be above 0'),
  ],
)
def test_settings_out_of_range(settings, message):
  image, maps = slow_dense_crf.example('ramp', (3, 4))
  with pytest.raises(InputError, match=message):
    dense_crf.dense_crf(image, maps, **settings)


def test_one_thread_gives_what_more_do():
  image, maps = slow_dense_crf.example('fields', (20, 30))
  threads = cv2.getNumThreads()
  found = []
  for count in (1, 3):
    cv2.setNumThreads(count)
    found.append(dense_crf.dense_crf(image, maps))
  cv2.setNumThreads(threads)
  np.testing.assert_array_equal(*found)


def test_sizes_that_differ():
  image, maps = slow_dense_crf.example('ramp', (3, 4))
  with pytest.raises(InputError, match='resize the probabilities'):
    dense_crf.dense_crf(image[1:], maps)


def test_its_row_of_the_table_takes_its_settings():
  image, maps = slow_dense_crf.example('ramp', (9, 12))
  row = table.FILTERS['dense-crf']
  settings = {**dict.fromkeys(row.settings, 3.0), 'certainty': 0.5}
  row.check(settings)
  np.testing.assert_array_equal(
    row.apply(image, maps, **settings),
    dense_crf.dense_crf(
      image,
      maps / 2 + 0.1,
      bilateral_weight=3,
      bilateral_sigma=3,
      colour_sigma=3,
    ),
  )
  with pytest.raises(InputError, match='colour_sigma 0: must be above 0'):
    row.check({'colour_sigma': 0})
