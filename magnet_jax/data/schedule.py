"""The order of images in training: seeded and resumable, through grain."""

from collections.abc import Callable, Iterator
import dataclasses

from absl import flags
import grain
import numpy as np

from magnet_jax.data.folds import Indices, Turns
from magnet_jax.types import InputError

Batch = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Schedule:
  """The order in which images are drawn, and by which process.

  Attributes:
    seed: of the order and of everything drawn for the images, 0 to 2**32 - 1.
    batch: what is drawn for a batch, over all processes.
    start_step: the first batch, counted from 0.
    steps: stop before this batch; None never stops.
    workers: processes that draw ahead, each with its own caches; 0 uses
      threads.
    part: (i, n) draws every n-th row from row i on, for one of n processes that
      share the batches; n divides the batch.
    parts: indices of the images of each part, if each batch is to be of one
      part, as `folds.Turns` says; () draws from all images.

  Raises:
    InputError: a value is out of range.
  """

  seed: int
  batch: int
  start_step: int = 0
  steps: int | None = None
  workers: int = 0
  part: tuple[int, int] = (0, 1)
  parts: tuple[Indices, ...] = ()

  def __post_init__(self) -> None:
    for name, least in (
      ('seed', 0),
      ('batch', 1),
      ('start_step', 0),
      ('workers', 0),
    ):
      value = getattr(self, name)
      if value < least:
        raise InputError(f'{name} {value}: must be at least {least}; raise it')
    if self.seed >= 2**32:
      raise InputError(f'seed {self.seed}: must be below 2**32; lower it')
    if self.batch % self.part[1]:
      raise InputError(
        f'batch of {self.batch} images: must be a multiple of the '
        f'{self.part[1]} processes that share it; change one of them'
      )

  def run(
    self, images: int, draw: Callable[[int, np.random.Generator], Batch]
  ) -> Iterator[Batch]:
    """Yields the batches of what `draw` makes of some of so many images.

    Each epoch draws all of them in a new order. Row i depends only on (seed,
    i), neither on the workers nor on the start step.
    """
    if self.parts:
      turns = Turns(self.parts, self.batch, self.seed)
      order = grain.MapDataset.source(turns).seed(self.seed)
    else:
      whole = grain.MapDataset.range(images).seed(self.seed)
      order = whole.shuffle().repeat()
    elements = order.random_map(draw)
    # Sliced after drawing: a row is the same whichever process reads it.
    first, count = self.part
    shared = elements[first::count].batch(
      self.batch // count, drop_remainder=True
    )
    # Two threads keep a step ahead; more would hold more images in memory and
    # take cores from the training.
    batches = shared[self.start_step : self.steps].to_iter_dataset(
      grain.ReadOptions(num_threads=2, prefetch_buffer_size=4)
    )
    if self.workers:
      if not flags.FLAGS.is_parsed():
        # Workers read absl's flags, which nobody has parsed in a notebook.
        flags.FLAGS.mark_as_parsed()
      batches = batches.mp_prefetch(
        grain.MultiprocessingOptions(
          num_workers=self.workers, per_worker_buffer_size=2
        )
      )
    return iter(batches)
