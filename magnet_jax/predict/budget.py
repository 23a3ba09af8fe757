"""Whether an image fits in memory, and the least that streaming it needs."""

from collections.abc import Sequence
import dataclasses
import math

from magnet_jax.cascade import disk, disk_workspace
from magnet_jax.cascade.cascade import Cascade
from magnet_jax.files import decoding, host_memory
from magnet_jax.predict.task import Recipe
from magnet_jax.types import InputError, Size, Stage

STORES = ('auto', 'memory', *disk_workspace.KINDS)
_SHARE = 0.5  # of the free memory
_GIGABYTE = 1e9

# Bytes per pixel besides the maps, each counted where the sum is largest:
# image, label and its 64-bit form while it is made, uncertainty, overlay; and
# what the panel keeps of every stage.
_PICTURES = 26
_VIEWS = 6
_WHOLE = 7  # bytes of a pixel in Pillow and as an array
# Of a batch: two cut in advance, one at work, two returned, one being joined.
_COPIES = 6
# Tiles cached by the stores and by GDAL, and the band of rows from which
# reduced images are made. With the batch, 257 MB were measured for 20480 x
# 20480 pixels (experiments/larger).
_STREAMING = disk.CACHE + 50_000_000 + 160_000_000


@dataclasses.dataclass(frozen=True)
class Budget:
  """How much memory an image may take.

  Attributes:
    store: one of STORES: 'auto' keeps maps in memory if they fit, else on disk
      as `disk_workspace.EXACT`; 'memory' or a kind of maps on disk is used
      whatever their size.
    gigabytes: for images and maps, without the networks; None: half of what is
      free.

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
        '; correct it'
      )

  @property
  def bytes(self) -> float:
    """The bytes that may be used."""
    if self.gigabytes is not None:
      return self.gigabytes * _GIGABYTE
    return _SHARE * host_memory.free()

  @property
  def pixels(self) -> int:
    """The largest height * width of an image that is decoded whole."""
    return min(decoding.MAX_PIXELS, int(self.bytes / _WHOLE))


@dataclasses.dataclass(frozen=True)
class Choice:
  """Where the maps of an image are kept.

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
  recipe: Recipe,
  *,
  views: bool,
) -> Choice:
  """Decides where the maps of an image are kept.

  Args:
    budget: the limit set by the user.
    cascade: the networks.
    plan: the image's stages.
    recipe: what is done with the image.
    views: whether a panel will be drawn.

  Raises:
    InputError: the image neither fits nor can be streamed, or the budget is too
      small even for streaming.
  """
  if budget.store == 'memory':
    return Choice('memory')
  num_classes, correction = len(recipe.model.classes), recipe.correction
  needed = in_memory(cascade, plan, num_classes, views=views)
  if correction:
    # The map before is in use as well, and the filter's own numbers.
    needed += 4 * num_classes * math.prod(plan[-1].size) + correction.needed(
      plan[-1].size[1], num_classes
    )
  allowed = budget.bytes
  if budget.store == 'auto' and needed <= allowed:
    return Choice('memory')
  reason = f'--store={budget.store}'
  if budget.store == 'auto':
    reason = (
      f'{_text(plan[-1].size)} would take {_gigabytes(needed)} GB in memory, '
      f'the budget is {_gigabytes(allowed)}'
    )
  if only := cascade.way.in_memory or recipe.in_memory:
    raise InputError(
      f'{reason}: {only}, allow more with --memory=GB, or '
      'force it with --store=memory'
    )
  least = streamed(cascade, plan, num_classes)
  if correction:
    least += correction.needed(plan[-1].size[1], num_classes)
  if least > allowed:
    raise InputError(
      f'memory {_gigabytes(allowed)} GB: a batch of {cascade.batch} windows, '
      f'streamed, needs {_gigabytes(least)}; give --memory='
      f'{_gigabytes(least)} or a smaller --batch'
    )
  kind = disk_workspace.EXACT if budget.store == 'auto' else budget.store
  return Choice(kind, reason)


def in_memory(
  cascade: Cascade, plan: Sequence[Stage], num_classes: int, *, views: bool
) -> int:
  """Estimates the bytes of an image in memory, without the networks."""
  maps = 4 * num_classes
  pixels = [math.prod(stage.size) for stage in plan]
  # The map before the last one is in use as well; a single stage has none.
  before = sum(pixels[-2:-1])
  total = pixels[-1] * (maps + _PICTURES) + before * (maps + 3)
  total += pixels[-1] * cascade.way.extra(num_classes)
  if views:
    total += _VIEWS * sum(pixels)
  return total


def streamed(cascade: Cascade, plan: Sequence[Stage], num_classes: int) -> int:
  """Estimates the least bytes for streaming an image, without the networks."""
  window, network = plan[-1].grid.window, cascade.network
  pixels = math.prod(window), math.prod(network)
  each = 4 * num_classes * (2 * pixels[0]) + 4 * pixels[1]
  return _STREAMING + _COPIES * cascade.batch * each


def _gigabytes(count: float) -> str:
  """Rounded up, so that the printed number is enough."""
  if count >= 10 * _GIGABYTE:
    return f'{math.ceil(count / 1e8) / 10:.1f}'
  return f'{math.ceil(count / 1e7) / 100:.2f}'


def _text(size: Size) -> str:
  return f'{size[0]}x{size[1]}'
