"""Houses and trees: where they may stand, and what they draw."""

import numpy as np

from magnet_jax.scenes.canvas import Canvas
from magnet_jax.scenes.classes import BUILDING, CROP, MEADOW, ROAD, TREE
from magnet_jax.scenes.things import Things

SQUARE = np.array([[4.0, 4.0], [14.0, 4.0], [14.0, 12.0], [4.0, 12.0]])


def test_a_house_needs_open_ground():
  canvas, things = Canvas.blank((40, 40), (0, 0)), Things()
  assert things.add_house(canvas, SQUARE, 5.0)
  assert not things.add_house(canvas, SQUARE + 6, 5.0)  # overlaps the first
  assert things.add_house(canvas, SQUARE + 20, 5.0)
  assert len(things.houses) == 2
  assert canvas.class_at((9, 8)) == canvas.class_at((29, 28)) == BUILDING


def test_trees_stand_on_allowed_classes_and_give_way_to_roads():
  canvas, things = Canvas.blank((40, 40), (0, 0)), Things()
  canvas.label[:, 20:] = CROP
  for spot, allowed in (
    ((8, 8), (MEADOW,)),
    ((30, 8), (MEADOW,)),  # stands on crop, and is left out
    ((30, 30), (MEADOW, CROP)),
    ((8, 30), (MEADOW,)),
  ):
    things.add_tree(canvas, np.array(spot, float), 3.0, allowed)
  assert [tree.centre for tree in things.trees] == [(8, 8), (30, 30), (8, 30)]
  canvas.label[25:, :20] = ROAD
  things.draw(np.random.default_rng(0), canvas)
  assert canvas.label[8, 8] == canvas.label[30, 30] == TREE
  assert (canvas.label[25:, :20] == ROAD).all()
  assert canvas.shade.max() == 255
