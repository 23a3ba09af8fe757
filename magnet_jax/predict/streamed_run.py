"""Streams one image from its file to its output files."""

from collections.abc import Iterator, Sequence
import contextlib
import dataclasses
import pathlib

import jax

from magnet_jax import parallel
from magnet_jax.cascade import journal
from magnet_jax.cascade.disk_workspace import (
  ALONE,
  DiskWorkspace,
  Kept,
  StreamedStage,
)
from magnet_jax.cascade.division import Division
from magnet_jax.cascade.journal import Journal
from magnet_jax.cascade.workspace import InMemory, Progress
from magnet_jax.files import atomic, images
from magnet_jax.predict import fingerprint, panel, thumbnails
from magnet_jax.predict import outputs as files
from magnet_jax.predict.outputs import Outputs
from magnet_jax.predict.task import Task
from magnet_jax.types import InputError

PARTIAL = '.partial'  # suffix of the folder of an unfinished run
_FORMAT = 5  # of the folder; runs in another format cannot be resumed
_OVERLAY = 2048  # pixels of its longer side


def segment(
  task: Task,
  *,
  kind: str,
  outputs: Outputs,
  progress: Progress,
  division: Division = ALONE,
) -> tuple[str, ...]:
  """Segments an image, or resumes an earlier run that was stopped.

  Args:
    task: the image.
    kind: how maps are stored, one of `disk_workspace.KINDS`.
    outputs: what to write.
    progress: progress callbacks.
    division: the share of this process; the first process writes the files.

  Returns:
    One line for each block of the file that could not be read.

  Raises:
    InputError: the folder holds another run, the file was changed, writing
      fails, or its name is no text.
  """
  atomic.check_utf8(task.file(PARTIAL))
  settings = {
    **_settings(task, kind, outputs),
    'processes': division.count,
  }
  with _opened(task.file(PARTIAL), settings, division) as notes:
    preview = outputs.preview if division.is_first else None
    space = DiskWorkspace(
      task.source,
      task.plan,
      notes,
      kept=Kept(
        kind,
        outputs.panel or outputs.confidence,
        outputs.probabilities or task.recipe.correction is not None,
      ),
      progress=progress,
      overviews=task.overviews,
      division=division,
    )
    stages = _stages(task, space, notes, progress, preview)
    broken = [*notes.done('broken'), *task.source.broken]
    # Before the meeting, after which the first process removes the folder.
    notes.close()
    lines = {line for found in division.meet(broken) for line in found}
    if division.is_first:
      corrected = _corrected(task, stages[-1], notes.folder, kind, progress)
      progress.says('writing')
      _write(task, [*stages, *corrected], outputs)
      notes.remove()
  return tuple(sorted(lines))


@contextlib.contextmanager
def _opened(
  folder: pathlib.Path, settings: dict[str, object], division: Division
) -> Iterator[Journal]:
  """Opens the folder of a run, which the first process makes."""
  if not division.is_first:
    # Waits until the first process has made and locked the folder.
    division.meet()
    if not folder.exists():
      raise InputError(
        f'{folder}: not visible to process {division.index}: processes that '
        'share an image need a common folder; set --out to a disk that all of '
        'them can access, or use --divide=images'
      )
  with journal.opened(folder, settings, division.index) as notes:
    if division.is_first:
      division.meet()
    yield notes


def _stages(
  task: Task,
  space: DiskWorkspace,
  notes: Journal,
  progress: Progress,
  preview: pathlib.Path | None,
) -> list[StreamedStage]:
  """Runs all stages and draws the preview after each."""
  found: list[StreamedStage] = []
  for stage, _ in task.cascade.run(task.plan, space, progress):
    found.append(space.result(stage))
    if notes.done('broken') is None:
      # The whole file has been read by now. A resumed run may not read it
      # again and so would not find these blocks.
      notes.note('broken', list(task.source.broken))
    if preview:
      view = thumbnails.view(found[-1])
      photograph = thumbnails.photograph(found[-1].images)
      seen = thumbnails.preview(
        photograph, InMemory(view.label), task.model.classes
      )
      images.write_image(preview, seen)
  return found


def _corrected(
  task: Task,
  last: StreamedStage,
  folder: pathlib.Path,
  kind: str,
  progress: Progress,
) -> list[StreamedStage]:
  """Returns the last stage corrected, if it is to be."""
  correction = task.recipe.correction
  if correction is None:
    return []
  # Always from its beginning: it takes less time than the stages.
  progress.says(correction.name)
  return [correction.stream(last, folder, kind)]


def _write(
  task: Task, stages: Sequence[StreamedStage], outputs: Outputs
) -> None:
  """Writes all files of an image."""
  last, classes = stages[-1], task.model.classes
  end = files.suffix(task.source)
  assert last.label is not None
  files.write_plane(task.file(f'_label{end}'), last.label, task.source, classes)
  photograph = thumbnails.photograph(last.images, _OVERLAY)
  shown = thumbnails.preview(photograph, last.label, classes)
  images.write_image(task.file('_overlay.jpg'), shown)
  files.write_polygons(task.file(''), end, classes, outputs)
  if outputs.confidence and last.confidence is not None:
    files.write_plane(
      task.file(f'_confidence{end}'), last.confidence, task.source
    )
  if outputs.panel:
    views = [thumbnails.view(stage) for stage in stages]
    if correction := task.recipe.correction:
      views[-1] = dataclasses.replace(views[-1], title=correction.name)
    photograph = thumbnails.photograph(last.images)
    picture = panel.panel(photograph, views, classes)
    images.write_image(task.file('_panel.png'), picture)
  if outputs.probabilities and last.probabilities is not None:
    files.write_probabilities(
      task.file('_probabilities'),
      last.probabilities,
      last.label,
      task.source,
      classes,
    )


def _settings(task: Task, kind: str, outputs: Outputs) -> dict[str, object]:
  """Returns everything the result depends on, by the names in messages."""
  model, source, cascade = task.model, task.source, task.cascade
  options = cascade.options
  of_file = fingerprint.file(task.path)
  return {
    'format': _FORMAT,
    'image size': list(source.size),
    **{f'image {name}': value for name, value in of_file.items()},
    'reading': list(source.notes),
    'overviews': task.overviews,
    'networks': fingerprint.networks(model.segmenter, *model.refiners),
    'classes': list(model.classes.names),
    'correction': _of_correction(task),
    'stages': [
      [*stage.size, *stage.grid.window, len(stage.grid)] for stage in task.plan
    ],
    'network size': list(cascade.network),
    'points': options.points,
    'kernel': options.kernel,
    'windows': options.windows,
    'window_score': options.window_score,
    'min_uncertainty': options.min_uncertainty,
    'mix': options.mix,
    'fusion': options.fusion,
    'stage_weights': list(options.stage_weights),
    'trends': list(options.trends),
    'bias': list(options.bias),
    'flips': options.flips,
    'filter_radius': options.filter_radius,
    # Parts are numbered by batch: with another one, a resumed run would skip
    # the wrong windows.
    'batch': cascade.batch,
    'store': kind,
    'panel or confidence': outputs.panel or outputs.confidence,
    'probabilities': outputs.probabilities,
    # Other hardware and versions round differently: tiles would not match.
    'device': jax.local_devices()[0].device_kind,
    'devices': parallel.device_count(),
    'jax': jax.__version__,
  }


def _of_correction(task: Task) -> list[object]:
  """Returns what the last correction depends on."""
  correction = task.recipe.correction
  if correction is None:
    return []
  settings = sorted(correction.settings.items())
  return [
    correction.name,
    [[name, value] for name, value in settings],
    fingerprint.networks(correction.corrects.bands),
  ]
