"""Where the maps of an image go that does not fit in memory."""

import pytest
import toy_model

from magnet_jax.predict import budget
from magnet_jax.predict.budget import Budget
from magnet_jax.predict.task import Recipe


@pytest.mark.parametrize(
  ('fusion', 'kind'), [('auto', 'float32'), ('mean', 'uint16')]
)
def test_points_that_are_chosen_by_rank_need_exact_maps(
  fusion, kind, monkeypatch
):
  monkeypatch.setattr(budget, '_STREAMING', 0)
  model = toy_model.make()
  cascade = model.cascade(fusion=fusion, batch=1)
  plan, recipe = model.plan((300, 400)), Recipe(model)

  def chosen(store):
    allowed = Budget(store, 0.005)
    return budget.choose(allowed, cascade, plan, recipe, views=False).store

  assert chosen('auto') == kind
  assert chosen('uint8') == 'uint8'
  assert chosen('memory') == 'memory'
