"""One image as the work of several processes, which share a folder.

Every stage's rows of windows are divided; after each stage all wait for each
other, as its map is what the next one reads. A window whose result reaches
into the rows of the next process is refined by both: so nothing is sent but
words, and every tile is what a single process makes of it.
"""

from collections.abc import Iterator, Sequence
import contextlib
import dataclasses
from typing import Any, Self

import numpy as np

from magnet_jax import parallel
from magnet_jax.types import InputError, WindowGrid

# Upsampling a window that is not refined, by the time of refining one, about.
_LEFT_OUT = 0.05


class OthersError(InputError):
  """What another process met, in its words."""


@dataclasses.dataclass(frozen=True)
class Division:
  """Which part of an image's work is this process's.

  Attributes:
    index: of this process.
    count: how many share the work.
  """

  index: int = 0
  count: int = 1

  @classmethod
  def among_all(cls) -> Self:
    """Among all processes of this run."""
    return cls(parallel.process(), parallel.processes())

  @property
  def is_first(self) -> bool:
    """Whether this process does what is done once."""
    return self.index == 0

  def meet(self, value: Any = None) -> list[Any]:
    """Waits for all; returns the JSON values of all, in their order.

    Raises:
      OthersError: one of them could not come.
    """
    if self.count == 1:
      return [value]
    return _values(parallel.gather({'value': value}))

  @contextlib.contextmanager
  def together(self) -> Iterator[None]:
    """Runs a block that fails in all when it fails in one by an InputError."""
    try:
      yield
      self.meet()
    except OthersError:
      raise
    except InputError as error:
      if self.count > 1:
        parallel.gather({'error': str(error)})
      raise

  def windows(self, grid: WindowGrid, numbers: Sequence[int]) -> range:
    """The windows of whole rows that this process makes tiles of.

    Args:
      grid: of the stage.
      numbers: the windows to refine: all get about equally many.
    """
    columns = len(grid.lefts)
    cost = np.full(len(grid.tops), _LEFT_OUT * columns)
    np.add.at(cost, np.asarray(numbers, int) // columns, 1)
    # A row belongs to the process whose share its middle falls into.
    middles = (np.cumsum(cost) - cost / 2) * (self.count / cost.sum())
    first, last = np.searchsorted(middles, [self.index, self.index + 1])
    return range(int(first) * columns, int(last) * columns)


def _values(found: list[dict[str, Any]]) -> list[Any]:
  for each in found:
    if 'error' in each:
      raise OthersError(each['error'])
  return [each['value'] for each in found]
