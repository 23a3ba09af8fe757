"""Where does the time of dense-crf go? Prints seconds of user code, by part.

python experiments/packages/parts.py PHOTOGRAPH
"""

import argparse
from collections.abc import Callable
import resource
from typing import Any

import cv2
import inputs

from magnet_jax.filters import dense_crf
from magnet_jax.filters.bilateral_grid import BilateralGrid
from magnet_jax.filters.gaussian import Gaussian

_PARTS = (
  (BilateralGrid, '__init__', 'tying pixels to the grid, and D'),
  (BilateralGrid, '_splatted', 'splat'),
  (BilateralGrid, '_blurred', 'blur'),
  (BilateralGrid, '_slice', 'slice'),
  (Gaussian, '__call__', 'Gaussian'),
)


def _measured(
  run: Callable[..., Any], spent: list[float]
) -> Callable[..., Any]:
  """Returns the function, which adds its user and system seconds."""

  def measured(*args: Any, **settings: Any) -> Any:
    before = resource.getrusage(resource.RUSAGE_SELF)
    result = run(*args, **settings)
    after = resource.getrusage(resource.RUSAGE_SELF)
    spent[0] += after.ru_utime - before.ru_utime
    spent[1] += after.ru_stime - before.ru_stime
    return result

  return measured


def main() -> None:
  """Measures and prints."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('photograph')
  parser.add_argument('--side', type=int, default=2448)
  parser.add_argument('--classes', type=int, default=7)
  args = parser.parse_args()
  cv2.setNumThreads(1)
  image = inputs.photograph(args.photograph, args.side)
  maps = inputs.probabilities(image, args.classes)
  spent = {name: [0.0, 0.0] for *_, name in _PARTS}
  for owner, method, name in _PARTS:
    setattr(owner, method, _measured(getattr(owner, method), spent[name]))
  spent['all'] = [0.0, 0.0]
  _measured(dense_crf.dense_crf, spent['all'])(image, maps)
  print(f'{"five steps and two sums":32} {"user":>6} {"system":>6}')
  for name, (user, system) in spent.items():
    print(f'{name:32} {user:6.2f} {system:6.2f}')


if __name__ == '__main__':
  main()
