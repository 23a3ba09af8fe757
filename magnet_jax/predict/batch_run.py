"""Segments image files one after the other; a bad one does not stop others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
import contextlib
import dataclasses
import functools
import pathlib
from typing import Protocol

from magnet_jax import outside, parallel
from magnet_jax.cascade import window_choice, workspace
from magnet_jax.cascade.cascade import Cascade
from magnet_jax.cascade.division import Division
from magnet_jax.data import tones
from magnet_jax.files import atomic, images
from magnet_jax.predict import budget as budgets
from magnet_jax.predict import guarded, memory_run, streamed_run
from magnet_jax.predict import outputs as files
from magnet_jax.predict.budget import Budget
from magnet_jax.predict.model import Model
from magnet_jax.predict.outputs import Outputs
from magnet_jax.predict.task import Recipe, Task
from magnet_jax.rasters import open_image
from magnet_jax.rasters.broken_blocks import Unbroken
from magnet_jax.rasters.rasters import Raster
from magnet_jax.types import InputError, Size, Stage

# What several processes divide among themselves.
DIVIDE = ('auto', 'images', 'windows')


class Progress(workspace.Progress, Protocol):
  """The progress callback of a command."""

  def begins(self, name: str, windows: int, later: int) -> None:
    """An image of `windows` windows begins; `later` are expected after it."""

  def ends(self) -> None:
    """The image is finished or was abandoned."""

  def remarks(self, line: str) -> None:
    """Shows a note to the user."""


@dataclasses.dataclass(frozen=True)
class Finished:
  """The outcome of a command.

  Attributes:
    images: how many were segmented.
    errors: one line for each of the others and for each broken block.
    notes: what the user should know of some images, as ends of a sentence that
      begins with 'an image'.
    unlike: one line about images that look unlike those of the training; ''
      if there is none, or the model does not know those.
  """

  images: int
  errors: tuple[str, ...]
  unlike: str = ''
  notes: tuple[str, ...] = ()


def segment_files(
  recipe: Recipe,
  paths: Sequence[pathlib.Path],
  folder: pathlib.Path,
  *,
  outputs: Outputs,
  budget: Budget,
  progress: Progress,
  divide: str = 'auto',
  overviews: bool = False,
  window: Size | None = None,
  opener: Callable[[pathlib.Path], Raster] = open_image.open_image,
) -> Finished:
  """Segments files and writes the results.

  Of several processes each takes every n-th file, or all share each; every
  process returns the outcome of all.

  Args:
    recipe: what is done with each image.
    paths: image files.
    folder: where the outputs go; made if missing.
    outputs: what to write besides label and overlay.
    budget: how much memory an image may take.
    progress: progress callback.
    divide: one of DIVIDE: what several processes divide; 'auto' takes the
      windows if there are fewer images than processes.
    overviews: as in `Task`.
    window: a window that the user has requested; smaller images are errors.
    opener: opens an image file.

  Returns:
    The number of segmented images, the errors of the others, and which look
    unlike those of the training.

  Raises:
    InputError: the folder cannot be written to, the windows of an image cannot
      be divided, or a device failed.
  """
  model = recipe.model
  cascade = model.cascade()
  atomic.prepare_folder(folder)
  if outputs.preview:
    atomic.prepare_folder(outputs.preview.absolute().parent)
  names = files.names_of(paths)
  files.keep_inputs(paths, folder, names, outputs)
  division = _division(divide, len(paths), recipe, cascade, budget)
  if division.count == 1:
    own = slice(parallel.process(), None, parallel.processes())
    paths, names = paths[own], names[own]
  expected = [_expected(model, cascade, path) for path in paths]
  later = sum(expected)
  errors: list[str] = []
  seen: list[tuple[str, tones.Traits]] = []
  finished = 0

  for path, name, count in zip(paths, names, expected, strict=True):
    later -= count
    try:
      with _opened(path, opener, division) as source:
        files.check_place(path, source, outputs)
        plan = _plan(model, path, source.size, window)
        task = Task(
          recipe, cascade, path, source, plan, folder, name, overviews
        )
        own_windows = _windows(cascade, plan, division.count)
        progress.begins(name, own_windows, later // division.count)
        errors += _choose(task, outputs, budget, progress, division)()
        if model.tones and division.is_first:
          traits = tones.measure(source)
          seen += [(path.name, traits)] if traits else []
      finished += 1
    except guarded.DeviceError:
      raise
    except InputError as error:
      atomic.prepare_folder(folder)  # a full disk is not the image's fault
      outside.told(error)
      line = str(error)  # a host segmenter does not know the file
      errors.append(line if str(path) in line else f'{path}: {line}')
    progress.ends()
  # Processes that share images have met the same errors.
  found = _merged(finished, errors, shared=division.count > 1)
  return dataclasses.replace(
    found, unlike=_unlike(model, seen), notes=_notes(recipe)
  )


@contextlib.contextmanager
def _opened(
  path: pathlib.Path,
  opener: Callable[[pathlib.Path], Raster],
  division: Division,
) -> Iterator[Unbroken]:
  """Opens an image for a block whose errors will name it."""
  with (
    division.together(),
    # Inside `together`, which tells the other processes of InputErrors only.
    guarded.guarded(path),
    contextlib.closing(Unbroken(opener(path))) as source,
  ):
    source.check()
    yield source


def _merged(finished: int, errors: list[str], *, shared: bool) -> Finished:
  """Returns the outcome of all processes."""
  mine: tuple[int, list[str]] = (finished, errors)
  parts = [mine] if shared else parallel.gather(mine)
  return Finished(
    sum(count for count, _ in parts),
    tuple(line for _, lines in parts for line in lines),
  )


def _notes(recipe: Recipe) -> tuple[str, ...]:
  """Returns the notes on images of all processes, each once."""
  own = sorted(recipe.correction.notes) if recipe.correction else []
  return tuple(sorted(set().union(*parallel.gather(own))))


def _unlike(model: Model, seen: list[tuple[str, tones.Traits]]) -> str:
  """Returns a line about images unlike those of the training, of any process.

  Args:
    model: knows the tones of its training.
    seen: names and traits of the images of this process.
  """
  found = [pair for part in parallel.gather(seen) for pair in part]
  return tones.remark(model.tones, found)


def _division(
  divide: str, images: int, recipe: Recipe, cascade: Cascade, budget: Budget
) -> Division:
  """Returns how each image is divided among the processes, if it is."""
  if divide not in DIVIDE:
    raise InputError(
      f'divide {divide!r}: must be one of {", ".join(DIVIDE)}; choose one'
    )
  all_of_them = Division.among_all()
  reason = cascade.way.in_memory or recipe.in_memory
  if budget.store == 'memory':
    reason = '--store=memory keeps maps where other processes cannot see them'
  if divide == 'windows' and reason:
    raise InputError(f'--divide=windows: {reason}; leave one of them out')
  if divide == 'windows' or (
    divide == 'auto' and not reason and images < all_of_them.count
  ):
    return all_of_them
  return Division()


def _choose(
  task: Task,
  outputs: Outputs,
  budget: Budget,
  progress: Progress,
  division: Division,
) -> Callable[[], tuple[str, ...]]:
  """Returns the function that segments an image in memory or streamed.

  It returns one line for each broken block of the file.
  """
  for note in task.source.notes:
    progress.remarks(f'{task.name}: {note}')
  choice = budgets.choose(
    budget,
    task.cascade,
    task.plan,
    task.recipe,
    views=outputs.panel,
  )
  if division.count > 1:
    choice = _shared(division, choice)
  if choice.store == 'memory':
    return functools.partial(
      memory_run.segment, task, outputs=outputs, progress=progress
    )
  partial = task.file(streamed_run.PARTIAL)
  progress.remarks(f'{task.name}: {choice.reason}: streamed through {partial}')
  return functools.partial(
    streamed_run.segment,
    task,
    kind=choice.store,
    outputs=outputs,
    progress=progress,
    division=division,
  )


def _shared(division: Division, choice: budgets.Choice) -> budgets.Choice:
  """Returns how all processes store maps in the folder that they share."""
  store, reason = division.meet([choice.store, choice.reason])[0]
  if store == 'memory':
    # As exact as a single process, which would keep them in memory.
    store, reason = 'float32', f'divided among {division.count} processes'
  return budgets.Choice(store, reason)


def _plan(
  model: Model, path: pathlib.Path, size: Size, window: Size | None
) -> tuple[Stage, ...]:
  if window and (window[0] > size[0] or window[1] > size[1]):
    raise InputError(
      f'{path}: is {size[0]}x{size[1]} (height x width), smaller than the '
      f'window {window[0]}x{window[1]}, which must fit into the image; choose '
      'a smaller --window'
    )
  return model.plan(size)


def _windows(
  cascade: Cascade, plan: Sequence[Stage], processes: int = 1
) -> int:
  """Returns how many windows the segmenter will see in each process."""
  counts = window_choice.allot(plan, cascade.options.windows)
  return sum(-(-count // processes) for count in counts)


def _expected(model: Model, cascade: Cascade, path: pathlib.Path) -> int:
  """Returns the number of windows from the header of a file; 0 if unknown."""
  try:
    return _windows(cascade, model.plan(images.read_size(path)))
  except Exception:  # reported when it is the file's turn
    return 0
