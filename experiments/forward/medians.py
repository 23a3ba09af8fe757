"""How long the median of a window takes, sorted by columns and bit by bit.

  taskset -c 0 python experiments/forward/medians.py

Both run in alternation; seconds are those of the processor.
"""

import statistics
import time

import jax
import jax.numpy as jnp
import numpy as np

from magnet_jax.ops import median

SIDE = 508  # of the windows of DeepGlobe
REPEATS = 5


def by_bits(values: jax.Array, kernel: int) -> jax.Array:
  """As on accelerators."""
  margin = kernel // 2
  padded = jnp.pad(values, margin, 'symmetric')
  return median._by_bits(
    [
      padded[i : i + SIDE, j : j + SIDE]
      for i in range(kernel)
      for j in range(kernel)
    ]
  )


def main() -> None:
  """Prints a row for each kernel."""
  values = jnp.asarray(np.random.default_rng(0).random((SIDE, SIDE), 'f'))
  print('kernel  bits ms  columns ms  ratio')
  for kernel in (7, 9, 11):
    ways = [
      jax.jit(way, static_argnums=1) for way in (by_bits, median.median_filter)
    ]
    first, second = (np.asarray(way(values, kernel)) for way in ways)
    np.testing.assert_array_equal(first, second)
    times: list[list[float]] = [[], []]
    for _ in range(REPEATS):
      for way, seconds in zip(ways, times, strict=True):
        start = time.process_time()
        way(values, kernel).block_until_ready()
        seconds.append(1000 * (time.process_time() - start))
    bits, columns = (statistics.median(each) for each in times)
    print(f'{kernel:6}  {bits:7.0f}  {columns:10.0f}  {columns / bits:5.2f}')


if __name__ == '__main__':
  main()
