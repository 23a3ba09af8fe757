"""Division of one image's work among processes that share a folder.

The rows of windows of each stage are divided; after each stage the processes
wait for each other, as the next one reads the whole map. A window that
overlaps the rows of the next process is refined by both: no arrays are
exchanged, and every tile equals that of a single process.
"""

from collections.abc import Iterator, Sequence
import contextlib
import dataclasses
from typing import Any, Self

import numpy as np

from magnet_jax import parallel
from magnet_jax.types import InputError, WindowGrid

# Cost of upsampling a window relative to refining one, approximately.
_LEFT_OUT = 0.05


class OthersError(InputError):
  """An error of another process, in its words."""


@dataclasses.dataclass(frozen=True)
class Division:
  """This process's part of the work on one image.

  Attributes:
    index: of this process.
    count: number of processes that share the work.
  """

  index: int = 0
  count: int = 1

  @classmethod
  def among_all(cls) -> Self:
    """Returns the division among all processes of this run."""
    return cls(parallel.process(), parallel.processes())

  @property
  def is_first(self) -> bool:
    """Whether this process does what only one of them may do."""
    return self.index == 0

  def meet(self, value: Any = None) -> list[Any]:
    """Waits for all processes and returns their JSON values, in order.

    Raises:
      OthersError: another process failed.
    """
    if self.count == 1:
      return [value]
    return _values(parallel.gather({'value': value}))

  @contextlib.contextmanager
  def together(self) -> Iterator[None]:
    """Runs a block; an InputError in one process fails it in all."""
    try:
      yield
      self.meet()
    except OthersError:
      # All have heard of it already: another round would wait forever.
      raise
    except InputError as error:
      if self.count > 1:
        parallel.gather({'error': str(error)})
      raise

  def windows(self, grid: WindowGrid, numbers: Sequence[int]) -> range:
    """Returns the windows, in whole rows, whose tiles this process makes.

    Args:
      grid: of the stage.
      numbers: the windows to refine, divided about equally.
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
