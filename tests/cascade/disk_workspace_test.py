"""A run from disk to disk: the same as in memory, and resumable anywhere."""

import dataclasses

import numpy as np
import pytest
import toy_networks

from magnet_jax.cascade import journal, labels, plan
from magnet_jax.cascade.disk_workspace import DiskWorkspace, Kept
from magnet_jax.rasters.rasters import ArrayRaster
from magnet_jax.types import IGNORE

pytestmark = pytest.mark.usefixtures('one_device')


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
  folder, source, cascade, stages, *, kind='float32', heard=None, **settings
):
  """All that a run leaves; the folder stays."""
  wanted = {'confidence': True, 'probabilities': True, **settings}
  heard = heard or Heard()
  with journal.opened(folder, {'kind': kind}) as notes:
    space = DiskWorkspace(
      source, stages, notes, kept=Kept(kind, **wanted), progress=heard
    )
    return [
      space.result(stage) for stage, _ in cascade.run(stages, space, heard)
    ]


def _whole(plane):
  return plane.read(0, 0, *plane.size)


@pytest.mark.parametrize('reader', [ArrayRaster, Rows, Blocks])
@pytest.mark.parametrize(
  ('size', 'overlap', 'options'),
  [
    ((40, 50), 0.0, {}),
    ((47, 61), 0.3, {}),
    ((61, 47), 0.6, {'windows': 5}),
    ((64, 64), 0.0, {'windows': 0.3}),
    ((64, 64), 0.0, {'min_uncertainty': 0.5}),
    ((16, 16), 0.0, {}),
    ((1, 40), 0.0, {}),
  ],
)
def test_float32_on_disk_is_the_same_as_in_memory(
  tmp_path, reader, size, overlap, options
):
  stages = plan.make_plan(size, window=toy_networks.WINDOW, overlap=overlap)
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
  assert heard.windows < total if options else heard.windows == total
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
@pytest.mark.parametrize('overlap', [0.0, 0.4])
def test_a_run_that_is_stopped_anywhere_goes_on(tmp_path, overlap, windows):
  size = (47, 61)
  stages = plan.make_plan(size, window=toy_networks.WINDOW, overlap=overlap)
  image, cascade = toy_networks.image(size), _cascade(windows=windows)
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
