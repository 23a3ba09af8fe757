"""Times networks alone on XLA and on other engines, by the processor's seconds.

    taskset -c 0 python experiments/forward/engines.py --networks=fpn,refiner

Calls of all engines alternate, one image each; the least of each counts, in
seconds of the processor, which other work on the machine affects little. Beside
it stands the largest difference from XLA, relative to the range of the logits.
"""

import argparse
from collections.abc import Callable
import functools
import sys
import time
from typing import Any

import jax
import networks
import numpy as np

from magnet_jax.engines import sessions
from magnet_jax.engines.sessions import ENGINES, Session
from magnet_jax.export import onnx_model

Call = Callable[[], np.ndarray]


def _calls(network: networks.Network) -> dict[str, Call]:
  """A call of the network on each engine and precision, by its name."""
  apply, variables = networks.with_weights(network, 'float32')
  placed = jax.device_put(variables)
  rng = np.random.default_rng(0)
  maps = [rng.standard_normal(shape, np.float32) for shape in network.shapes(1)]
  program = jax.jit(apply)
  calls: dict[str, Call] = {
    'xla': lambda: np.asarray(program(placed, *maps)),
  }
  names = [f'input{number}' for number in range(len(maps))]
  made = onnx_model.make(
    functools.partial(apply, placed),
    {
      name: jax.ShapeDtypeStruct(each.shape, each.dtype)
      for name, each in zip(names, maps, strict=True)
    },
    ['logits'],
    channels='last',
  ).SerializeToString()
  given = dict(zip(names, maps, strict=True))
  for engine, row in ENGINES.items():
    for precision in row.precisions if sessions.installed(engine) else ():
      session = sessions.make(engine, made, precision)
      calls[f'{engine} {precision}'] = functools.partial(_first, session, given)
  return calls


def _first(session: Session, given: dict[str, Any]) -> np.ndarray:
  return session(**given)[0]


def _rows(name: str, network: networks.Network, repeats: int) -> list[str]:
  calls = _calls(network)
  results = {engine: call() for engine, call in calls.items()}  # compiles
  seconds = dict.fromkeys(calls, np.inf)
  for _ in range(repeats):
    for engine, call in calls.items():
      start = time.process_time()
      call()
      seconds[engine] = min(seconds[engine], time.process_time() - start)
  wanted = results['xla']
  return [
    f'{name:10}{engine:22}{1000 * seconds[engine]:8.0f}'
    f'{seconds[engine] / seconds["xla"]:8.2f}'
    f'{np.abs(results[engine] - wanted).max() / np.ptp(wanted):10.0e}'
    for engine in calls
  ]


def main(argv: list[str]) -> int:
  """Prints the table; returns the exit status."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--networks', default='fpn,refiner,hrnet18')
  parser.add_argument('--repeats', type=int, default=7)
  given = parser.parse_args(argv)
  print(f'{"network":10}{"engine":22}{"ms":>8}{"of XLA":>8}{"differs":>10}')
  chosen = networks.select(given.networks.split(','))
  for name, network in chosen.items():
    for line in _rows(name, network, given.repeats):
      print(line, flush=True)
  return 0


if __name__ == '__main__':
  sys.exit(main(sys.argv[1:]))
