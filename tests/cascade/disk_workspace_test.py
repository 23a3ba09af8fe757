"""A run from disk to disk: the same as in memory, and resumable anywhere."""

from concurrent import futures
import dataclasses
import threading

import numpy as np
import pytest
import toy_networks

from magnet_jax.cascade import journal, labels, last_filter, plan
from magnet_jax.cascade.disk_workspace import ALONE, DiskWorkspace, Kept
from magnet_jax.cascade.division import Division
from magnet_jax.rasters.rasters import ArrayRaster
from magnet_jax.types import IGNORE

pytestmark = pytest.mark.usefixtures('one_device')
# Stage 0 is windows as well, and the last map is enlarged.
IN_WINDOWS = {
  'first': 0.5,
  'last': 0.8,
  'factor': 'half-octave',
  'overlap': (0.4, 0.0),
}


def _cascade(**options):
  settings = {'points': 0.5, 'batch': 3, **options}
  return toy_networks.random_cascade(**settings)


@dataclasses.dataclass
class Heard:
  """A progress that counts, and that may stop a run."""

  windows: int = 0
  before: int = 0
  stop_after: int = 10**9

  def says(self, text):
    assert text

  def done(self, windows):
    self.windows += windows
    if self.windows >= self.stop_after:
      raise KeyboardInterrupt

  def skipped(self, windows):
    self.before += windows


class Rows(ArrayRaster):
  """An image that can be read from the top down only."""

  in_rows = True

  def read(self, top, left, height, width):
    assert left == 0 and width == self.size[1]
    assert top == getattr(self, 'bottom', 0)
    object.__setattr__(self, 'bottom', top + height)
    return super().read(top, left, height, width)


class Blocks(ArrayRaster):
  """An image in tiles."""

  block = (16, 32)


def _stream(
  folder,
  source,
  cascade,
  stages,
  *,
  kind='float32',
  heard=None,
  division=ALONE,
  **settings,
):
  """All that a run leaves; the folder stays."""
  wanted = {'confidence': True, 'probabilities': True, **settings}
  heard = heard or Heard()
  if not division.is_first:
    division.meet()  # the first makes the folder
  with journal.opened(folder, {'kind': kind}, division.index) as notes:
    if division.is_first and division.count > 1:
      division.meet()
    space = DiskWorkspace(
      source,
      stages,
      notes,
      kept=Kept(kind, **wanted),
      progress=heard,
      division=division,
    )
    return [
      space.result(stage) for stage, _ in cascade.run(stages, space, heard)
    ]


def _whole(plane):
  return plane.read(0, 0, *plane.size)


@pytest.mark.parametrize('reader', [ArrayRaster, Rows, Blocks])
@pytest.mark.parametrize(
  ('size', 'planned', 'options'),
  [
    ((40, 50), {}, {}),
    ((47, 61), {'overlap': 0.3}, {}),
    ((61, 47), {'overlap': 0.6}, {'windows': 5}),
    ((64, 64), {}, {'windows': 0.3, 'window_score': 'mean'}),
    ((64, 64), {}, {'min_uncertainty': 0.5}),
    ((16, 16), {}, {}),
    ((1, 40), {}, {}),
    ((50, 70), IN_WINDOWS, {'windows': 3}),
    ((90, 530), {'last': 0.1}, {}),  # enlarged in several tiles
    ((300, 90), {'last': 0.1}, {'filter_radius': 5}),
    ((70, 50), {}, {'filter_radius': 2}),
  ],
)
def test_float32_on_disk_is_the_same_as_in_memory(
  tmp_path, reader, size, planned, options
):
  stages = plan.make_plan(size, window=toy_networks.WINDOW, **planned)
  if filtered := 'filter_radius' in options:
    stages = last_filter.of(stages)
  image, cascade = toy_networks.image(size), _cascade(**options)
  heard = Heard()
  found = _stream(tmp_path, reader(image), cascade, stages, heard=heard)
  expected = list(cascade.stages(image, stages))
  assert [f.stage for f in found] == list(stages)
  for on_disk, in_memory in zip(found, expected, strict=True):
    np.testing.assert_array_equal(
      _whole(on_disk.probabilities), in_memory.probabilities
    )
  assert heard.windows == sum(len(each.windows) for each in expected)
  total = sum(len(stage.grid) for stage in stages)
  some = options and not filtered
  assert heard.windows < total if some else heard.windows == total
  assert heard.windows + heard.before == total or 'windows' in options
  final = expected[-1].probabilities
  np.testing.assert_array_equal(_whole(found[-1].label), labels.predict(final))
  ordered = np.sort(final, axis=-1)
  sure = ordered[..., -1] - ordered[..., -2]
  np.testing.assert_allclose(
    _whole(found[-1].confidence) / 255, sure, atol=0.51 / 255
  )


@pytest.mark.parametrize(('kind', 'same'), [('uint16', 0.999), ('uint8', 0.97)])
def test_quantised_maps_change_few_labels(tmp_path, kind, same):
  stages = plan.make_plan((80, 90), window=toy_networks.WINDOW, overlap=0.2)
  image, cascade = toy_networks.image((80, 90)), _cascade()
  found = _stream(tmp_path, ArrayRaster(image), cascade, stages, kind=kind)
  label = labels.predict(cascade.segment(image, stages))
  assert np.mean(_whole(found[-1].label) == label) >= same


def test_pixels_without_an_image_are_not_labelled(tmp_path):
  size = (40, 50)
  mask = np.ones(size, bool)
  mask[5:17, 20:] = False
  stages = plan.make_plan(size, window=toy_networks.WINDOW)
  image, cascade = toy_networks.image(size), _cascade()
  found = _stream(tmp_path, Blocks(image, mask), cascade, stages)
  label = labels.predict(cascade.segment(image, stages))
  label[~mask] = IGNORE
  np.testing.assert_array_equal(_whole(found[-1].label), label)
  assert (_whole(found[-1].confidence)[~mask] == 0).all()


def test_what_is_not_asked_for_is_not_kept(tmp_path):
  stages = plan.make_plan((40, 50), window=toy_networks.WINDOW)
  *_, last = _stream(
    tmp_path,
    ArrayRaster(toy_networks.image((40, 50))),
    _cascade(),
    stages,
    confidence=False,
    probabilities=False,
  )
  assert last.probabilities is None and last.confidence is None
  assert last.label is not None


@pytest.mark.parametrize('windows', [1.0, 0.4])
@pytest.mark.parametrize(
  'planned', [{}, {'overlap': 0.4}, IN_WINDOWS, IN_WINDOWS | {'mean': True}]
)
def test_a_run_that_is_stopped_anywhere_goes_on(tmp_path, planned, windows):
  size = (47, 61)
  planned = dict(planned)
  make = toy_networks.mean_cascade if planned.pop('mean', 0) else _cascade
  stages = plan.make_plan(size, window=toy_networks.WINDOW, **planned)
  image, cascade = toy_networks.image(size), make(windows=windows, batch=3)
  straight = _stream(tmp_path / 'a', Blocks(image), cascade, stages)
  total = sum(len(r.windows) for r in cascade.stages(image, stages))
  counted = []
  for _ in range(100):
    heard = Heard(stop_after=4)
    try:
      found = _stream(
        tmp_path / 'b', Blocks(image), cascade, stages, heard=heard
      )
      break
    except KeyboardInterrupt:
      counted.append(heard.before)
  assert counted == sorted(counted) and counted[-1] > 0
  assert heard.before + heard.windows == total
  for one, other in zip(straight, found, strict=True):
    np.testing.assert_array_equal(
      _whole(one.probabilities), _whole(other.probabilities)
    )
  np.testing.assert_array_equal(
    _whole(straight[-1].label), _whole(found[-1].label)
  )


class Member(Division):
  """A process of two, as a thread."""

  def __init__(self, index, said, barrier):
    super().__init__(index, 2)
    object.__setattr__(self, 'talk', (said, barrier))

  def meet(self, value=None):
    said, barrier = self.talk
    said[self.index] = value
    barrier.wait(30)
    heard = list(said)
    barrier.wait(30)
    return heard


@pytest.mark.parametrize(
  ('make', 'size', 'planned'),
  [
    (toy_networks.mean_cascade, (47, 61), {}),
    (toy_networks.mean_cascade, (47, 61), IN_WINDOWS),
    (toy_networks.attention_cascade, (47, 61), IN_WINDOWS),
    (toy_networks.filtered_cascade, (300, 61), {}),
  ],
)
def test_two_processes_leave_what_one_does(tmp_path, make, size, planned):
  stages = plan.make_plan(size, window=toy_networks.WINDOW, **planned)
  if make is toy_networks.filtered_cascade:
    stages = last_filter.of(stages)
  image, cascade = toy_networks.image(size), make()
  said, barrier = [None, None], threading.Barrier(2)

  def run(index):
    return _stream(
      tmp_path,
      ArrayRaster(image),
      cascade,
      stages,
      division=Member(index, said, barrier),
    )

  with futures.ThreadPoolExecutor(2) as threads:
    both = [threads.submit(run, index) for index in (0, 1)]
    found = both[0].result(60)
    both[1].result(60)
  for on_disk, in_memory in zip(
    found, cascade.stages(image, stages), strict=True
  ):
    maps = _whole(on_disk.probabilities)
    if on_disk.stage.filtered:  # in other boxes, so sums round otherwise
      np.testing.assert_allclose(maps, in_memory.probabilities, atol=1e-6)
    else:
      np.testing.assert_array_equal(maps, in_memory.probabilities)
