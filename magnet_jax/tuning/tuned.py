"""What a choice among ways has found."""

from collections.abc import Mapping, Sequence
import dataclasses

from magnet_jax.evaluate.record import Record
from magnet_jax.evaluate.summary import Row
from magnet_jax.predict.way import Way
from magnet_jax.tuning import choice, class_fit
from magnet_jax.types import Section

TRAINED = 'trained'  # name of the way that a model had before it was tuned


@dataclasses.dataclass(frozen=True)
class Numbers:
  """Trends and a bias of the classes, with what they gain on other images."""

  trends: class_fit.Fitted
  bias: class_fit.Fitted

  def of(self, way: Way) -> Way:
    """Returns a way with them."""
    return way.with_numbers(self.trends.values, self.bias.values)

  def label(self, candidate: str) -> str:
    """Names a way as it is run, with the numbers that it has."""
    given = {'trends': self.trends.values, 'bias': self.bias.values}
    texts = [
      f'{name} {" ".join(f"{value:g}" for value in values)}'
      for name, values in given.items()
      if any(values)
    ]
    return ', '.join([candidate, *texts])


@dataclasses.dataclass(frozen=True)
class Tuned:
  """The choice and the measurements behind it.

  Attributes:
    trained: the settings of the training, from which every candidate starts.
    chosen: the best way of each budget and the best single scale, by name.
    names: the candidate that each of these is.
    rows: the summary of every candidate, by name.
    numbers: of the classes, for the way of each budget.
    verified: records of the chosen ways as they are run.
    images: number of images that were measured.
    errors: one line for each image that could not be read.
  """

  trained: Way
  chosen: Mapping[str, Way]
  names: Mapping[str, str]
  rows: Mapping[str, Row]
  numbers: Mapping[str, Numbers]
  verified: Sequence[Record]
  images: int
  errors: Sequence[str]

  def sections(self, budget: str = 'patch') -> dict[str, Section]:
    """Returns what is written into the model.

    Args:
      budget: whose way becomes the model's own.
    """
    ways = {name: self.chosen[name].to_json() for name in choice.BUDGETS}
    ways[TRAINED] = self.trained.to_json()
    scale = self.chosen[choice.SINGLE].plan['first']
    for way in ways.values():
      way['plan'] = {**way['plan'], 'patch_scale': scale}
    return {**ways[budget], 'ways': ways}
