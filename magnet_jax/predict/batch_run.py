"""Segments image files one after the other; a bad one stops no other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
import contextlib
import dataclasses
import functools
import os
import pathlib
from typing import Protocol

import jax

from magnet_jax import parallel
from magnet_jax.cascade import stage_windows, workspace
from magnet_jax.cascade.cascade import Cascade
from magnet_jax.cascade.division import Division
from magnet_jax.files import atomic, decoding, images
from magnet_jax.predict import budget as budgets
from magnet_jax.predict import memory_run, streamed_run
from magnet_jax.predict import outputs as files
from magnet_jax.predict.budget import Budget
from magnet_jax.predict.model import Model
from magnet_jax.predict.outputs import Outputs
from magnet_jax.predict.task import Task
from magnet_jax.rasters import open_image
from magnet_jax.rasters.broken_blocks import Unbroken
from magnet_jax.rasters.rasters import Raster
from magnet_jax.types import InputError, Size, Stage

# What several processes divide among them.
DIVIDE = ('auto', 'images', 'windows')


class DeviceError(InputError):
  """A device that failed: no further image can be segmented."""


class Progress(workspace.Progress, Protocol):
  """Who is told how far a command is."""

  def begins(self, name: str, windows: int, later: int) -> None:
    """An image of so many windows begins; so many are expected after it."""

  def ends(self) -> None:
    """It is finished, or given up."""

  def remarks(self, line: str) -> None:
    """What the person should know."""


@dataclasses.dataclass(frozen=True)
class Finished:
  """What came of a command.

  Attributes:
    images: how many were segmented.
    errors: a line for each of the others, and for each bad block of these.
  """

  images: int
  errors: tuple[str, ...]


def output_names(paths: Sequence[pathlib.Path]) -> list[str]:
  """A name for each file's outputs: its stem, longer where two are alike.

  Two files of one stem are told apart by their folder, then by their suffix,
  then by a number.
  """
  ways: list[Callable[[pathlib.Path], str]] = [
    lambda p: p.stem,
    lambda p: f'{p.absolute().parent.name}_{p.stem}',
    lambda p: f'{p.absolute().parent.name}_{p.stem}_{p.suffix[1:]}',
  ]
  names: list[str] = []
  taken: set[str] = set()
  counts = [Counter(way(path) for path in paths) for way in ways]
  for path in paths:
    for way, count in zip(ways, counts, strict=True):
      name = way(path)
      if count[name] == 1 and name not in taken:
        break
    number = 2
    unique = name
    while unique in taken:
      unique, number = f'{name}-{number}', number + 1
    taken.add(unique)
    names.append(unique)
  return names


def segment_files(
  model: Model,
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
  """Segments files and writes what comes of them.

  Of several processes each takes every n-th file, or all share each; all learn
  what came of all.

  Args:
    model: the networks, with the settings to use.
    paths: image files.
    folder: where the outputs go; made if missing.
    outputs: what to write beside label and overlay.
    budget: how much memory an image may take.
    progress: is told how far it is.
    divide: one of DIVIDE: what of the work several processes divide; 'auto'
      takes the windows where there are fewer images than processes.
    overviews: as of `Task`.
    window: a window that the user asks for; an image smaller than it is bad.
    opener: opens an image file.

  Raises:
    InputError: if the folder cannot be written to, or the windows of an
      image cannot be divided.
  """
  atomic.prepare_folder(folder)
  if outputs.preview:
    atomic.prepare_folder(outputs.preview.absolute().parent)
  names = output_names(paths)
  _keep_inputs(paths, folder, names, outputs)
  cascade = model.cascade()
  division = _division(divide, len(paths), cascade, budget)
  if division.count == 1:
    own = slice(parallel.process(), None, parallel.processes())
    paths, names = paths[own], names[own]
  expected = [_expected(model, cascade, path) for path in paths]
  errors: list[str] = []
  finished = 0

  for number, (path, name) in enumerate(zip(paths, names, strict=True)):
    try:
      with _opened(path, opener, division) as source:
        plan = _plan(model, path, source.size, window)
        task = Task(model, cascade, path, source, plan, folder, name, overviews)
        later = sum(expected[number + 1 :]) // division.count
        progress.begins(name, _windows(cascade, plan, division.count), later)
        errors += _choose(task, outputs, budget, progress, division)()
      finished += 1
    except DeviceError:
      raise
    except InputError as error:
      atomic.prepare_folder(folder)  # a full disk is no fault of the image's
      line = str(error)  # a segmenter from elsewhere does not know the file
      errors.append(line if str(path) in line else f'{path}: {line}')
    progress.ends()
  # Those who share images have all met the same.
  return _merged(finished, errors, shared=division.count > 1)


@contextlib.contextmanager
def _opened(
  path: pathlib.Path,
  opener: Callable[[pathlib.Path], Raster],
  division: Division,
) -> Iterator[Unbroken]:
  """Opens an image for a block in which whatever it raises names it."""
  with (
    division.together(),
    # Inside: the processes that share an image tell each other InputErrors.
    _guarded(path),
    contextlib.closing(Unbroken(opener(path))) as source,
  ):
    source.check()
    yield source


def _merged(finished: int, errors: list[str], *, shared: bool) -> Finished:
  """What came of the files of all processes."""
  mine: tuple[int, list[str]] = (finished, errors)
  parts = [mine] if shared else parallel.gather(mine)
  return Finished(
    sum(count for count, _ in parts),
    tuple(line for _, lines in parts for line in lines),
  )


def _division(
  divide: str, images: int, cascade: Cascade, budget: Budget
) -> Division:
  """How each image is divided among the processes, if it is."""
  if divide not in DIVIDE:
    raise InputError(f'divide {divide!r}: must be one of {", ".join(DIVIDE)}')
  all_of_them = Division.among_all()
  reason = cascade.way.in_memory
  if budget.store == 'memory':
    reason = '--store=memory keeps maps where other processes cannot see them'
  if divide == 'windows' and reason:
    raise InputError(f'--divide=windows: {reason}; leave one of them out')
  if divide == 'windows' or (
    divide == 'auto' and not reason and images < all_of_them.count
  ):
    return all_of_them
  return Division()


@contextlib.contextmanager
def _guarded(path: pathlib.Path) -> Iterator[None]:
  """Turns whatever one image raises into one line that names it."""
  try:
    with decoding.guarded(path):
      yield
  except jax.errors.JaxRuntimeError as error:
    line = (str(error).splitlines() or [''])[0][:200]
    if 'RESOURCE_EXHAUSTED' in str(error):
      raise InputError(
        f'{path}: out of memory on the device ({line}); give a smaller --batch '
        'or smaller windows'
      ) from error
    raise DeviceError(
      f'{path}: the device failed ({line}); run the same command again: '
      'streamed images resume after the last finished batch'
    ) from error


def _choose(
  task: Task,
  outputs: Outputs,
  budget: Budget,
  progress: Progress,
  division: Division,
) -> Callable[[], tuple[str, ...]]:
  """Returns the function that segments an image where it fits.

  What it returns is a line for each block of the file that is broken.
  """
  for note in task.source.notes:
    progress.remarks(f'{task.name}: {note}')
  choice = budgets.choose(
    budget,
    task.cascade,
    task.plan,
    len(task.model.classes),
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
  """How maps go through a folder that processes share; of all the same."""
  store, reason = division.meet([choice.store, choice.reason])[0]
  if store == 'memory':
    # As exact as a single process is, which would keep them in memory.
    store, reason = 'float32', f'is the work of {division.count} processes'
  return budgets.Choice(store, reason)


def _plan(
  model: Model, path: pathlib.Path, size: Size, window: Size | None
) -> tuple[Stage, ...]:
  if window and (window[0] > size[0] or window[1] > size[1]):
    raise InputError(
      f'{path}: is {size[0]}x{size[1]} (height x width), the window '
      f'{window[0]}x{window[1]}: a window must not be larger than the image; '
      'give a smaller --window'
    )
  return model.plan(size)


def _windows(
  cascade: Cascade, plan: Sequence[Stage], processes: int = 1
) -> int:
  """How many windows the segmenter will see, in each process."""
  counts = stage_windows.allot(plan, cascade.options.windows)
  return 1 + sum(-(-count // processes) for count in counts)


def _expected(model: Model, cascade: Cascade, path: pathlib.Path) -> int:
  """The same from the file's header; 0 where that does not tell."""
  try:
    return _windows(cascade, model.plan(images.read_size(path)))
  except Exception:  # reported when it is the turn of the file
    return 0


def _keep_inputs(
  paths: Sequence[pathlib.Path],
  folder: pathlib.Path,
  names: Sequence[str],
  outputs: Outputs,
) -> None:
  """Raises InputError if an output would replace one of the images."""
  # Path.resolve raises where a link leads to itself.
  inputs = {os.path.realpath(path) for path in paths}
  written = [
    folder / file for name in names for file in files.names(name, outputs)
  ]
  if outputs.preview:
    written.append(outputs.preview)
  for file in written:
    if os.path.realpath(file) in inputs:
      raise InputError(
        f'{file}: is an image to segment, and an output would replace it; '
        'choose another --out'
      )
