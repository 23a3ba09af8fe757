"""Segments image files one after the other; a bad one stops no other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
import pathlib

import numpy as np

from magnet_jax.evaluate import gallery
from magnet_jax.io import atomic, images
from magnet_jax.segment.model import Model
from magnet_jax.types import InputError, Size, Stage

Each = Callable[[pathlib.Path], None]


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
  window: Size | None = None,
  panel: bool = True,
  probabilities: bool = False,
  done: Each = lambda path: None,
) -> list[str]:
  """Segments files and writes their labels and pictures.

  Args:
    model: the networks, with the settings to use.
    paths: image files.
    folder: where the outputs go; made if missing.
    window: a window that the user asks for; an image smaller than it is bad.
    panel: write the panel, too.
    probabilities: write the probabilities, too.
    done: called after each file.

  Returns:
    One line for each bad file.

  Raises:
    InputError: if the folder cannot be written to, at any time.
  """
  atomic.prepare_folder(folder)
  names = output_names(paths)
  _keep_inputs(paths, folder, names, panel, probabilities)
  cascade = model.cascade()
  errors = []
  for path, name in zip(paths, names, strict=True):
    try:
      image = images.read_image(path)
      plan = _plan(model, path, image, window)
      found = gallery.segment(cascade, image, plan, views=panel)
    except InputError as error:
      line = str(error)  # a segmenter from elsewhere does not know the file
      errors.append(line if str(path) in line else f'{path}: {line}')
    else:
      gallery.write(
        folder, name, image, found, model.classes, probabilities=probabilities
      )
    done(path)
  return errors


def _plan(
  model: Model, path: pathlib.Path, image: np.ndarray, window: Size | None
) -> tuple[Stage, ...]:
  size = (image.shape[0], image.shape[1])
  if window and (window[0] > size[0] or window[1] > size[1]):
    raise InputError(
      f'{path}: is {size[0]}x{size[1]} (height x width), the window '
      f'{window[0]}x{window[1]}: a window must not be larger than the image; '
      'give a smaller --window'
    )
  return model.plan(size)


def _keep_inputs(
  paths: Sequence[pathlib.Path],
  folder: pathlib.Path,
  names: Sequence[str],
  panel: bool,
  probabilities: bool,
) -> None:
  """Raises InputError if an output would replace one of the images."""
  inputs = {path.resolve() for path in paths}
  for name in names:
    for file in gallery.file_names(
      name, panel=panel, probabilities=probabilities
    ):
      if (folder / file).resolve() in inputs:
        raise InputError(
          f'{folder / file}: is an image to segment, and an output would '
          'replace it; choose another --out'
        )
