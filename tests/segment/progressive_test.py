import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax import parallel
from magnet_jax.ops import normalise, resize, windows
from magnet_jax.segment import plan, progressive, stage_windows
from magnet_jax.segment.options import Options
from magnet_jax.segment.stores import InMemory

CLASSES = 3
WINDOW = (16, 16)
_WEIGHTS = np.random.default_rng(3).normal(0, 2, (3, CLASSES))


def _pixelwise(images):
  """A segmenter that sees one pixel: windows cannot change what it says."""
  return images @ jnp.asarray(_WEIGHTS, jnp.float32)


def _convolving(kernel, images):
  return jax.lax.conv_general_dilated(
    images, kernel, (1, 1), 'SAME', dimension_numbers=('NHWC', 'HWIO', 'NHWC')
  )


def _random_segmenter(seed=0, classes=CLASSES):
  kernel = jax.random.normal(jax.random.key(seed), (3, 3, 3, classes))
  return jax.tree_util.Partial(_convolving, kernel)


def _random_refiner(*, scale, coarse):
  return 4 * scale + 2 * jnp.roll(coarse, 1, axis=1) - 2 * coarse


def _takes_the_scale(*, scale, coarse):
  del coarse
  return jnp.log(scale)


def _takes_the_coarse(*, scale, coarse):
  del scale
  return jnp.log(coarse)


def _image(size, seed=0):
  rng = np.random.default_rng(seed)
  small = rng.integers(0, 256, (-(-size[0] // 3), -(-size[1] // 3), 3))
  blocks = np.kron(small, np.ones((3, 3, 1)))[: size[0], : size[1]]
  return blocks.astype(np.uint8)


def _cascade(
  segmenter=_pixelwise,
  refiner=_takes_the_scale,
  network=WINDOW,
  **options,
):
  settings = {'kernel': 1, **options}
  return progressive.Cascade(
    segmenter,
    [] if refiner is None else [refiner],
    network=network,
    options=Options(**settings),
  )


def _plan(size, *, stages=2, window=WINDOW, overlap=0.0):
  # Two stages and few sizes, that tests can share what they compile.
  return plan.make_plan(size, window=window, stages=stages, overlap=overlap)


def _softmax(logits):
  raised = np.exp(logits - logits.max(-1, keepdims=True))
  return raised / raised.sum(-1, keepdims=True)


def _segmented(image):
  """The pixelwise segmenter's probabilities in NumPy."""
  normal = (image / 255 - normalise.MEAN) / np.array(normalise.STD)
  return _softmax(normal @ _WEIGHTS)


def _unsure(p):
  ordered = np.sort(p, axis=-1)
  return 1 - (ordered[..., -1] - ordered[..., -2])


@pytest.fixture(autouse=True)
def _one_device(monkeypatch):
  monkeypatch.setattr(parallel, 'device_count', lambda: 1)  # compiles faster


@pytest.mark.parametrize(
  ('size', 'selection'),
  [
    ((5, 7), 'window'),
    ((16, 16), 'window'),
    ((17, 17), 'window'),
    ((16, 17), 'image'),
    ((40, 50), 'window'),
    ((40, 50), 'image'),
    ((1, 40), 'window'),
    ((40, 1), 'image'),
    ((1, 1), 'window'),
  ],
)
def test_probabilities_after_every_stage(size, selection):
  cascade = _cascade(
    _random_segmenter(), _random_refiner, points=0.5, selection=selection
  )
  stages = _plan(size, stages=3, overlap=0.25)
  results = list(cascade.stages(_image(size), stages))
  assert [r.stage for r in results] == list(stages)
  assert results[0].chosen is None
  for result in results:
    found = result.probabilities
    assert found.shape == (*result.stage.size, CLASSES)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.sum(-1), 1, atol=1e-5)
    assert found.min() >= -1e-6 and found.max() <= 1 + 1e-6
  for result in results[1:]:
    assert result.chosen.shape == result.stage.size
    assert result.windows == tuple(range(len(result.stage.grid)))
  labels = progressive.predict(results[-1].probabilities)
  assert labels.shape == size and labels.dtype == np.uint8


def _reference(image, stages, points, selection):
  """The whole method in NumPy, for windows that do not overlap.

  Choices follow the largest scores, ties by the order of the pixels.
  """
  y = _segmented(resize.image(image, stages[0].size)).astype(np.float32)
  for stage in stages[1:]:
    y = resize.probabilities(y, stage.size)
    o = _segmented(resize.image(image, stage.size))
    r = np.zeros_like(y)
    for top, left in stage.grid.corners:
      area = np.s_[top : top + 16, left : left + 16]
      rolled = np.roll(y[area], 1, axis=0)
      r[area] = _softmax(4 * o[area] + 2 * rolled - 2 * y[area])
    q = _unsure(y) * (1 - _unsure(r))
    areas = (
      [np.s_[t : t + 16, u : u + 16] for t, u in stage.grid.corners]
      if selection == 'window'
      else [np.s_[:, :]]
    )
    for area in areas:
      scores = q[area]
      order = np.argsort(-scores, axis=None, kind='stable')
      chosen = np.zeros(scores.size, bool)
      chosen[order[: int(np.ceil(points * scores.size))]] = True
      chosen = chosen.reshape(scores.shape)
      y[area][chosen] = r[area][chosen]
  return y


@pytest.mark.parametrize('selection', ['window', 'image'])
@pytest.mark.parametrize('points', [0.3, 1.0])
def test_equals_the_method_written_in_numpy(points, selection):
  rng = np.random.default_rng(1)
  image = rng.integers(0, 256, (64, 32, 3), np.uint8)  # no ties of scores
  stages = _plan((64, 32), stages=3)
  assert [len(stage.grid) for stage in stages] == [1, 2, 8]
  found = _cascade(
    refiner=_random_refiner, points=points, selection=selection
  ).segment(image, stages)
  expected = _reference(image, stages, points, selection)
  # Rounding may swap two points of nearly one score at the border of K.
  differs = np.abs(found - expected).max(-1) > 1e-4
  assert differs.mean() < 0.005
  if points == 1.0:
    assert not differs.any()


@pytest.mark.parametrize('selection', ['window', 'image'])
def test_no_points_keep_the_upsampled_map(selection):
  size = (40, 50)
  cascade = _cascade(
    _random_segmenter(), _random_refiner, points=0, selection=selection
  )
  results = list(
    cascade.stages(_image(size), _plan(size))
  )
  expected = results[0].probabilities
  for result in results[1:]:
    expected = resize.probabilities(expected, result.stage.size)
    np.testing.assert_allclose(result.probabilities, expected, atol=1e-6)
    assert not result.chosen.any()


@pytest.mark.parametrize(
  ('window', 'selection'),
  [((16, 16), 'window'), ((16, 16), 'image'), ((20, 20), 'window')],
)
def test_a_refiner_that_returns_its_coarse_map_changes_nothing(
  window, selection
):
  size = (40, 50)
  cascade = _cascade(refiner=_takes_the_coarse, points=1.0, selection=selection)
  *_, before, after = cascade.stages(
    _image(size), _plan(size, window=window, overlap=0.3)
  )
  expected = resize.probabilities(before.probabilities, size)
  # At another network size the map goes there and back: R itself is blurred.
  atol = 2e-5 if window == WINDOW else 0.1
  np.testing.assert_allclose(after.probabilities, expected, atol=atol)


@pytest.mark.parametrize(
  ('size', 'selection'),
  [
    ((40, 50), 'window'),
    ((40, 50), 'image'),
    ((17, 17), 'window'),
    ((9, 60), 'image'),
    ((1, 40), 'window'),
  ],
)
def test_all_points_of_a_pixelwise_network_segment_the_full_image(
  size, selection
):
  image = _image(size)
  found = _cascade(points=1.0, selection=selection).segment(
    image, _plan(size, overlap=0.3)
  )
  np.testing.assert_allclose(found, _segmented(image), atol=2e-5)


@pytest.mark.parametrize(
  ('points', 'overlap'), [(1.0, 0.0), (1.0, 0.4), (10**6, 0.4)]
)
def test_all_points_are_the_same_by_window_and_by_image(points, overlap):
  size = (40, 50)
  stages = _plan(size, overlap=overlap)
  by_window, by_image = (
    _cascade(
      _random_segmenter(),
      _random_refiner,
      points=points,
      selection=selection,
    ).segment(_image(size), stages)
    for selection in ('window', 'image')
  )
  np.testing.assert_allclose(by_window, by_image, atol=2e-6)


@pytest.mark.parametrize('selection', ['window', 'image'])
def test_number_of_chosen_points(selection):
  size = (32, 32)
  cascade = _cascade(
    _random_segmenter(), _random_refiner, points=37, selection=selection
  )
  stages = _plan(size)
  _, last = cascade.stages(_image(size), stages)
  assert last.chosen.sum() == (37 if selection == 'image' else 4 * 37)


@pytest.mark.parametrize('selection', ['window', 'image'])
def test_fast_refines_the_most_uncertain_windows_only(selection):
  size = (64, 64)
  stages = _plan(size)
  cascade = _cascade(
    _random_segmenter(),
    _random_refiner,
    points=1.0,
    windows=0.25,
    selection=selection,
  )
  first, last = cascade.stages(_image(size), stages)
  upsampled = resize.probabilities(first.probabilities, size)
  grid = last.stage.grid
  means = [
    _unsure(upsampled[stage_windows.inside(grid, n)]).mean()
    for n in range(len(grid))
  ]
  assert last.windows == tuple(sorted(np.argsort(means)[-4:]))
  for number in range(len(grid)):
    area = stage_windows.inside(grid, number)
    seen = number in last.windows
    assert last.chosen[area].all() == last.chosen[area].any() == seen
    off = np.abs(last.probabilities[area] - upsampled[area]).max()
    assert (off < 1e-6) != seen


def test_windows_that_are_sure_enough_cost_nothing():
  size = (64, 64)
  stages = _plan(size)
  segmenter = _random_segmenter()
  everything = _cascade(segmenter, _random_refiner, windows=0.999999)
  first, _ = everything.stages(_image(size), stages)
  upsampled = resize.probabilities(first.probabilities, size)
  grid = stages[-1].grid
  means = [
    float(_unsure(upsampled[stage_windows.inside(grid, n)]).mean())
    for n in range(len(grid))
  ]
  middle = (sorted(means)[7] + sorted(means)[8]) / 2
  for least, count in ((1.0, 0), (middle, len(grid) - 8)):
    cascade = _cascade(segmenter, _random_refiner, min_uncertainty=least)
    _, last = cascade.stages(_image(size), stages)
    assert len(last.windows) == count
    assert last.windows == tuple(n for n, m in enumerate(means) if m >= least)


@pytest.mark.parametrize('selection', ['window', 'image'])
def test_a_stage_without_windows_keeps_the_upsampled_map(selection):
  size = (40, 50)
  cascade = _cascade(
    _random_segmenter(),
    _random_refiner,
    points=0.5,
    windows=1e-6,
    selection=selection,
  )
  *_, before, last = cascade.stages(_image(size), _plan(size, stages=3))
  assert len(before.windows) == 1 and before.chosen.any()
  assert last.windows == () and not last.chosen.any()
  np.testing.assert_allclose(
    last.probabilities,
    resize.probabilities(before.probabilities, size),
    atol=1e-6,
  )


@pytest.mark.parametrize('selection', ['window', 'image'])
def test_fast_with_overlap_keeps_probabilities(selection):
  size = (40, 50)
  cascade = _cascade(
    _random_segmenter(),
    _random_refiner,
    points=0.5,
    windows=3,
    selection=selection,
  )
  stages = _plan(size, overlap=0.5)
  for result in cascade.stages(_image(size), stages):
    np.testing.assert_allclose(result.probabilities.sum(-1), 1, atol=1e-5)
    assert result.probabilities.min() >= -1e-6


@pytest.mark.parametrize('selection', ['window', 'image'])
def test_windows_larger_than_the_network_keep_probabilities(selection):
  size = (80, 100)
  cascade = _cascade(
    _random_segmenter(),
    _random_refiner,
    network=(50, 50),
    points=0.5,
    selection=selection,
  )
  stages = _plan(size, window=(61, 61), overlap=0.1)
  for result in cascade.stages(_image(size), stages):
    found = result.probabilities
    assert found.shape == (*result.stage.size, CLASSES)
    np.testing.assert_allclose(found.sum(-1), 1, atol=1e-5)
    assert found.min() >= -1e-6 and found.max() <= 1 + 1e-6


_MIDDLE = 47.5 * 2.5


def _telling_place(images):
  """The logit grows with the red of a ramp: it tells the place on it."""
  red = images[..., :1] * normalise.STD[0] + normalise.MEAN[0]
  logit = (red * 255 - _MIDDLE) / 50
  return jnp.concatenate([logit, jnp.zeros_like(logit)], axis=-1)


@pytest.mark.parametrize(
  ('network', 'points', 'selection'),
  [
    ((16, 16), 0.0, 'window'),
    ((13, 13), 0.0, 'window'),
    ((16, 16), 1.0, 'window'),
    ((13, 13), 1.0, 'window'),
    ((16, 20), 1.0, 'image'),
  ],
)
def test_a_ramp_stays_where_it_is(network, points, selection):
  size = (24, 96)
  ramp = np.broadcast_to(
    np.arange(96)[None, :, None] * 2.5, (*size, 3)
  ).round()
  cascade = _cascade(
    _telling_place, network=network, points=points, selection=selection
  )
  found = cascade.segment(
    ramp.astype(np.uint8), _plan(size)
  )
  logit = np.log(found[12, :, 0] / found[12, :, 1])
  place = (logit * 50 + _MIDDLE) / 2.5
  # Beyond the outermost centres of stage 0 (8 pixels each) the edge repeats.
  rim = 12 if points == 0 else 2
  shift = (place - np.arange(96))[rim:-rim]
  assert np.abs(shift).max() < 1.0
  assert abs(shift.mean()) < 0.2


def test_patches_of_a_pixelwise_network_are_the_whole_image():
  image = _image((40, 50))
  for overlap in (0.0, 0.5):
    grid = windows.make_grid((40, 50), WINDOW, overlap)
    found = _cascade(refiner=None).patches(image, grid)
    np.testing.assert_allclose(found, _segmented(image), atol=2e-5)


@pytest.mark.parametrize('selection', ['window', 'image'])
def test_one_class(selection):
  size = (40, 50)
  segmenter = _random_segmenter(classes=1)
  cascade = _cascade(
    segmenter, _random_refiner, points=0.5, selection=selection
  )
  found = cascade.segment(_image(size), _plan(size))
  assert found.shape == (*size, 1)
  np.testing.assert_allclose(found, 1, atol=1e-6)


@pytest.mark.parametrize(
  ('selection', 'batch'), [('window', 1), ('window', 2), ('image', 1)]
)
def test_any_number_of_devices_gives_the_same(monkeypatch, selection, batch):
  size = (40, 50)
  stages = _plan(size, overlap=0.2)
  outcomes = []
  for devices in (4, 1):
    monkeypatch.setattr(parallel, 'device_count', lambda n=devices: n)
    cascade = _cascade(
      _random_segmenter(),
      _random_refiner,
      points=0.5,
      batch=batch,
      selection=selection,
    )
    assert cascade.batch == devices * batch
    outcomes.append(cascade.segment(_image(size), stages))
  np.testing.assert_allclose(outcomes[0], outcomes[1], atol=1e-5)


@pytest.mark.parametrize('selection', ['window', 'image'])
def test_tells_how_many_windows_are_done(selection):
  counts = []
  cascade = _cascade(
    _random_segmenter(), _random_refiner, points=0.5, selection=selection
  )
  stages = _plan((40, 50))
  for _ in cascade.stages(_image((40, 50)), stages, done=counts.append):
    pass
  assert sum(counts) == sum(len(stage.grid) for stage in stages)


def test_closures_and_partials_give_the_same():
  kernel = jax.random.normal(jax.random.key(0), (3, 3, 3, CLASSES))
  stages = _plan((40, 50))
  one, other = (
    _cascade(segmenter, _random_refiner, points=0.5).segment(
      _image((40, 50)), stages
    )
    for segmenter in (
      lambda images: _convolving(kernel, images),
      jax.tree_util.Partial(_convolving, kernel),
    )
  )
  np.testing.assert_allclose(one, other, atol=1e-6)


def _piece_shapes(stages):
  return {
    stage_windows.coarse_piece(
      InMemory(np.zeros((*before.size, 1), np.float32)), stage.grid, 0
    )[0].shape
    for before, stage in itertools.pairwise(stages)
  }


@pytest.mark.parametrize('selection', ['window', 'image'])
@pytest.mark.parametrize(
  ('size', 'shapes'), [((128, 128), 1), ((90, 131), None)]
)
def test_refining_compiles_once_a_piece_shape(size, shapes, selection):
  traces = []

  def refiner(bias, *, scale, coarse):
    traces.append(scale.shape)
    return _random_refiner(scale=scale, coarse=coarse) + bias

  stages = _plan(size, stages=4)
  assert len(stages) == 4
  expected = len(_piece_shapes(stages))
  assert shapes is None or expected == shapes
  for seed in (0, 1):  # other weights and another image of the size
    bound = jax.tree_util.Partial(refiner, jnp.float32(seed))
    cascade = _cascade(_random_segmenter(seed), bound, selection=selection)
    for image in (0, 1):
      cascade.segment(_image(size, image), stages)
      assert len(traces) == expected
