"""The K points of highest score, with ties broken as in the published runs.

There, scores are enlarged from a small map to blocks of equal scores, so the
last of the K points always ties with others: of 8192 points, about 60 are
decided by the order of ties alone. The published runs used `torch.topk` on a
CPU, which is `std::nth_element`, or `std::partial_sort` for few points, of the
C++ library. Both are reproduced here, to the last swap.
"""

import numpy as np

# With at least this many scores per point, `torch.topk` uses `partial_sort`.
_FEW = 64


def choose(scores: np.ndarray, points: int) -> np.ndarray:
  """Marks the points with the highest scores.

  Args:
    scores: float32 [H,W]; NaN counts as the highest.
    points: K; all points if there are no more than that.

  Returns:
    bool [H,W], min(K, pixels) of them True.
  """
  flat = np.nan_to_num(scores.reshape(-1), nan=np.inf)
  chosen = np.zeros(flat.size, bool)
  if points >= flat.size:
    chosen[:] = True
  elif points:
    find = _by_heap if points * _FEW <= flat.size else _by_partition
    chosen[find(flat, points)] = True
  return chosen.reshape(scores.shape)


def _by_partition(scores: np.ndarray, points: int) -> np.ndarray:
  """`std::nth_element`: positions of the highest scores."""
  order = np.arange(len(scores))
  first, last = 0, len(scores)
  rounds = 2 * (last.bit_length() - 1)
  while last - first > 3:
    # Introselect's escape from bad pivots; never seen on scores of images.
    if not rounds:
      rest = _by_heap(scores[order[first:last]], points - first)
      return np.concatenate([order[:first], order[first:last][rest]])
    rounds -= 1
    _pivot_to_first(scores, order, first, last)
    cut = _partition(scores, order, first, last)
    if cut < points:
      first = cut
    else:
      last = cut
  rest = order[first:last]
  order[first:last] = rest[np.argsort(-scores[rest], kind='stable')]
  # The library ends with an insertion sort of at most 3, which is stable.
  return order[:points]


def _pivot_to_first(
  scores: np.ndarray, order: np.ndarray, first: int, last: int
) -> None:
  """Swaps the median of three elements to the front."""
  places = (first + 1, first + (last - first) // 2, last - 1)
  a, b, c = (scores[order[place]] for place in places)
  if a > b:
    middle = 1 if b > c else 2 if a > c else 0
  else:
    middle = 0 if a > c else 2 if b > c else 1
  place = places[middle]
  order[first], order[place] = order[place], order[first]


def _partition(
  scores: np.ndarray, order: np.ndarray, first: int, last: int
) -> int:
  """Swaps higher scores than the first to the left; returns where they end.

  Two pointers move towards each other and swap where they stop: the i-th score
  that is not higher, from the left, with the i-th that is not lower, from the
  right, until they meet.
  """
  pivot, rest = scores[order[first]], scores[order[first + 1 : last]]
  from_left = np.flatnonzero(rest <= pivot)
  from_right = np.flatnonzero(rest >= pivot)[::-1]
  both = min(len(from_left), len(from_right))
  swaps = np.count_nonzero(from_left[:both] < from_right[:both])
  left = first + 1 + from_left[:swaps]
  right = first + 1 + from_right[:swaps]
  order[left], order[right] = order[right], order[left]
  # The left pointer stops at the next low score, or at the latest at one that
  # it has swapped there itself.
  stops = [*from_left[swaps : swaps + 1], *from_right[:swaps][-1:]]
  return first + 1 + int(min(stops))


def _by_heap(scores: np.ndarray, points: int) -> np.ndarray:
  """`std::partial_sort`: positions of the highest scores.

  A heap of K scores, the lowest on top; every further score that is higher than
  the top replaces it. Plain lists take 1 s for 32768 of 2 million points, as
  indexing single NumPy elements would be slower.
  """
  values, places = scores[:points].tolist(), list(range(points))

  def settle(hole: int, value: float, place: int) -> None:
    """Walks the hole down to a leaf, then the new score up from there."""
    start, child = hole, 2 * hole + 2
    while child <= points:
      if child == points or values[child] > values[child - 1]:
        child -= 1
      values[hole], places[hole] = values[child], places[child]
      hole, child = child, 2 * child + 2
    parent = (hole - 1) // 2
    while hole > start and values[parent] > value:
      values[hole], places[hole] = values[parent], places[parent]
      hole, parent = parent, (parent - 1) // 2
    values[hole], places[hole] = value, place

  for parent in reversed(range(points // 2)):
    settle(parent, values[parent], places[parent])
  for place, value in enumerate(scores[points:].tolist(), points):
    if value > values[0]:
      settle(0, value, place)
  return np.array(places)
