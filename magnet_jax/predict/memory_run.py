"""Segments one image in memory, from its file to the files that come of it."""

import numpy as np

from magnet_jax.cascade import labels, pyramid
from magnet_jax.cascade.cascade import StageResult, predict
from magnet_jax.cascade.disk_workspace import Progress
from magnet_jax.cascade.workspace import InMemory
from magnet_jax.files import images
from magnet_jax.predict import gallery, panel, pictures, thumbnails
from magnet_jax.predict import outputs as files
from magnet_jax.predict.outputs import Outputs
from magnet_jax.predict.task import Task


def segment(
  task: Task, *, outputs: Outputs, progress: Progress
) -> tuple[str, ...]:
  """Segments an image and writes its files.

  Args:
    task: the image.
    outputs: what to write.
    progress: is told how far it is.

  Returns:
    One line for each block of the file that could not be read.

  Raises:
    InputError: the image cannot be read, or the system refuses to write.
  """
  progress.says('reading')
  size = task.source.size
  image = task.source.read(0, 0, *size)
  valid = task.source.valid(0, 0, *size)
  if valid is not None and not valid.any():
    raise pyramid.nothing_to_see(size)
  progress.says('stage 0')

  def seen(result: StageResult) -> None:
    progress.says(f'stage {result.stage.index + 1}')
    if outputs.preview:
      _draw_preview(task, outputs, image, result)

  found = gallery.segment(
    task.cascade,
    image,
    task.plan,
    views=outputs.panel,
    done=progress.done,
    seen=seen,
  )
  progress.says('writing')
  _write(task, outputs, image, valid, found)
  return task.source.broken


def _draw_preview(
  task: Task, outputs: Outputs, image: np.ndarray, result: StageResult
) -> None:
  assert outputs.preview
  photograph = thumbnails.photograph([InMemory(image)])
  maps = InMemory(result.probabilities)
  label = predict(thumbnails.sample(maps, photograph.shape[:2]))
  shown = pictures.overlay(photograph, label, task.model.classes)
  images.write_image(outputs.preview, shown)


def _write(
  task: Task,
  outputs: Outputs,
  image: np.ndarray,
  valid: np.ndarray | None,
  found: gallery.Segmented,
) -> None:
  label, classes = found.label, task.model.classes
  end = files.suffix(task.source)
  if valid is not None:
    label[~valid] = classes.ignore_label
  files.write_plane(
    task.file(f'_label{end}'), InMemory(label), task.source, classes
  )
  if outputs.polygons:
    files.write_polygons(task.file('_label'), end, classes)
  shown = pictures.overlay(image, label, classes)
  images.write_image(task.file('_overlay.jpg'), shown)
  if outputs.confidence:
    sure = labels.confidence(found.probabilities)
    if valid is not None:
      sure[~valid] = 0
    files.write_plane(
      task.file(f'_confidence{end}'), InMemory(sure), task.source
    )
  if found.views:
    picture = panel.panel(image, found.views, classes)
    images.write_image(task.file('_panel.png'), picture)
  if outputs.probabilities:
    files.write_probabilities(
      task.file('_probabilities.npy'), InMemory(found.probabilities)
    )
