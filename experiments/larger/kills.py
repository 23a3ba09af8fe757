"""Kills a streamed run at random moments and runs the same command again.

    python experiments/larger/kills.py --kills=30

For each kill: `magnet-jax segment` in a process of its own (or in several that
share the image: --processes=2), SIGKILL at a moment drawn from the run's whole
time, from its first file to its last, then the same command to the end. What it
then leaves must be, byte for byte, what a run leaves that nobody killed. The
networks are of random weights and narrow, the image is a generated scene.
"""

import argparse
import hashlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time

import numpy as np

from magnet_jax.configs import tiny
from magnet_jax.evaluate import random_model
from magnet_jax.files import bundle, images
from magnet_jax.models import build
from magnet_jax.scenes import generator
from magnet_jax.types import Meta

SIZE = (600, 700)


def write_model(path: pathlib.Path) -> None:
  """A segmenter and a refiner for windows of 32x32."""
  config = tiny.get_config().to_dict()
  count = len(generator.CLASSES)
  rng = np.random.default_rng(0)
  pixels = np.zeros((1, 64, 64, 3), np.float32)
  maps = np.zeros((1, 8, 8, count), np.float32)
  refiner = {k: v for k, v in config['refiner'].items() if k != 'count'}
  networks = {
    'segmenter': random_model.weights(
      rng, build.segmenter(num_classes=count, **config['segmenter']), pixels
    ),
    'refiner': random_model.weights(
      rng,
      build.refinement(num_classes=count, **refiner),
      scale=maps,
      coarse=maps,
    ),
  }
  bundle.export(path, networks, Meta(config, generator.CLASSES))


class Run:
  """The command, in processes of its own."""

  def __init__(self, folder: pathlib.Path, out: pathlib.Path, processes: int):
    command = [
      sys.executable,
      '-m',
      'magnet_jax.cli.main',
      'segment',
      str(folder / 'scene.png'),
      f'--checkpoint={folder / "model.npz"}',
      f'--out={out}',
      '--store=uint16',
      '--overlap=0.2',
      '--batch=4',
      '--confidence',
    ]
    if processes > 1:
      with socket.socket() as free:
        free.bind(('localhost', 0))
        port = free.getsockname()[1]
      command += [f'--coordinator=localhost:{port}', f'--processes={processes}']
    cache = {
      'JAX_COMPILATION_CACHE_DIR': str(folder / 'compiled'),
      'JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS': '0',
    }
    with open(folder / 'log', 'ab') as log:
      self._running = [
        subprocess.Popen(
          command + [f'--process={number}'] * (processes > 1),
          stdout=log,
          stderr=log,
          env={**os.environ, **cache},
        )
        for number in range(processes)
      ]

  def goes_on(self) -> bool:
    """Whether none of them is through."""
    return all(process.poll() is None for process in self._running)

  def wait(self) -> int:
    """The worst status, at the end."""
    return max(abs(process.wait()) for process in self._running)

  def kill(self) -> None:
    """All of them, at once."""
    for process in self._running:
      process.send_signal(signal.SIGKILL)
    self.wait()


def begin(run: Run, out: pathlib.Path) -> None:
  """Waits for the first file of a run."""
  while run.goes_on() and not (out / 'scene.partial').exists():
    time.sleep(0.001)


def fingerprints(out: pathlib.Path) -> dict[str, str]:
  """sha256 of all that a run left, by name."""
  return {
    str(file.relative_to(out)): hashlib.sha256(file.read_bytes()).hexdigest()
    for file in sorted(out.rglob('*'))
    if file.is_file()
  }


def finished(out: pathlib.Path) -> str:
  """The last line of the journal of a run that was killed."""
  journal = out / 'scene.partial' / 'journal.jsonl'
  lines = journal.read_text().splitlines() if journal.exists() else []
  return lines[-1] if lines else 'nothing'


def straight(
  folder: pathlib.Path, processes: int
) -> tuple[dict[str, str], float]:
  """What a run leaves that is not killed, and its seconds."""
  Run(folder, folder / 'compiling', processes).wait()
  out = folder / 'straight'
  run = Run(folder, out, processes)
  begin(run, out)
  before = time.monotonic()
  assert run.wait() == 0, (folder / 'log').read_text()
  return fingerprints(out), time.monotonic() - before


def kill_one(run: Run, out: pathlib.Path, moment: float) -> str | None:
  """Kills a run; returns what it had finished, or None if it was through."""
  begin(run, out)
  time.sleep(moment)
  if not run.goes_on():
    run.wait()
    return None
  run.kill()
  return finished(out)


def main(kills: int, seed: int, processes: int) -> int:
  """Kills, goes on, compares; returns how many results were different."""
  rng = np.random.default_rng(seed)
  different = done = tried = 0
  with tempfile.TemporaryDirectory() as temporary:
    folder = pathlib.Path(temporary)
    images.write_image(folder / 'scene.png', generator.generate(1, SIZE).image)
    write_model(folder / 'model.npz')
    expected, seconds = straight(folder, processes)
    print(
      f'{SIZE[0]}x{SIZE[1]}, {processes} processes, {seconds:.1f} s without '
      'a kill'
    )
    print(json.dumps(expected, indent=1))
    while done < kills:
      tried += 1
      out = folder / f'killed{tried}'
      moment = rng.uniform(0, seconds)
      what = kill_one(Run(folder, out, processes), out, moment)
      if what is None:
        continue  # it was through by then: no kill
      status = Run(folder, out, processes).wait()
      same = status == 0 and fingerprints(out) == expected
      different += not same
      done += 1
      print(
        f'{done:2} killed after {moment:5.2f} s, last finished {what}: '
        f'status {status}, {"identical" if same else "DIFFERENT"}',
        flush=True,
      )
  print(f'{done - different} of {done} results identical')
  return different


if __name__ == '__main__':
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--kills', type=int, default=30)
  parser.add_argument('--seed', type=int, default=0)
  parser.add_argument('--processes', type=int, default=1)
  given = parser.parse_args()
  sys.exit(1 if main(given.kills, given.seed, given.processes) else 0)
