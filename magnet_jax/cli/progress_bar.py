"""A progress bar over all windows: windows per second and time left."""

import sys
from types import TracebackType
from typing import Self

import tqdm


class Bar:
  """Shows the progress of `batch_run`; nothing where there is no terminal.

  Args:
    silent: neither draw nor print, as in all processes but the first.
  """

  def __init__(self, *, silent: bool = False) -> None:
    self._name = ''
    self._silent = silent
    self._bar = tqdm.tqdm(
      total=0,
      desc='segment',
      unit=' windows',
      dynamic_ncols=True,
      disable=True if silent else None,
    )

  def __enter__(self) -> Self:
    return self

  def __exit__(
    self,
    kind: type[BaseException] | None,
    error: BaseException | None,
    traceback: TracebackType | None,
  ) -> None:
    self._bar.close()

  def begins(self, name: str, windows: int, later: int) -> None:
    """An image of so many windows begins; so many are expected after it."""
    self._name = name
    self._bar.total = self._bar.n + windows + later

  def ends(self) -> None:
    """It is finished, or given up."""

  def says(self, text: str) -> None:
    """What is being done."""
    self._bar.set_description(f'{self._name}: {text}')

  def done(self, windows: int) -> None:
    """So many windows more are refined."""
    self._bar.update(windows)

  def skipped(self, windows: int) -> None:
    """So many were refined by an earlier run, at no cost to this one."""
    if self._bar.disable:
      return
    self._bar.initial += windows
    self._bar.n += windows
    self._bar.last_print_n += windows
    self._bar.refresh()

  def remarks(self, line: str) -> None:
    """Prints what the person should know."""
    if not self._silent:
      self._bar.write(line, file=sys.stdout)
