"""Parts of a data set: divided by names, and batches of one part each."""

from collections.abc import Sequence
import dataclasses
import functools
import itertools
import re
import sys

import numpy as np

from magnet_jax.types import InputError

Indices = tuple[int, ...]
_NUMBER = re.compile(r'(\d+)')


def divide(names: Sequence[str], count: int) -> tuple[Indices, ...]:
  """Divides images into parts of neighbours, as equal as their groups allow.

  The images are ordered by name, numbers by their value. Names that differ in
  their last number only, as those of tiles or frames, are one group; a part
  ends where a group ends if that makes it at most half as large again.

  Args:
    names: of the images, with their folders.
    count: number of parts, at least 1.

  Returns:
    The indices of the images of each part, each at least two.

  Raises:
    InputError: there are fewer than two images for each part.

  >>> divide(['b/2', 'a/10', 'a/9', 'a/8', 'b/1'], 2)
  ((3, 2, 1), (4, 0))
  """
  if len(names) < 2 * count:
    raise InputError(
      f'{count} folds of {len(names)} images: each needs at least two; lower '
      "train.refiner.folds, or set train.refiner.unseen to 'none'"
    )
  order = sorted(range(len(names)), key=lambda index: _natural(names[index]))
  groups = [_group(names[index]) for index in order]
  ends = [at for at in range(1, len(order)) if groups[at] != groups[at - 1]]
  share = len(order) / count
  cuts = [0]
  for number in range(1, count):
    wanted = round(number * share)
    near = min(ends, key=lambda end: abs(end - wanted), default=wanted)
    # The parts before and after need two images each.
    least, most = cuts[-1] + 2, len(order) - 2 * (count - number)
    fits = least <= near <= most and abs(near - wanted) <= share / 4
    cuts.append(near if fits else min(max(wanted, least), most))
  cuts.append(len(order))
  return tuple(
    tuple(order[start:end]) for start, end in itertools.pairwise(cuts)
  )


def _natural(name: str) -> list[tuple[bool, int, str]]:
  """Returns a key by which 'a9' comes before 'a10'."""
  return [
    (piece.isdecimal(), int(piece) if piece.isdecimal() else 0, piece)
    for piece in _NUMBER.split(name)
  ]


def _group(name: str) -> str:
  """Returns the name without its last number; that of a folder stays."""
  folder, slash, last = name.rpartition('/')
  start, *rest = reversed(_NUMBER.split(last))
  return folder + slash + ''.join(reversed([start, *rest[1:]]))


@dataclasses.dataclass(frozen=True)
class Turns:
  """An endless sequence of images in which each batch is of one part.

  Parts take turns in proportion to their images. Each is shuffled anew
  whenever all of it has been seen.

  Attributes:
    parts: indices of the images of each part.
    batch: images in a batch.
    seed: of the order.
  """

  parts: tuple[Indices, ...]
  batch: int
  seed: int

  def part(self, number: int) -> int:
    """Returns which part the batch of this number is from."""
    cycle, _ = _cycle(tuple(map(len, self.parts)))
    return cycle[number % len(cycle)]

  def __len__(self) -> int:
    return sys.maxsize

  def __getitem__(self, row: int) -> int:
    """Returns the image of a row, counted over all batches."""
    number, within = divmod(row, self.batch)
    sizes = tuple(map(len, self.parts))
    cycle, earlier = _cycle(sizes)
    rounds, place = divmod(number, len(cycle))
    which = cycle[place]
    batches = rounds * sizes[which] + earlier[place]
    epoch, at = divmod(batches * self.batch + within, sizes[which])
    order = _shuffled(sizes[which], (self.seed, which, epoch))
    return self.parts[which][order[at]]


@functools.lru_cache(maxsize=16)
def _cycle(sizes: Indices) -> tuple[Indices, Indices]:
  """Returns which part each batch is from, and how many were before it.

  After as many batches as there are images, each part has had its share.
  """
  total = sum(sizes)
  counts = [0] * len(sizes)
  cycle, earlier = [], []
  for place in range(1, total + 1):
    # The part that is furthest behind.
    lag = [
      size * place - total * n for size, n in zip(sizes, counts, strict=True)
    ]
    which = lag.index(max(lag))
    cycle.append(which)
    earlier.append(counts[which])
    counts[which] += 1
  return tuple(cycle), tuple(earlier)


@functools.lru_cache(maxsize=16)
def _shuffled(length: int, seed: Indices) -> Indices:
  rng = np.random.default_rng(seed)
  return tuple(rng.permutation(length).tolist())
