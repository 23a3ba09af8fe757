"""One image of a command, with everything needed to segment it."""

from collections.abc import Callable, Sequence
import dataclasses
import pathlib

import numpy as np

from magnet_jax.cascade.cascade import Cascade
from magnet_jax.predict.correction import Correction
from magnet_jax.predict.model import Model
from magnet_jax.rasters.broken_blocks import Unbroken
from magnet_jax.types import Stage


@dataclasses.dataclass(frozen=True)
class Whole:
  """A method that segments an image in memory, otherwise than by a cascade.

  Attributes:
    name: of the method.
    segment: uint8 [H,W,3] -> probabilities float32 [H,W,C], and how many
      windows the segmenter has seen.
  """

  name: str
  segment: Callable[[np.ndarray], tuple[np.ndarray, int]]

  @property
  def in_memory(self) -> str:
    """Why it works in memory only, as a clause."""
    return f'{self.name} works in memory only'


@dataclasses.dataclass(frozen=True)
class Recipe:
  """What is done with each image.

  Attributes:
    model: the networks, with their settings; their cascade is run.
    whole: is run instead, if any.
    correction: of the result, if any.
  """

  model: Model
  whole: Whole | None = None
  correction: Correction | None = None

  @property
  def in_memory(self) -> str:
    """Why it works in memory only, as a clause; '' if it does not."""
    for part in (self.whole, self.correction):
      if part and part.in_memory:
        return f'{part.in_memory}; choose another --method'
    return ''


@dataclasses.dataclass(frozen=True)
class Task:
  """One image to segment.

  Attributes:
    recipe: what is done with it.
    cascade: of the recipe's model.
    path: the image's file.
    source: the image.
    plan: its stages.
    folder: for its output files.
    name: start of their names.
    overviews: whether a streamed image's stages start from the file's own
      overviews.
  """

  recipe: Recipe
  cascade: Cascade
  path: pathlib.Path
  source: Unbroken
  plan: Sequence[Stage]
  folder: pathlib.Path
  name: str
  overviews: bool = False

  @property
  def model(self) -> Model:
    """The networks, with their settings."""
    return self.recipe.model

  def file(self, rest: str) -> pathlib.Path:
    """Returns the path of an output file, such as that of '_label.png'."""
    return self.folder / f'{self.name}{rest}'
