"""One image of a command, with everything needed to segment it."""

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
    folder: for its output files.
    name: start of their names.
    overviews: whether a streamed image's stages start from the file's own
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
    """Returns the path of an output file, such as that of '_label.png'."""
    return self.folder / f'{self.name}{rest}'
