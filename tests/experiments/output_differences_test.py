import dataclasses
import math

import numpy as np
import output_differences
import pytest

from magnet_jax import types
from magnet_jax.cascade import plan
from magnet_jax.cascade.cascade import StageResult

CLASSES = types.ClassTable(('soil', 'leaf'), ((110, 84, 62), (64, 178, 92)))
IMAGE = np.zeros((40, 60, 3), np.uint8)


@dataclasses.dataclass(frozen=True)
class Fixed:
  """Stands in for a model: seeded maps, no network."""

  seed: int
  classes: types.ClassTable = CLASSES
  window: types.Size = (20, 30)

  def plan(self, size):
    return plan.make_plan(size, window=self.window)

  def cascade(self):
    return self

  def stages(self, image, stages):
    rng = np.random.default_rng(self.seed)
    for stage in stages:
      share = rng.random(stage.size, np.float32)
      maps = np.stack([share, 1 - share], axis=-1)
      chosen = rng.random(stage.size) < 0.5 if stage.index else None
      yield StageResult(stage, maps, chosen, (0,))


def _maps(model):
  return list(model.stages(IMAGE, model.plan(IMAGE.shape[:2])))


def test_differences_are_those_of_the_maps(monkeypatch):
  monkeypatch.setattr(output_differences, '_BLOCK', 7 * 60)
  first, second = Fixed(0), Fixed(1)
  found = output_differences.compare(first, second, IMAGE)
  assert [change.size for change in found.stages] == [(20, 30), (40, 60)]
  for change, a, b in zip(
    found.stages, _maps(first), _maps(second), strict=True
  ):
    gap = np.abs(a.probabilities - b.probabilities)
    assert change.largest == gap.max()
    assert change.mean == pytest.approx(gap.mean(), rel=1e-5)
    labels = [each.probabilities.argmax(-1) for each in (a, b)]
    assert change.agreement == np.mean(labels[0] == labels[1])
  assert math.isnan(found.stages[0].points)
  either = (a.chosen | b.chosen).sum()
  assert found.stages[1].points == (a.chosen & b.chosen).sum() / either
  np.testing.assert_array_equal(found.first, labels[0])
  np.testing.assert_array_equal(found.second, labels[1])
  assert found.first.dtype == np.uint8
  text = str(output_differences.table(found.stages))
  assert '40 x 60' in text


def test_a_model_equals_itself():
  found = output_differences.compare(Fixed(3), Fixed(3), IMAGE)
  assert all(c.largest == c.mean == 0 for c in found.stages)
  assert all(c.agreement == 1 for c in found.stages)
  assert found.stages[1].points == 1


def test_models_that_cannot_be_compared_are_refused():
  other = types.ClassTable(('soil', 'weed'), CLASSES.colours)
  with pytest.raises(types.InputError, match=r'soil, leaf and of soil, weed'):
    output_differences.compare(Fixed(0), Fixed(1, other), IMAGE)
  with pytest.raises(types.InputError, match='same plan'):
    output_differences.compare(Fixed(0), Fixed(1, window=(40, 60)), IMAGE)
