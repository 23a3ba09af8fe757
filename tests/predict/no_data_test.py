"""Pixels without data have no class in panels and previews either."""

import dataclasses

import numpy as np
import pytest

from magnet_jax.cascade.cascade import StageResult
from magnet_jax.cascade.disk_workspace import StreamedStage
from magnet_jax.cascade.workspace import InMemory
from magnet_jax.predict import gallery, thumbnails
from magnet_jax.types import IGNORE, Stage, WindowGrid

STAGE = Stage(0, WindowGrid((4, 6), (4, 6), (0,), (0,)))
MAPS = np.full((4, 6, 2), 0.5, np.float32)
MASK = np.zeros((8, 12), bool)
MASK[:, 6:] = True


@pytest.mark.parametrize('masked', [True, False])
def test_of_a_stage_that_is_smaller_than_its_image(masked):
  result = StageResult(STAGE, MAPS, None, ())
  in_memory = gallery.view(result, valid=MASK if masked else None)
  invalid = InMemory((~MASK).astype(np.uint8)) if masked else None
  streamed = StreamedStage(STAGE, (), InMemory(MAPS), invalid=invalid)
  label = InMemory(np.zeros((4, 6), np.uint8))
  last = dataclasses.replace(streamed, label=label, confidence=label)
  for view in map(thumbnails.view, (streamed, last)):
    np.testing.assert_array_equal(view.label, in_memory.label)
  for view in (in_memory, thumbnails.view(streamed), thumbnails.view(last)):
    assert (view.label[:, :3] == (IGNORE if masked else 0)).all()
    assert (view.label[:, 3:] == 0).all()
    assert (view.uncertainty[:, :3] == (0 if masked else 1)).all()
    assert (view.uncertainty[:, 3:] == 1).all()
