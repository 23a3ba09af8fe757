"""A map's last correction by a filter of the image, in memory or on disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import dataclasses
import pathlib

import numpy as np

from magnet_jax.cascade import tiling
from magnet_jax.cascade.disk import OnDisk
from magnet_jax.cascade.disk_workspace import StreamedStage
from magnet_jax.cascade.labels import Labels
from magnet_jax.filters.bands import Sliced
from magnet_jax.filters.table import Filter
from magnet_jax.types import IGNORE, Plane, Size

# Rows of windows that a network holds of a map at a time, and as many again.
_ROWS = 1200


@dataclasses.dataclass(frozen=True)
class Correction:
  """A filter with its settings.

  Attributes:
    name: of the method.
    corrects: the filter.
    settings: its keyword arguments.
    notes: what the user should know of images that were corrected, as ends of
      a sentence that begins with 'an image'; added while they are.
  """

  name: str
  corrects: Filter
  settings: Mapping[str, object]
  notes: set[str] = dataclasses.field(default_factory=set)

  @property
  def in_memory(self) -> str:
    """Why it works in memory only, as a clause; '' if it does not."""
    if self.corrects.bands:
      return ''
    return f'{self.name} corrects a map as a whole, which works in memory only'

  def needed(self, width: int, num_classes: int) -> int:
    """Estimates the bytes that it takes for bands of an image."""
    return self.corrects.takes + _ROWS * width * (4 * num_classes + 3)

  def apply(self, image: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Corrects float32 [H,W,C] by uint8 [H,W,3]."""
    self._note(self.corrects.note(image))
    return self.corrects.apply(image, probabilities, **self.settings)

  def stream(
    self, stage: StreamedStage, folder: pathlib.Path, kind: str
  ) -> StreamedStage:
    """Corrects the last stage of an image on disk, band by band.

    Args:
      stage: with its probabilities.
      folder: for the result.
      kind: how its probabilities are stored, one of `disk_workspace.KINDS`.

    Returns:
      The stage with the corrected label and probabilities; with a confidence
      if it had one.
    """
    maps, label = stage.probabilities, stage.label
    assert maps is not None and label is not None
    size = maps.size
    tiles = tiling.equal_tiles(size)

    def plane(name: str, channels: int, kind: str) -> OnDisk:
      return OnDisk(folder / f'corrected_{name}', tiles, channels, kind)

    classes = maps.read(0, 0, 1, 1).shape[-1]
    found = Labels(
      plane('label', 0, 'bytes'),
      plane('confidence', 0, 'bytes') if stage.confidence else None,
      _Unlabelled(label),
      plane('maps', classes, kind),
    )
    top = 0
    for rows in _whole_tiles(self._bands(stage.images[-1], maps)):
      found.write(top, 0, rows)
      found.flush()
      top += len(rows)
    return dataclasses.replace(
      stage,
      label=found.label,
      confidence=found.confidence,
      probabilities=found.probabilities,
    )

  def _bands(self, image: Plane, maps: Plane) -> Iterator[np.ndarray]:
    assert self.corrects.bands is not None
    sliced = Sliced(image)
    self._note(self.corrects.note(sliced))
    width = maps.size[1]
    found: Iterator[np.ndarray] = self.corrects.bands(
      sliced,
      lambda first, last: maps.read(first, 0, last - first, width),
      **self.settings,
    )
    return found

  def _note(self, note: str) -> None:
    if note:
      self.notes.add(note)


@dataclasses.dataclass(frozen=True)
class _Unlabelled:
  """1 where a label has no class.

  Attributes:
    label: uint8 [H,W].
  """

  label: Plane

  @property
  def size(self) -> Size:
    return self.label.size

  def read(self, top: int, left: int, height: int, width: int) -> np.ndarray:
    found = self.label.read(top, left, height, width)
    return (found == IGNORE).astype(np.uint8)


def _whole_tiles(bands: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
  """Regroups bands so that no tile is written in two pieces."""
  rows = tiling.CHUNK[0]
  kept: list[np.ndarray] = []
  for band in bands:
    kept.append(band)
    count = sum(map(len, kept)) // rows * rows
    if count:
      joined = np.concatenate(kept)
      yield joined[:count]
      kept = [joined[count:]]
  if kept and len(last := np.concatenate(kept)):
    yield last
