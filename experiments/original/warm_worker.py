"""A process that segments images when it is told to and says what that took.

    python warm_worker.py FILE.py:NAME [SETTINGS]

NAME is a function of an image's path that returns labels, [H,W]; with SETTINGS,
a JSON object, NAME(**SETTINGS) returns that function. Each line of the input is
a JSON object {"image": path, "labels": path to write, ending in .npy}; each
line of the output one of processor seconds, and of MB that the process has
needed at most since it began. It needs NumPy only, so that it can run beside
other programs, in their environment.
"""

import json
import os
import pathlib
import resource
import runpy
import sys
import time

import numpy as np


def main(place: str, *settings: str) -> None:
  """Answers until the input ends."""
  # What the function prints must not be taken for an answer.
  answers = os.fdopen(os.dup(1), 'w')
  os.dup2(2, 1)
  path, _, name = place.rpartition(':')
  file = pathlib.Path(path).resolve()
  sys.path.insert(0, str(file.parent))
  function = runpy.run_path(str(file))[name]
  if settings:
    function = function(**json.loads(settings[0]))
  print(json.dumps({}), file=answers, flush=True)
  for line in sys.stdin:
    task = json.loads(line)
    start = time.process_time()
    labels = function(task['image'])
    seconds = time.process_time() - start
    np.save(task['labels'], np.asarray(labels))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    answer = {'seconds': seconds, 'peak_mb': peak}
    print(json.dumps(answer), file=answers, flush=True)


if __name__ == '__main__':
  main(*sys.argv[1:])
