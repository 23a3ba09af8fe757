"""Two processes of two CPU devices each, as one run."""

import json
import os
import socket
import subprocess
import sys

PROGRAM = """
import json, os, sys
# What Gloo's threads write at once, in pieces, goes nowhere.
sys.stdout = os.fdopen(os.dup(1), 'w')
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
import numpy as np
from magnet_jax import parallel
from magnet_jax.cli import main
flags = json.loads(sys.argv[2])
for argv in json.loads(sys.argv[1]):
  status = main.main([*argv, *flags])
  flags = []  # they have met
shape = np.zeros(3)
made = parallel.from_main(lambda: shape + [4, 5, 6], lambda: shape)
assert made.tolist() == [4, 5, 6]
assert parallel.gather(parallel.process()) == [0, 1]
sys.exit(status)
"""


class Pair:
  """Two processes that run the same commands together."""

  def __init__(self, first, second=None):
    with socket.socket() as free:
      free.bind(('localhost', 0))
      address = f'localhost:{free.getsockname()[1]}'
    level = '--xla_backend_optimization_level=0'
    count = '--xla_force_host_platform_device_count=2'
    environment = os.environ | {'XLA_FLAGS': f'{count} {level}'}
    self.running = [
      subprocess.Popen(
        [
          sys.executable,
          '-c',
          PROGRAM,
          json.dumps(argvs),
          json.dumps(
            [f'--coordinator={address}', '--processes=2', f'--process={number}']
          ),
        ],
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
      )
      for number, argvs in enumerate([first, second or first])
    ]

  def finish(self, seconds=400):
    """(status, lines of stdout, lines of stderr) of both."""
    found = []
    for process in self.running:
      out, err = process.communicate(timeout=seconds)
      found.append((process.returncode, out.splitlines(), err.splitlines()))
    return found
