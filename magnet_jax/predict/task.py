"""One image of a command, with all that segmenting it takes."""

from collections.abc import Sequence
import dataclasses
import pathlib

from magnet_jax.cascade.cascade import Cascade
from magnet_jax.predict.model import Model
from magnet_jax.rasters.broken_blocks import Unbroken
from magnet_jax.types import Stage


@dataclasses.dataclass(frozen=True)
class Task:
  """One image to segment.

  Attributes:
    model: the networks, with their settings.
    cascade: of them.
    path: the image's file.
    source: the image.
    plan: its stages.
    folder: where its files go.
    name: how their names begin.
    overviews: whether a streamed image's stages are made of the file's own
      overviews.
  """

  model: Model
  cascade: Cascade
  path: pathlib.Path
  source: Unbroken
  plan: Sequence[Stage]
  folder: pathlib.Path
  name: str
  overviews: bool = False

  def file(self, rest: str) -> pathlib.Path:
    """One of its files, such as that of '_label.png'."""
    return self.folder / f'{self.name}{rest}'
