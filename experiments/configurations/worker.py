"""Segments an image each time that it is given a line; prints what it took.

Started by `compare.py`, with the package of one of the trees.
"""

import argparse
import json
import resource
import sys
import time

import configurations
import numpy as np


def main(argv: list[str]) -> None:
  """Answers each line with a JSON object, the first after compiling.

  A line is the path, ending in .npy, to which the labels are written.
  """
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('name', choices=configurations.CONFIGURATIONS)
  parser.add_argument('--engine', default='xla')
  parser.add_argument('--precision', default='float32')
  given = parser.parse_args(argv)
  configuration = configurations.CONFIGURATIONS[given.name]
  own = given.precision if given.engine == 'xla' else 'float32'
  model = configuration.model(own)
  if given.engine != 'xla':
    from magnet_jax.predict import engines

    model = engines.use(model, given.engine, given.precision)
  segment = configurations.call(configuration, model)
  for line in sys.stdin:
    before, start = (
      resource.getrusage(resource.RUSAGE_SELF),
      time.process_time(),
    )
    label = segment()
    seconds = time.process_time() - start
    after = resource.getrusage(resource.RUSAGE_SELF)
    found = {
      'seconds': seconds,
      'system': after.ru_stime - before.ru_stime,
      'faults': after.ru_minflt - before.ru_minflt,
      'peak_mb': after.ru_maxrss * 1024 / 1e6,
    }
    np.save(line.strip(), label)
    print(json.dumps(found), flush=True)


if __name__ == '__main__':
  main(sys.argv[1:])
