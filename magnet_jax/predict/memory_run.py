"""Segments one image in memory, from its file to its output files."""

from collections.abc import Iterator, Sequence

import numpy as np

from magnet_jax.cascade import labels, pyramid, quantised
from magnet_jax.cascade.cascade import Cascade, StageResult
from magnet_jax.cascade.workspace import InMemory, Progress
from magnet_jax.files import images
from magnet_jax.predict import gallery, panel, pictures, thumbnails
from magnet_jax.predict import outputs as files
from magnet_jax.predict.outputs import Outputs
from magnet_jax.predict.panel import StageView
from magnet_jax.predict.task import Recipe, Task
from magnet_jax.types import Stage, WindowGrid


def segment(
  task: Task, *, outputs: Outputs, progress: Progress
) -> tuple[str, ...]:
  """Segments an image and writes its files.

  Args:
    task: the image.
    outputs: what to write.
    progress: progress callbacks.

  Returns:
    One line for each block of the file that could not be read.

  Raises:
    InputError: the image cannot be read, or writing fails.
  """
  progress.says('reading')
  size = task.source.size
  image = task.source.read(0, 0, *size)
  valid = task.source.valid(0, 0, *size)
  if valid is not None and not valid.any():
    raise pyramid.nothing_to_see(size)
  views = []
  steps = results(task.recipe, task.cascade, image, task.plan, progress)
  for name, result in steps:
    if outputs.panel:
      views.append(gallery.view(result, name, valid))
    if outputs.preview:
      _draw_preview(task, outputs, image, valid, result)
  progress.says('writing')
  probabilities = result.probabilities
  if not task.cascade.policy.normalised:
    probabilities = quantised.normalised(probabilities)
  _write(
    task,
    outputs,
    image,
    valid,
    probabilities=probabilities,
    views=views,
  )
  return task.source.broken


def results(
  recipe: Recipe,
  cascade: Cascade,
  image: np.ndarray,
  plan: Sequence[Stage],
  progress: Progress,
) -> Iterator[tuple[str, StageResult]]:
  """Yields what each step makes, and its name if it is none of a cascade.

  Args:
    recipe: what is done with the image.
    cascade: of the recipe's model.
    image: uint8 [H,W,3].
    plan: the image's stages.
    progress: progress callbacks.
  """
  whole, correction = recipe.whole, recipe.correction
  if whole:
    progress.says(whole.name)
    found, seen = whole.segment(image)
    progress.done(seen)
    result = _of_whole(found)
    yield whole.name, result
  else:
    for result in cascade.stages(image, plan, progress=progress):
      yield '', result
  if correction:
    progress.says(correction.name)
    found = correction.apply(image, result.probabilities)
    yield correction.name, _of_whole(found)


def _of_whole(probabilities: np.ndarray) -> StageResult:
  """Returns a map of the whole image as the result of a stage."""
  size = (probabilities.shape[0], probabilities.shape[1])
  stage = Stage(0, WindowGrid(size, size, (0,), (0,)))
  return StageResult(stage, probabilities, None, ())


def _draw_preview(
  task: Task,
  outputs: Outputs,
  image: np.ndarray,
  valid: np.ndarray | None,
  result: StageResult,
) -> None:
  assert outputs.preview
  shown = thumbnails.tinted(
    image, result.probabilities, task.model.classes, valid
  )
  images.write_image(outputs.preview, shown)


def _write(
  task: Task,
  outputs: Outputs,
  image: np.ndarray,
  valid: np.ndarray | None,
  *,
  probabilities: np.ndarray,
  views: Sequence[StageView],
) -> None:
  # The panel's last column has the label already.
  label = views[-1].label if views else labels.predict(probabilities)
  end, classes = files.suffix(task.source), task.model.classes
  if valid is not None:
    label[~valid] = classes.ignore_label
  files.write_plane(
    task.file(f'_label{end}'), InMemory(label), task.source, classes
  )
  files.write_polygons(task.file(''), end, classes, outputs)
  shown = pictures.overlay(image, label, classes)
  images.write_image(task.file('_overlay.jpg'), shown)
  if outputs.confidence:
    sure = labels.confidence(probabilities)
    if valid is not None:
      sure[~valid] = 0
    files.write_plane(
      task.file(f'_confidence{end}'), InMemory(sure), task.source
    )
  if views:
    picture = panel.panel(image, views, classes)
    images.write_image(task.file('_panel.png'), picture)
  if outputs.probabilities:
    files.write_probabilities(
      task.file('_probabilities'),
      InMemory(probabilities),
      InMemory(label),
      task.source,
      classes,
    )
