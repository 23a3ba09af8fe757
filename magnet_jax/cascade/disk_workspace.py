"""Stages of an image that does not fit in memory, from disk to disk.

Images and maps live in a folder (`disk`), from which a killed run is resumed
(`journal`), and which several processes may share (`division`).
"""

from collections.abc import Callable, Sequence
import dataclasses
from typing import Any, TypeVar

from magnet_jax.cascade import by_window, pyramid, tiling
from magnet_jax.cascade.disk import OnDisk, WaitingOnDisk
from magnet_jax.cascade.division import Division
from magnet_jax.cascade.journal import Journal
from magnet_jax.cascade.labels import Labels
from magnet_jax.cascade.parts import Part, Share
from magnet_jax.cascade.workspace import Progress
from magnet_jax.rasters.rasters import Raster
from magnet_jax.types import Plane, Stage

# Storage of the maps between stages. uint16 takes half of the disk and changes
# some labels of a million: where two classes nearly tie, and where a refiner
# replaces the points of highest score (experiments/same_output).
KINDS = ('uint8', 'uint16', 'float32')
EXACT = 'float32'  # with it, labels are those in memory
ALONE = Division()
_WRITES = 32  # tiles that are written at the same time
T = TypeVar('T')


@dataclasses.dataclass(frozen=True)
class StreamedStage:
  """The segmentation after one stage, on disk.

  Attributes:
    stage: its size and windows.
    images: uint8 [H_s,W_s,3] of all stages.
    probabilities: float32 [H_s,W_s,C]; None for the last unless asked for.
    label: uint8 [H,W] after the last stage, `IGNORE` for invalid pixels.
    confidence: uint8 [H,W] after the last stage: 255 (1 - uncertainty), if
      asked for.
    invalid: uint8 [H,W], 1 for invalid pixels; None if there are none.
  """

  stage: Stage
  images: tuple[Plane, ...]
  probabilities: Plane | None
  label: Plane | None = None
  confidence: Plane | None = None
  invalid: Plane | None = None


@dataclasses.dataclass(frozen=True)
class Kept:
  """What is kept on disk for an image.

  Attributes:
    kind: storage of the maps between stages, one of KINDS.
    confidence: whether the confidence is kept.
    probabilities: whether the last stage's probabilities are kept.
  """

  kind: str
  confidence: bool = False
  probabilities: bool = False


class DiskWorkspace:
  """The stages of one image, in a folder.

  Args:
    source: the image.
    plan: its stages.
    journal: of this run.
    kept: what is kept on disk.
    progress: progress callbacks.
    overviews: whether to start from the file's own overviews.
    division: of the work among processes; each has its own journal in the
      shared folder.

  Raises:
    InputError: the image has no valid pixel, or writing fails.
  """

  def __init__(
    self,
    source: Raster,
    plan: Sequence[Stage],
    journal: Journal,
    *,
    kept: Kept,
    progress: Progress,
    overviews: bool = False,
    division: Division = ALONE,
  ):
    self._last = plan[-1]
    self._journal = journal
    self._kept = kept
    self._progress = progress
    self._division = division
    self._classes = journal.done('classes') or 0
    self._open: dict[str, Any] = {}
    # The last filter sees the image of the stage before.
    sizes = [*dict.fromkeys(stage.size for stage in plan)]
    self._sizes = sizes
    images = self._shared(
      'images', lambda: {'masked': self._shrink(source, sizes, overviews)}
    )
    self._images = pyramid.opened(
      source, sizes, journal.folder, images['masked']
    )

  def _shrink(
    self, source: Raster, sizes: Sequence[tuple[int, int]], overviews: bool
  ) -> bool:
    return pyramid.make(
      source,
      sizes,
      self._journal.folder,
      lambda share: self._progress.says(f'reading, {share:.0%}'),
      overviews=overviews,
    )

  def _shared(self, name: str, make: Callable[[], Any]) -> Any:
    """A JSON value that the first process makes once, on all processes."""
    # From the journal if it is there: a resumed run must not choose again.
    if self._division.is_first and self._journal.done(name) is None:
      self._journal.note(name, make())
    first = self._journal.done(name) if self._division.is_first else None
    return self._division.meet(first)[0]

  def once(self, name: str, make: Callable[[], Any]) -> Any:
    """Makes a JSON value once, in one process, for all runs and processes."""

    return self._shared(name, make)

  def image(self, stage: Stage) -> Plane:
    """Returns a stage's image: uint8 [H_s,W_s,3]."""
    return self._images.images[self._sizes.index(stage.size)]

  def map(self, stage: Stage) -> OnDisk:
    """Returns the segmentation after a stage: float32 [H_s,W_s,C]."""
    name = f'stage{stage.index}'
    return self._plane(name, stage, self._kept.kind, self._classes)

  def share(
    self, stage: Stage, numbers: Sequence[int], expected: int, batch: int
  ) -> Share | None:
    """Returns what this process has yet to do of a stage; None if nothing."""
    # Windows are announced in equal shares, but divided by cost: the progress
    # skips what this process has fewer of.
    mine = -(-expected // self._division.count)
    if self._journal.done(f'stage {stage.index}'):
      self._progress.skipped(mine)
      return None
    grid = tiling.tiled(stage.grid)
    own = self._division.windows(grid, numbers)
    last = self._journal.done(f'stage {stage.index} part')
    first = 0 if last is None else last + 1
    needed = by_window.needed(grid, numbers, own)
    parts = by_window.split(own, needed, batch)
    before = sum(len(chosen) for _, chosen in parts[:first])
    self._progress.skipped(before + max(0, mine - len(needed)))
    return Share(own, first, self._waiting(stage))

  def put(self, stage: Stage, part: Part) -> None:
    """Writes tiles, then notes in the journal that they are there."""
    target: OnDisk | Labels | None = None
    for count, tile in enumerate(part.tiles, start=1):
      if not self._classes:  # the first tile of stage 0 tells
        self._classes = tile.values.shape[-1]
        self._journal.note('classes', self._classes)
      target = target or self._target(stage)
      target.write(tile.top, tile.left, tile.values)
      # A part of windows that are left out may be a large area: tiles that are
      # being written are in memory.
      if count % _WRITES == 0:
        target.flush()
    if target:
      target.flush()
    # In this order, or a kill in between would lose tiles or their inputs.
    self._journal.note(f'stage {stage.index} part', part.index)
    self._waiting(stage).forget(part.finished)

  def end(self, stage: Stage) -> None:
    """Notes that a stage is complete, and waits for the other processes."""
    if not self._journal.done(f'stage {stage.index}'):
      self._journal.note(f'stage {stage.index}')
    # A process without a share of stage 0 learns the number of classes here.
    self._classes = max(self._division.meet(self._classes))

  def result(self, stage: Stage) -> StreamedStage:
    """Returns what is on disk after a stage."""
    target, images = self._target(stage), self._images.images
    found = StreamedStage(stage, images, None, invalid=self._images.invalid)
    if isinstance(target, OnDisk):
      return dataclasses.replace(found, probabilities=target)
    return dataclasses.replace(
      found,
      probabilities=target.probabilities,
      label=target.label,
      confidence=target.confidence,
    )

  def _waiting(self, stage: Stage) -> WaitingOnDisk:
    name = f'waiting{stage.index}'
    return self._once_opened(
      name, lambda: WaitingOnDisk(self._journal.folder / name)
    )

  def _once_opened(self, name: str, make: Callable[[], T]) -> T:
    """Opens each plane once: a stage has thousands of parts."""
    if name not in self._open:
      self._open[name] = make()
    found: T = self._open[name]
    return found

  def _plane(self, name: str, stage: Stage, kind: str, channels: int) -> OnDisk:
    return self._once_opened(
      name,
      lambda: OnDisk(
        self._journal.folder / name,
        tiling.grid_tiles(stage.grid),
        channels,
        kind,
      ),
    )

  def _target(self, stage: Stage) -> OnDisk | Labels:
    """What takes the tiles of a stage."""
    if stage is not self._last:
      return self.map(stage)
    kept = self._kept
    return Labels(
      self._plane('label', stage, 'bytes', 0),
      self._plane('confidence', stage, 'bytes', 0) if kept.confidence else None,
      self._images.invalid,
      self.map(stage) if kept.probabilities else None,
    )
