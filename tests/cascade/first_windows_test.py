"""Plans whose first stage is windows."""

import numpy as np
import pytest
import toy_networks

from magnet_jax import parallel
from magnet_jax.cascade import plan
from magnet_jax.cascade.workspace import Silent
from magnet_jax.ops import area, resize

SIZE = (50, 70)
IMAGE = toy_networks.image(SIZE)


def _plan(**settings):
  return plan.make_plan(SIZE, window=toy_networks.WINDOW, **settings)


@pytest.mark.parametrize('overlap', [0.0, 0.4])
@pytest.mark.parametrize('devices', [1, 4])
def test_stage_0_is_its_blended_windows(monkeypatch, overlap, devices):
  monkeypatch.setattr(parallel, 'device_count', lambda: devices)
  stages = _plan(first=0.7, last=0.7, overlap=overlap)
  cascade = toy_networks.random_cascade()
  counts = []

  class Counting(Silent):
    def done(self, windows):
      counts.append(windows)

  first, last = cascade.stages(IMAGE, stages, progress=Counting())
  toy_networks.assert_probabilities(first)
  assert first.chosen is None and last.chosen is None
  assert first.windows == tuple(range(len(stages[0].grid)))
  assert sum(counts) == len(stages[0].grid) > 4
  small = area.shrink(IMAGE, stages[0].size)
  np.testing.assert_allclose(
    first.probabilities, cascade.patches(small, stages[0].grid), atol=1e-6
  )
  # One stage alone is a patch at that scale, enlarged.
  np.testing.assert_allclose(
    last.probabilities,
    resize.probabilities(first.probabilities, SIZE),
    atol=1e-6,
  )


@pytest.mark.usefixtures('one_device')
@pytest.mark.parametrize('selection', ['window', 'image'])
def test_a_refiner_goes_on_from_windows(selection):
  stages = _plan(first=0.5, factor='half-octave', overlap=(0.3, 0.0))
  cascade = toy_networks.random_cascade(points=0.5, selection=selection)
  for result in cascade.stages(IMAGE, stages):
    toy_networks.assert_probabilities(result)
  assert result.stage.size == SIZE and result.chosen.any()


@pytest.mark.usefixtures('one_device')
def test_the_mix_is_in_the_last_stage_with_windows():
  stages = _plan(first=0.5, last=0.8)
  *_, own, enlarged = toy_networks.random_cascade(mix=1.0).stages(IMAGE, stages)
  small = area.shrink(IMAGE, own.stage.size)
  np.testing.assert_allclose(
    own.probabilities,
    toy_networks.random_cascade().patches(small, own.stage.grid),
    atol=1e-5,
  )
  assert enlarged.windows == ()
