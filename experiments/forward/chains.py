"""Times networks whose blocks and resized maps are computed apart, and not.

    taskset -c 0 python experiments/forward/chains.py --networks=fpn,hrnet18

Both programs are compiled in one process and run by turns; seconds are those of
the processor. The refiner is applied in strips, as in a segmentation.
"""

import argparse
from collections.abc import Callable
import contextlib
import sys
import time
from unittest import mock

import jax
import networks
import numpy as np

from magnet_jax.models.refiner import HALO
from magnet_jax.ops import apart, strips

ALL = 'refiner,fpn,deeplab,psp,hrnet18,hrnet48'


class Program:
  """A compiled network and its arguments."""

  def __init__(self, network: networks.Network) -> None:
    apply, variables = networks.with_weights(network, 'float32')
    rng = np.random.default_rng(0)
    maps = [rng.standard_normal(each, np.float32) for each in network.shapes(1)]
    self._given = jax.device_put((variables, *maps))
    if network.settings is None:
      apply = _in_strips(apply)
    lowered = jax.jit(apply).lower(*self._given)
    start = time.process_time()
    self._program = lowered.compile()
    self.compiling = time.process_time() - start
    self.megabytes = self._program.memory_analysis().temp_size_in_bytes / 1e6
    self.result = np.asarray(self._program(*self._given))

  def milliseconds(self) -> float:
    """Times one call."""
    start = time.process_time()
    self._program(*self._given).block_until_ready()
    return 1000 * (time.process_time() - start)


def _in_strips(apply: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
  of_strips = strips.InStrips(apply, halo=HALO)
  return lambda variables, scale, coarse: of_strips(
    variables, scale=scale, coarse=coarse
  )


def _without() -> contextlib.AbstractContextManager[object]:
  """Lets XLA fuse what it wants."""
  return mock.patch.object(apart, 'apart', lambda function: function)


def _row(name: str, network: networks.Network, repeats: int) -> str:
  with _without():
    fused = Program(network)
  jax.clear_caches()  # of what was traced without
  separate = Program(network)
  turns = [
    (fused.milliseconds(), separate.milliseconds()) for _ in range(repeats)
  ]
  before, after = np.median(turns, axis=0)
  differs = np.abs(fused.result - separate.result).max()
  return (
    f'{name:10}{before:9.0f}{after:9.0f}{after / before:7.2f}'
    f'{fused.megabytes:9.0f}{separate.megabytes:7.0f}'
    f'{fused.compiling:10.1f}{separate.compiling:7.1f}'
    f'{differs / np.ptp(fused.result):10.0e}'
  )


def main(argv: list[str]) -> int:
  """Prints the table; returns the exit status."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--networks', default=ALL)
  parser.add_argument('--repeats', type=int, default=5)
  given = parser.parse_args(argv)
  print(
    f'{"network":10}{"fused ms":>9}{"apart ms":>9}{"ratio":>7}{"temp MB":>9}'
    f'{"apart":>7}{"compile s":>10}{"apart":>7}{"differs":>10}'
  )
  for name, network in networks.select(given.networks.split(',')).items():
    print(_row(name, network, given.repeats), flush=True)
  return 0


if __name__ == '__main__':
  sys.exit(main(sys.argv[1:]))
