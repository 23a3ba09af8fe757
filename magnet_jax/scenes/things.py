"""Houses and trees, drawn on the ground with their shadows."""

from __future__ import annotations

from collections.abc import Iterator
import dataclasses

import cv2
import numpy as np

from magnet_jax.scenes.canvas import Canvas
from magnet_jax.scenes.classes import BUILDING, CROP, MEADOW, TREE

_ROOFS = (
  (176, 92, 72), (158, 82, 70), (190, 118, 88), (136, 96, 84),
  (128, 126, 130), (168, 166, 164), (100, 98, 106), (206, 200, 192),
)  # fmt: skip
_OPEN = (MEADOW, CROP)  # where trees may stand


@dataclasses.dataclass(frozen=True)
class House:
  """A roof with a ridge: corners [4,2]; 0-1 and 2-3 are the long sides."""

  corners: np.ndarray
  rise: float


@dataclasses.dataclass(frozen=True)
class Tree:
  """A round crown."""

  centre: tuple[float, float]
  radius: float


@dataclasses.dataclass
class Things:
  """What is drawn once the ground is complete, shadows first."""

  houses: list[House] = dataclasses.field(default_factory=list)
  trees: list[Tree] = dataclasses.field(default_factory=list)

  def add_house(self, canvas: Canvas, corners: np.ndarray, rise: float) -> bool:
    """Adds a house and returns True if only open ground lies under it."""
    if (canvas.classes_under(corners) != MEADOW).any():
      return False
    canvas.fill(corners, label=BUILDING)
    self.houses.append(House(corners, rise))
    return True

  def add_tree(
    self,
    canvas: Canvas,
    centre: np.ndarray,
    radius: float,
    allowed: tuple[int, ...] = (MEADOW,),
  ) -> None:
    """Adds a tree if its trunk stands on one of the allowed classes."""
    x, y = centre.tolist()
    if canvas.class_at((x, y)) in allowed:
      self.trees.append(Tree((x, y), radius))

  def draw(self, rng: np.random.Generator, canvas: Canvas) -> None:
    """Casts all shadows onto the ground, then draws roofs and crowns."""
    angle = rng.uniform(0, 2 * np.pi)
    sun = np.array([np.cos(angle), np.sin(angle)])  # direction of the shadows
    reach = rng.uniform(0.6, 1.2)
    for house in self.houses:
      shifted = house.corners + sun * house.rise * reach
      both = np.concatenate([house.corners, shifted]).astype(np.float32)
      canvas.fill(cv2.convexHull(both)[:, 0].astype(float), shade=255)
    # Roads may have been drawn through hedges since.
    trees = [
      tree for tree in self.trees if canvas.class_at(tree.centre) in _OPEN
    ]
    for tree in trees:
      shadow = _moved(tree, sun * reach)
      canvas.disc(shadow, tree.radius * 0.9, shade=255)
    _darken(canvas, rng.uniform(0.42, 0.55))
    for house in self.houses:
      _draw_roof(rng, canvas, house, sun)
    for tree in trees:
      _draw_crown(rng, canvas, tree, sun)


def _darken(canvas: Canvas, depth: float) -> None:
  soft = cv2.blur(canvas.shade, (3, 3))
  for rows in _bands(soft.shape[0]):
    keep = np.float32(1) - soft[rows].astype(np.float32) * np.float32(
      depth / 255
    )
    canvas.image[rows] = canvas.image[rows] * keep[..., None]


def _bands(height: int) -> Iterator[slice]:
  for top in range(0, height, 256):
    yield slice(top, top + 256)


def _moved(tree: Tree, share: np.ndarray) -> tuple[float, float]:
  """Returns the point that lies `share` of a radius from the trunk."""
  x, y = share.tolist()
  return tree.centre[0] + x * tree.radius, tree.centre[1] + y * tree.radius


def _tone(colour: np.ndarray, factor: float) -> tuple[int, ...]:
  return tuple(min(255, max(0, int(c * factor))) for c in colour.tolist())


def _draw_roof(
  rng: np.random.Generator, canvas: Canvas, house: House, sun: np.ndarray
) -> None:
  one, two, three, four = house.corners
  colour = np.array(_ROOFS[int(rng.integers(len(_ROOFS)))], float)
  colour *= rng.uniform(0.9, 1.1)
  ridge = np.stack([(one + four) / 2, (two + three) / 2])
  lean = float((one - four) @ sun) / (np.hypot(*(one - four)) + 1e-6)
  near, far = _tone(colour, 1 - 0.25 * lean), _tone(colour, 1 + 0.25 * lean)
  # The whole roof first: two halves may miss label pixels on the ridge.
  canvas.fill(house.corners, image=far, label=BUILDING)
  canvas.fill(np.stack([one, two, ridge[1], ridge[0]]), image=near)
  if house.rise > 4.8:
    canvas.stroke(ridge, 1, image=_tone(colour, 1.3))


def _draw_crown(
  rng: np.random.Generator, canvas: Canvas, tree: Tree, sun: np.ndarray
) -> None:
  colour = np.array([52.0, 78.0, 42.0]) + rng.normal(0, 5, 3)
  colour *= rng.uniform(0.75, 1.15)
  radius = tree.radius
  canvas.disc(tree.centre, radius, image=_tone(colour, 0.78), label=TREE)
  if radius > 1.6:
    lit = _moved(tree, -0.22 * sun)
    canvas.disc(lit, 0.7 * radius, image=_tone(colour, 1.08))
  if radius > 3.5:
    for _ in range(2):
      bump = _moved(tree, rng.normal(0, 0.25, 2) - 0.22 * sun)
      canvas.disc(bump, 0.28 * radius, image=_tone(colour, 1.4))
