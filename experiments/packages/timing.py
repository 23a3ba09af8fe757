"""Times two programs in alternation."""

from collections.abc import Callable
import statistics
import time
from typing import Any

HEADER = f'{"":12} {"ours":>8} {"theirs":>8} {"ratio":>7}  ratios'


def compare(
  name: str,
  ours: Callable[[], Any],
  theirs: Callable[[], Any],
  repeats: int,
) -> tuple[Any, Any]:
  """Prints medians of seconds of the processor; returns what both return.

  On a shared machine, these hardly depend on how much others run, while
  seconds of the clock do.
  """
  pairs = []
  for _ in range(repeats):
    first = time.process_time()
    our_result = ours()
    second = time.process_time()
    their_result = theirs()
    pairs.append((second - first, time.process_time() - second))
  ratios = sorted(one / other for one, other in pairs)
  one, other = (statistics.median(each) for each in zip(*pairs, strict=True))
  print(
    f'{name:12} {one:8.2f} {other:8.2f} {statistics.median(ratios):7.2f} ',
    ' '.join(f'{ratio:.2f}' for ratio in ratios),
    flush=True,
  )
  return our_result, their_result
