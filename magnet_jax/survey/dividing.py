"""Which image is in which split."""

from collections.abc import Mapping, Sequence

import numpy as np

SHARES = {'train': 0.7, 'val': 0.15, 'test': 0.15}
SPLITS = tuple(SHARES)
_TRIALS = 300


def divide(
  groups: Sequence[int],
  pixels: np.ndarray,
  *,
  seed: int,
  shares: Mapping[str, float] = SHARES,
) -> list[str]:
  """Draws splits; images of a group stay together.

  Takes the best of a few hundred draws: that in which, as far as possible,
  every class occurs in every split and in similar shares.

  Args:
    groups: a number for each image.
    pixels: int [images,C], of each class in each image.
    seed: the same seed gives the same splits.
    shares: of the images, by split. The last split may stay empty if there
      are fewer groups than splits.

  Returns:
    The split of each image.
  """
  rng = np.random.default_rng(seed)
  members: dict[int, list[int]] = {}
  for index, group in enumerate(groups):
    members.setdefault(group, []).append(index)
  draws = (
    _draw(rng.permutation(list(members)).tolist(), members, shares)
    for _ in range(_TRIALS)
  )
  return min(draws, key=lambda each: _badness(each, pixels, shares))


def _draw(
  order: Sequence[int],
  members: Mapping[int, Sequence[int]],
  shares: Mapping[str, float],
) -> list[str]:
  """Fills val, then test, then train with groups in some order."""
  first, *others = shares
  count = sum(map(len, members.values()))
  result = [first] * count
  rest = list(order)
  for split in others:
    wanted = max(1, round(shares[split] * count))
    taken = 0
    # The last group is kept for training, as is one too large for this split.
    for group in list(rest):
      size = len(members[group])
      most = wanted - taken if taken else max(wanted, count // 3)
      if len(rest) > 1 and size <= most:
        for index in members[group]:
          result[index] = split
        rest.remove(group)
        taken += size
      if taken >= wanted:
        break
  return result


def _badness(
  found: Sequence[str], pixels: np.ndarray, shares: Mapping[str, float]
) -> float:
  """Weighs missing classes first, then how much class shares differ."""
  names = np.array(found)
  whole = pixels.sum(0) / max(pixels.sum(), 1)
  total = 0.0
  for split, share in shares.items():
    here = pixels[names == split].sum(0)
    total += 10 * np.count_nonzero((here == 0) & (whole > 0))
    if not here.sum():
      total += 100
      continue
    total += np.abs(here / here.sum() - whole).sum()
    total += abs((names == split).mean() - share)
  return float(total)
