"""What segments an image: a command line, or a function in a warm process."""

from __future__ import annotations

from collections.abc import Mapping
import contextlib
import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from typing import IO, Protocol

import numpy as np

from magnet_jax.files import images
from magnet_jax.types import ClassTable, InputError

_WORKER = pathlib.Path(__file__).with_name('warm_worker.py')
_MEASURED = pathlib.Path(__file__).with_name('measured.py')
# Both sides on the one core that they are given.
_THREADS = ('OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'OPENBLAS_NUM_THREADS')
_IMAGES = ('.png', '.tif', '.tiff', '.bmp')


@dataclasses.dataclass(frozen=True)
class Taken:
  """What one image took.

  Attributes:
    seconds: of the processor.
    peak_mb: the most memory of the process, 1e6 bytes.
    labels: integers [H,W]; None if the program wrote none.
  """

  seconds: float
  peak_mb: float
  labels: np.ndarray | None


class Subject(Protocol):
  """Segments an image file."""

  def __call__(self, image: pathlib.Path) -> Taken:
    """Raises InputError where it fails."""

  def close(self) -> None:
    """Ends it."""


def _environment() -> dict[str, str]:
  return {**os.environ, **dict.fromkeys(_THREADS, '1')}


class Command:
  """A command line of the shell, a new process for each image.

  Args:
    template: with {image} for the image's path, and {out} for where labels go:
      the path of a file, to which a suffix may be added, or of a folder.
    classes: whose colours labels may have.
  """

  def __init__(self, template: str, classes: ClassTable):
    if '{image}' not in template:
      raise InputError(
        f'{template!r}: must contain {{image}}, and {{out}} for the labels; '
        'add them'
      )
    self._template, self._classes = template, classes

  def __call__(self, image: pathlib.Path) -> Taken:
    """Runs the command."""
    with tempfile.TemporaryDirectory() as name:
      folder = pathlib.Path(name)
      line = self._template.replace('{image}', str(image))
      line = line.replace('{out}', str(folder / 'out'))
      with tempfile.TemporaryFile() as said:
        told = subprocess.run(
          [sys.executable, str(_MEASURED), line],
          env=_environment(),
          stdout=subprocess.PIPE,
          stderr=said,
          check=True,
        ).stdout
        found = json.loads(told)
        if found['status']:
          raise InputError(
            f'{line}: status {found["status"]}: {_last(said)}; correct the '
            'command'
          )
      labels = _written(folder, self._classes)
      return Taken(found['seconds'], found['peak_mb'], labels)

  def close(self) -> None:
    """Has nothing to end."""


class Warm:
  """A function in a process of its own that has loaded and compiled all.

  Args:
    function: FILE.py:NAME, see `warm_worker`.
    settings: of the function that returns it, if it has any.
    python: the interpreter.
    folder: for the labels.
  """

  def __init__(
    self,
    function: str,
    settings: Mapping[str, object] | None = None,
    *,
    python: str = sys.executable,
    folder: pathlib.Path,
  ):
    place = pathlib.Path(function.rpartition(':')[0])
    if not place.is_file():
      raise InputError(f'{function}: no such file; name it FILE.py:FUNCTION')
    self._name = function
    self._folder = folder
    self._said = tempfile.TemporaryFile()  # noqa: SIM115
    self._process = subprocess.Popen(
      [python, str(_WORKER), function]
      + ([] if settings is None else [json.dumps(settings)]),
      env=_environment(),
      stdin=subprocess.PIPE,
      stdout=subprocess.PIPE,
      stderr=self._said,
      text=True,
    )
    try:
      self._answer()
    except InputError:
      self.close()
      raise

  def __call__(self, image: pathlib.Path) -> Taken:
    """Calls the function."""
    labels = self._folder / f'{self._process.pid}.npy'
    task = {'image': str(image.absolute()), 'labels': str(labels)}
    assert self._process.stdin
    with contextlib.suppress(BrokenPipeError):  # it ended, and said why
      self._process.stdin.write(json.dumps(task) + '\n')
      self._process.stdin.flush()
    return Taken(**self._answer(), labels=np.load(labels))

  def _answer(self) -> dict[str, float]:
    assert self._process.stdout
    line = self._process.stdout.readline()
    if not line:
      raise InputError(f'{self._name}: {_last(self._said)}; correct it')
    answer: dict[str, float] = json.loads(line)
    return answer

  def close(self) -> None:
    """Ends the process."""
    with self._said, self._process:
      if self._process.stdin:
        self._process.stdin.close()


def _last(said: IO[bytes]) -> str:
  """The last line that a program wrote."""
  said.seek(0)
  lines = said.read().decode(errors='replace').split('\n')
  found = [line.strip() for line in lines if line.strip()]
  return found[-1] if found else 'says nothing'


def _written(folder: pathlib.Path, classes: ClassTable) -> np.ndarray | None:
  """The labels in a folder: indices or, in RGB, the classes' colours."""
  found = [path for path in folder.rglob('*') if path.suffix in _IMAGES]
  if len(found) > 1:
    names = ', '.join(sorted(path.name for path in found))
    raise InputError(
      f'{{out}}: has {len(found)} images ({names:.200}): must be the labels '
      'alone; let the command write or copy only these'
    )
  if not found:
    return None
  try:
    return images.read_label(found[0], classes)
  except InputError:
    return images.read_label(found[0], classes, colours=True)
