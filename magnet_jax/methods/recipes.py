"""Methods as recipes for images of any size, streamed where that is possible.

A method that is a cascade of some model runs as that model does; another one
segments whole images in memory. Filters correct the map of either.
"""

from __future__ import annotations

from typing import Any

from magnet_jax.methods import starts, table
from magnet_jax.methods.method import plain
from magnet_jax.predict.correction import Correction
from magnet_jax.predict.model import Model
from magnet_jax.predict.task import Recipe, Whole
from magnet_jax.types import InputError, Size, Stage, WindowGrid


def make(model: Model, name: str, **settings: Any) -> Recipe:
  """Returns what a method does with each image.

  Args:
    model: the networks.
    name: a key of `table.METHODS`.
    **settings: of the method.

  Raises:
    InputError: the model cannot do it, or a setting is not its own or out of
      range.
  """
  table.check(model, name, 'method')
  factory = table.METHODS[name]
  for setting in settings:
    if setting not in factory.settings:
      raise InputError(
        f'--{setting}: {name} has no such setting; leave it out, or choose '
        'another --method'
      )
  if factory.corrects is None:
    return _recipe(model, factory.as_model(model, **settings), name, settings)
  corrects = factory.corrects(model)
  first = {k: v for k, v in settings.items() if k in starts.SETTINGS}
  own = {k: v for k, v in settings.items() if k not in first}
  corrects.check(own)
  start = first.pop('start', corrects.start)
  model_of_start = starts.as_model(model, start=start, **first)
  found = _recipe(model, model_of_start, start, first)
  return Recipe(found.model, found.whole, Correction(name, corrects, own))


def _recipe(
  model: Model, as_model: Model | None, name: str, settings: dict[str, Any]
) -> Recipe:
  """Returns the recipe of a model's cascade, or else of a method in memory."""
  if as_model is not None:
    return Recipe(as_model)
  made = table.METHODS[name](model, **settings)
  return Recipe(plain(model, _one) or model, Whole(name, made.segment))


def _one(size: Size) -> tuple[Stage, ...]:
  """Plans the whole image as one stage, whose size and memory it has."""
  return (Stage(0, WindowGrid(size, size, (0,), (0,))),)
