"""Whether an image fits in memory, and what streaming it needs at least."""

from collections.abc import Sequence
import dataclasses
import math
import pathlib

import psutil

from magnet_jax.cascade import disk, disk_workspace
from magnet_jax.cascade.cascade import Cascade
from magnet_jax.types import InputError, Size, Stage

STORES = ('auto', 'memory', *disk_workspace.KINDS)
_SHARE = 0.5  # of the memory that is free
_GIGABYTE = 1e9

# Bytes a pixel beside the maps, each counted where the sum is largest: image,
# label and its 64-bit form while it is made, uncertainty, overlay; and what
# the panel keeps of every stage.
_PICTURES = 26
_VIEWS = 6
# Of a batch: cut twice in advance, at work, come back twice, and put together.
_COPIES = 6
# Tiles kept in memory by the stores and by GDAL, and the band of rows of which
# reduced images are made. With the batch it was 257 MB for 20480 x 20480 pixels
# (experiments/larger).
_STREAMING = disk.CACHE + 50_000_000 + 160_000_000


@dataclasses.dataclass(frozen=True)
class Budget:
  """How much memory an image may take.

  Attributes:
    store: one of STORES: 'auto' keeps maps in memory where they fit, else on
      disk as `disk_workspace.DEFAULT`; 'memory' or a kind of maps on disk
      decides it without looking.
    gigabytes: for images and maps, without the networks; None: a half of what
      is free.

  Raises:
    InputError: for an unknown store or a budget that is not positive.
  """

  store: str = 'auto'
  gigabytes: float | None = None

  def __post_init__(self) -> None:
    if self.store not in STORES:
      raise InputError(
        f'store {self.store!r}: unknown; choose one of {", ".join(STORES)}'
      )
    if self.gigabytes is not None and not 0 < self.gigabytes < math.inf:
      raise InputError(
        f'memory {self.gigabytes}: must be a positive number of gigabytes, '
        'such as 8'
      )

  @property
  def bytes(self) -> float:
    """What may be used."""
    if self.gigabytes is not None:
      return self.gigabytes * _GIGABYTE
    return _SHARE * _free()


@dataclasses.dataclass(frozen=True)
class Choice:
  """Where the maps of an image go.

  Attributes:
    store: 'memory' or one of `disk_workspace.KINDS`.
    reason: why it is streamed, as a clause; '' if it is not.
  """

  store: str
  reason: str = ''


def choose(
  budget: Budget,
  cascade: Cascade,
  plan: Sequence[Stage],
  num_classes: int,
  *,
  views: bool,
) -> Choice:
  """Decides where the maps of an image go.

  Args:
    budget: what the user allows.
    cascade: the networks.
    plan: the image's stages.
    num_classes: C.
    views: whether a panel is to be drawn.

  Raises:
    InputError: the image does not fit and cannot be streamed, or the budget
      does not even do for that.
  """
  if budget.store == 'memory':
    return Choice('memory')
  needed = in_memory(cascade, plan, num_classes, views=views)
  allowed = budget.bytes
  if budget.store == 'auto' and needed <= allowed:
    return Choice('memory')
  reason = f'--store={budget.store}'
  if budget.store == 'auto':
    reason = (
      f'{_text(plan[-1].size)} would take {_gigabytes(needed)} GB in memory, '
      f'the budget is {_gigabytes(allowed)}'
    )
  if cascade.way.in_memory:
    raise InputError(
      f'{reason}: {cascade.way.in_memory}, allow more by --memory=GB, or '
      'force it by --store=memory'
    )
  least = streamed(cascade, plan, num_classes)
  if least > allowed:
    raise InputError(
      f'memory {_gigabytes(allowed)} GB: a batch of {cascade.batch} windows, '
      f'streamed, needs {_gigabytes(least)}; give --memory='
      f'{_gigabytes(least)} or a smaller --batch'
    )
  kind = disk_workspace.DEFAULT if budget.store == 'auto' else budget.store
  return Choice(kind, reason)


def in_memory(
  cascade: Cascade, plan: Sequence[Stage], num_classes: int, *, views: bool
) -> int:
  """Bytes that an image takes in memory, about, without the networks."""
  maps = 4 * num_classes
  pixels = [math.prod(stage.size) for stage in plan]
  before = sum(pixels[-2:-1])
  total = pixels[-1] * (maps + _PICTURES) + before * (maps + 3)
  total += pixels[-1] * cascade.way.extra(num_classes)
  if views:
    total += _VIEWS * sum(pixels)
  return total


def streamed(cascade: Cascade, plan: Sequence[Stage], num_classes: int) -> int:
  """Bytes that streaming an image takes at least, without the networks."""
  window, network = plan[-1].grid.window, cascade.network
  pixels = math.prod(window), math.prod(network)
  each = 4 * num_classes * (2 * pixels[0]) + 4 * pixels[1]
  return _STREAMING + _COPIES * cascade.batch * each


def _free() -> int:
  """Bytes of memory that are free, to this process's group as well."""
  free = int(psutil.virtual_memory().available)
  group = pathlib.Path('/sys/fs/cgroup')
  try:
    limit = (group / 'memory.max').read_text().strip()
    used = (group / 'memory.current').read_text()
    return min(free, max(0, int(limit) - int(used)))
  except (OSError, ValueError):  # no such group, or 'max'
    return free


def _gigabytes(count: float) -> str:
  """Rounded up, so that the number itself is enough."""
  if count >= 10 * _GIGABYTE:
    return f'{math.ceil(count / 1e8) / 10:.1f}'
  return f'{math.ceil(count / 1e7) / 100:.2f}'


def _text(size: Size) -> str:
  return f'{size[0]}x{size[1]}'
