"""How a cascade runs: on all devices, compiled once, with reported progress."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import toy_networks

from magnet_jax import parallel
from magnet_jax.cascade import stage_windows
from magnet_jax.cascade.workspace import InMemory, Silent

pytestmark = pytest.mark.usefixtures('one_device')


@pytest.mark.parametrize(
  ('selection', 'batch'), [('window', 1), ('window', 2), ('image', 1)]
)
def test_any_number_of_devices_gives_the_same(monkeypatch, selection, batch):
  size = (40, 50)
  stages = toy_networks.make_plan(size, overlap=0.2)
  outcomes = []
  for devices in (4, 1):
    monkeypatch.setattr(parallel, 'device_count', lambda n=devices: n)
    cascade = toy_networks.random_cascade(
      points=0.5, batch=batch, selection=selection
    )
    assert cascade.batch == devices * batch
    outcomes.append(cascade.segment(toy_networks.image(size), stages))
  np.testing.assert_allclose(outcomes[0], outcomes[1], atol=1e-5)


def test_closures_and_partials_give_the_same():
  kernel = toy_networks.kernel()
  stages = toy_networks.make_plan((40, 50))
  one, other = (
    toy_networks.cascade(segmenter, toy_networks.mixing, points=0.5).segment(
      toy_networks.image((40, 50)), stages
    )
    for segmenter in (
      lambda images: toy_networks.convolving(kernel, images),
      jax.tree_util.Partial(toy_networks.convolving, kernel),
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
    return toy_networks.mixing(scale=scale, coarse=coarse) + bias

  stages = toy_networks.make_plan(size, stages=4)
  assert len(stages) == 4
  expected = len(_piece_shapes(stages))
  assert shapes is None or expected == shapes
  for seed in (0, 1):  # other weights and another image of the size
    bound = jax.tree_util.Partial(refiner, jnp.float32(seed))
    cascade = toy_networks.cascade(
      toy_networks.random_segmenter(seed), bound, selection=selection
    )
    for image in (0, 1):
      cascade.segment(toy_networks.image(size, image), stages)
      assert len(traces) == expected


@pytest.mark.parametrize('selection', ['window', 'image'])
def test_tells_how_many_windows_are_done(selection):
  counts = []

  class Counting(Silent):
    def done(self, windows):
      counts.append(windows)

  cascade = toy_networks.random_cascade(points=0.5, selection=selection)
  stages = toy_networks.make_plan((40, 50))
  for _ in cascade.stages(
    toy_networks.image((40, 50)), stages, progress=Counting()
  ):
    pass
  assert sum(counts) == sum(len(stage.grid) for stage in stages)
