"""Runs one case in this process, with all that it prints caught."""

from collections.abc import Iterator
import contextlib
import functools
import os
import pathlib
import sys
import tempfile
import traceback
from typing import Any, TextIO
from unittest import mock

import fuzz_case
from fuzz_case import Case, Outcome

from magnet_jax.cli import main


@functools.cache
def _stream(number: int) -> TextIO:
  """A stream to a descriptor, as those of pytest do not end in these.

  It is never closed, as libraries that log keep it.
  """
  return open(number, 'w', closefd=False, errors='backslashreplace')


@contextlib.contextmanager
def _caught() -> Iterator[list[str]]:
  """Catches what is printed, by libraries in C too; [stdout, stderr]."""
  found: list[str] = []
  kept = os.dup(1), os.dup(2)
  sys.stdout.flush()
  sys.stderr.flush()
  first, second = _stream(1), _stream(2)
  with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
    os.dup2(out.fileno(), 1)
    os.dup2(err.fileno(), 2)
    with (
      contextlib.redirect_stdout(first),
      contextlib.redirect_stderr(second),
    ):
      try:
        yield found
      finally:
        first.flush()
        second.flush()
        for number, before in enumerate(kept, start=1):
          os.dup2(before, number)
          os.close(before)
    for file in (out, err):
      file.seek(0)
      found.append(file.read().decode(errors='backslashreplace'))


@contextlib.contextmanager
def _environment(
  values: dict[str, str], folder: pathlib.Path
) -> Iterator[None]:
  before, path = dict(os.environ), os.getcwd()
  home = folder.parents[1] / 'home'  # where libraries may keep files
  home.mkdir(exist_ok=True)
  os.environ.update(HOME=str(home), TFDS_DATA_DIR=str(folder / 'sets'))
  os.environ.update(values)
  os.chdir(folder)
  try:
    yield
  finally:
    os.chdir(path)
    os.environ.clear()
    os.environ.update(before)


@contextlib.contextmanager
def _served_briefly(wanted: bool) -> Iterator[None]:
  """Lets a server end as soon as its page is there."""
  if not wanted:
    yield
    return
  from magnet_jax.serve import app

  run = app.run

  async def briefly(
    worker: Any, port: int, most: int, tell: Any, stop: Any
  ) -> None:
    def told(address: str) -> None:
      tell(address)
      stop.set()

    await run(worker, port, most, told, stop)

  with mock.patch.object(app, 'run', briefly):
    yield


def run(case: Case, folder: pathlib.Path, seeds: pathlib.Path) -> Outcome:
  """Runs a case in an empty folder."""
  work = fuzz_case.build(case, folder, seeds)
  before = fuzz_case.snapshot(folder)
  status, raised = None, ''
  with (
    _environment(dict(case.env), work),
    _caught() as printed,
    _served_briefly('serve' in case.argv[:1]),
  ):
    try:
      status = main.main(list(case.argv))
    except SystemExit as error:
      status = error.code if isinstance(error.code, int) else 1
    except BaseException:
      raised = traceback.format_exc()
  return Outcome(status, *printed, raised, before, fuzz_case.snapshot(folder))
