"""Progress bars with rate and time left: of windows, of files that come."""

import sys
from typing import NoReturn, Self

import tqdm

from magnet_jax.cli import messages


class Bar:
  """Progress callbacks that draw a bar on a terminal, and none elsewhere.

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

  def __exit__(self, *_: object) -> None:
    self._bar.close()

  def begins(self, name: str, windows: int, later: int) -> None:
    """Begins an image of so many windows; `later` are expected after it."""
    self._name = messages.plain(name)
    self._bar.total = self._bar.n + windows + later

  def ends(self) -> None:
    """Ends an image, finished or given up."""

  def says(self, text: str) -> None:
    """Shows what is being done."""
    self._bar.set_description(f'{self._name}: {text}')

  def done(self, windows: int) -> None:
    """Counts windows that were refined."""
    self._bar.update(windows)

  def skipped(self, windows: int) -> None:
    """Counts windows that cost nothing now, as an earlier run refined them."""
    # Added to `initial` as well, or the rate would count them.
    if self._bar.disable:
      return
    self._bar.initial += windows
    self._bar.n += windows
    self._bar.last_print_n += windows
    self._bar.refresh()

  def remarks(self, line: str) -> None:
    """Prints a remark above the bar."""
    if not self._silent:
      self._bar.write(messages.plain(line), file=sys.stdout)


class Transfer:
  """Progress callbacks that draw a bar for each file that is fetched.

  Args:
    silent: as in `Bar`.
  """

  def __init__(self, *, silent: bool = False) -> None:
    self._silent = silent
    self._bar: tqdm.tqdm[NoReturn] | None = None

  def begins(self, name: str, size: int | None) -> None:
    """Begins a file of so many bytes; None if that is unknown."""
    self._bar = tqdm.tqdm(
      total=size,
      desc=messages.plain(name),
      unit='B',
      unit_scale=True,
      dynamic_ncols=True,
      leave=False,
      disable=True if self._silent else None,
    )

  def done(self, size: int) -> None:
    """Counts bytes that have come."""
    if self._bar is not None:
      self._bar.update(size)

  def ends(self) -> None:
    """Removes the bar."""
    if self._bar is not None:
      self._bar.close()

  def remarks(self, line: str) -> None:
    """Prints what has come of a file."""
    if not self._silent:
      messages.tell(messages.plain(line))
