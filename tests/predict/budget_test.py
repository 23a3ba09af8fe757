"""Where the maps of an image go that does not fit in memory."""

import toy_model

from magnet_jax.predict import budget
from magnet_jax.predict.budget import Budget
from magnet_jax.predict.task import Recipe


def test_maps_are_stored_exactly_unless_asked_otherwise(monkeypatch):
  monkeypatch.setattr(budget, '_STREAMING', 0)
  model = toy_model.make()
  cascade = model.cascade(batch=1)
  plan, recipe = model.plan((300, 400)), Recipe(model)

  def chosen(store):
    allowed = Budget(store, 0.005)
    return budget.choose(allowed, cascade, plan, recipe, views=False).store

  assert chosen('auto') == 'float32'
  assert chosen('uint8') == 'uint8'
  assert chosen('memory') == 'memory'
