"""Which image is in which split."""

from collections.abc import Sequence

import numpy as np

SHARES = {'train': 0.7, 'val': 0.15, 'test': 0.15}
_TRIALS = 300


def divide(
  groups: Sequence[int],
  pixels: np.ndarray,
  *,
  seed: int,
  shares: dict[str, float] | None = None,
) -> list[str]:
  """Draws splits; images of a group stay together.

  Of some hundred draws that one is taken in which every class occurs in every
  split, as far as possible, and in like shares.

  Args:
    groups: a number for each image.
    pixels: int [images,C], of each class in each image.
    seed: the same gives the same splits.
    shares: of the images, by split; by default 70, 15 and 15 %. What is drawn
      last may stay empty where there are fewer groups than splits.

  Returns:
    The split of each image.
  """
  shares = shares or SHARES
  rng = np.random.default_rng(seed)
  members: dict[int, list[int]] = {}
  for index, group in enumerate(groups):
    members.setdefault(group, []).append(index)
  best: tuple[float, list[str]] | None = None
  for _ in range(_TRIALS):
    order = [list(members)[i] for i in rng.permutation(len(members))]
    found = _draw(order, members, len(groups), shares)
    worth = _badness(found, pixels, shares)
    if best is None or worth < best[0]:
      best = worth, found
  assert best is not None
  return best[1]


def _draw(
  order: Sequence[int],
  members: dict[int, list[int]],
  count: int,
  shares: dict[str, float],
) -> list[str]:
  """Fills val, then test, then train with groups in some order."""
  result = [next(iter(shares))] * count
  rest = list(order)
  for split in list(shares)[1:]:
    wanted = max(1, round(shares[split] * count))
    taken = 0
    # The last group is for training, and a large one waits for it.
    for group in list(rest):
      size = len(members[group])
      if len(rest) > 1 and (taken == 0 or taken + size <= wanted):
        if taken == 0 and size > max(wanted, count // 3):
          continue
        for index in members[group]:
          result[index] = split
        rest.remove(group)
        taken += size
      if taken >= wanted:
        break
  return result


def _badness(
  found: Sequence[str], pixels: np.ndarray, shares: dict[str, float]
) -> float:
  """Missing classes above all, then how much the classes' shares differ."""
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
