"""What annotation files say of an image."""

from collections.abc import Callable
import dataclasses

from magnet_jax.survey.shapes import Mask
from magnet_jax.types import Size


@dataclasses.dataclass(frozen=True)
class Shape:
  """A shape of a class.

  Attributes:
    name: of the class.
    draw: (height, width) of the image -> its pixels; None for what has no
      area, such as a box or a point.
  """

  name: str
  draw: Callable[[Size], Mask] | None


@dataclasses.dataclass(frozen=True)
class Annotated:
  """An image as an annotation file describes it.

  Attributes:
    name: its path there; the folders need not be those of the data.
    size: (height, width).
    shapes: in the order of the file.
  """

  name: str
  size: Size
  shapes: tuple[Shape, ...]
