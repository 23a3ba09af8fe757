"""The stages of an image that does not fit in memory, from disk to disk.

The loop over windows is that of `stage_loop`; maps and images live in a folder
(`disk`), which a run that was killed goes on from (`journal`).
"""

from collections.abc import Iterator, Sequence
import dataclasses
from typing import Any, Protocol

from magnet_jax.cascade import by_window as stage_loop
from magnet_jax.cascade import disk, pyramid, stage_windows
from magnet_jax.cascade.cascade import Cascade
from magnet_jax.cascade.disk import OnDisk, WaitingOnDisk
from magnet_jax.cascade.division import Division
from magnet_jax.cascade.journal import Journal
from magnet_jax.cascade.labels import Labels
from magnet_jax.cascade.pyramid import Pyramid, Source
from magnet_jax.cascade.stage_windows import Plane
from magnet_jax.types import Stage

# How maps between stages are kept. Of 1.5 million labels of a generated scene
# one differs from those in memory with uint16, .1 % do with uint8.
KINDS = ('uint8', 'uint16', 'float32')
DEFAULT = 'uint16'
ALONE = Division()


class Progress(Protocol):
  """Who is told how far it is."""

  def says(self, text: str) -> None:
    """What is being done."""

  def done(self, windows: int) -> None:
    """So many windows more are refined."""

  def skipped(self, windows: int) -> None:
    """So many windows more were refined by an earlier run."""


@dataclasses.dataclass(frozen=True)
class StreamedStage:
  """The segmentation after one stage, on disk.

  Attributes:
    stage: where it stands.
    probabilities: float32 [H_s,W_s,C]; None for the last unless asked for.
    label: uint8 [H,W] after the last stage, `IGNORE` where there is no image.
    confidence: uint8 [H,W] after the last stage: 255 (1 - uncertainty), if
      asked for.
    images: uint8 [H_s,W_s,3] of all stages.
  """

  stage: Stage
  images: tuple[Plane, ...]
  probabilities: Plane | None
  label: Plane | None = None
  confidence: Plane | None = None


class Streaming:
  """One image on its way through the stages.

  Args:
    cascade: the networks.
    source: the image.
    plan: its stages.
    journal: of this run.
    kind: one of KINDS: how the maps between stages are kept.
    confidence: whether it is kept.
    probabilities: whether the last stage's are kept.
    progress: is told how far it is.
    overviews: whether reduced images are made of the file's own.
    division: of the work among processes; each has a journal of its own in
      the one folder.
  """

  def __init__(
    self,
    cascade: Cascade,
    source: Source,
    plan: Sequence[Stage],
    journal: Journal,
    *,
    kind: str,
    confidence: bool,
    probabilities: bool,
    progress: Progress,
    overviews: bool = False,
    division: Division = ALONE,
  ):
    self._cascade = cascade
    self._source = source
    self._plan = tuple(plan)
    self._journal = journal
    self._kind = kind
    self._wanted = (confidence, probabilities)
    self._progress = progress
    self._overviews = overviews
    self._division = division

  def stages(self) -> Iterator[StreamedStage]:
    """Segments the image, or goes on with it; yields every stage."""
    images = self._images()
    before = self._first(images)
    yield before
    counts = stage_windows.allot(self._plan, self._cascade.options.windows)
    for stage in self._plan[1:]:
      assert before.probabilities is not None
      before = self._later(
        stage, images, before.probabilities, counts[stage.index]
      )
      yield before

  def _images(self) -> Pyramid:
    sizes = [stage.size for stage in self._plan]
    folder = self._journal.folder
    if self._division.is_first and self._journal.done('images') is None:

      def tell(share: float) -> None:
        self._progress.says(f'reading, {share:.0%}')

      masked = pyramid.make(
        self._source, sizes, folder, tell, overviews=self._overviews
      )
      self._journal.note('images', {'masked': masked})
    masked = self._from_first(self._journal.done('images'))['masked']
    return pyramid.opened(self._source, sizes, folder, masked)

  def _first(self, images: Pyramid) -> StreamedStage:
    stage = self._plan[0]
    self._progress.says('stage 0')
    values = self._cascade.coarsest(images.images[0], stage)
    self._classes = values.shape[-1]
    target = self._target(stage, images)
    if self._division.is_first:
      target.write(0, 0, values)
      target.flush()
    self._division.meet()
    self._progress.done(1)
    return _result(stage, images, target)

  def _later(
    self, stage: Stage, images: Pyramid, coarse: Plane, count: int
  ) -> StreamedStage:
    name = f'stage {stage.index}'
    self._progress.says(name)
    target = self._target(stage, images)
    numbers = self._windows(stage, coarse, count)
    own = self._division.windows(stage.grid, numbers)
    share = -(-count // self._division.count)  # as the progress expects
    if self._journal.done(name):
      self._progress.skipped(share)
    else:
      self._refine(
        stage, images, coarse, target, numbers=numbers, own=own, share=share
      )
      self._journal.note(name)
    self._division.meet()
    return _result(stage, images, target)

  def _refine(
    self,
    stage: Stage,
    images: Pyramid,
    coarse: Plane,
    target: OnDisk | Labels,
    *,
    numbers: Sequence[int],
    own: range,
    share: int,
  ) -> None:
    """Refines the windows of this process, or goes on with them."""
    name = f'stage {stage.index} part'
    waiting = WaitingOnDisk(self._journal.folder / f'waiting{stage.index}')
    needed = stage_loop.needed(stage.grid, numbers, own)
    parts = stage_loop.split(own, needed, self._cascade.batch)
    last = self._journal.done(name)
    first = 0 if last is None else last + 1
    before = sum(len(chosen) for _, chosen in parts[:first])
    self._progress.skipped(before + max(0, share - len(needed)))
    for part in self._cascade.refine(
      images.images[stage.index],
      coarse,
      stage,
      numbers,
      windows=own,
      waiting=waiting,
      first=first,
    ):
      for tile in part.tiles:
        target.write(tile.top, tile.left, tile.values)
      target.flush()
      self._journal.note(name, part.index)
      waiting.forget(parts[part.index][0])
      self._progress.done(len(part.chosen))

  def _from_first(self, value: Any) -> Any:
    """What the first process has, on all; the others' value is ignored."""
    return self._division.meet(value if self._division.is_first else None)[0]

  def _windows(self, stage: Stage, coarse: Plane, count: int) -> Sequence[int]:
    """The windows to refine; a choice is made once."""
    options = self._cascade.options
    if count == len(stage.grid) and not options.min_uncertainty:
      return range(count)
    name = f'stage {stage.index} windows'
    if self._division.is_first and self._journal.done(name) is None:
      self._progress.says(f'stage {stage.index}, choosing windows')
      chosen = self._cascade.choose(stage, coarse, count)
      self._journal.note(name, list(chosen))
    numbers: list[int] = self._from_first(self._journal.done(name))
    return numbers

  def _target(self, stage: Stage, images: Pyramid) -> OnDisk | Labels:
    tiles = disk.grid_tiles(stage.grid)
    folder = self._journal.folder

    def plane(name: str, channels: int, kind: str) -> OnDisk:
      return OnDisk(folder / name, tiles, channels, kind)

    maps = f'stage{stage.index}'
    if stage is not self._plan[-1]:
      return plane(maps, self._classes, self._kind)
    confidence, probabilities = self._wanted
    return Labels(
      plane('label', 0, 'bytes'),
      plane('confidence', 0, 'bytes') if confidence else None,
      images.invalid,
      plane(maps, self._classes, self._kind) if probabilities else None,
    )


def _result(
  stage: Stage, images: Pyramid, target: OnDisk | Labels
) -> StreamedStage:
  if isinstance(target, OnDisk):
    return StreamedStage(stage, images.images, target)
  return StreamedStage(
    stage,
    images.images,
    target.probabilities,
    target.label,
    target.confidence,
  )
