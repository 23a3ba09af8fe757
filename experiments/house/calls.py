"""The way from the command `segment` to the segmenter, as it is run."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

from modules import PACKAGE

# A segmenter that is called from Python, window by window, with all callers on
# the stack; networks of JAX are called once, while a step is compiled.
_SEGMENTER = """
import json, traceback
import numpy as np

def note(images):
  stack = [(f.filename, f.name) for f in traceback.extract_stack()[:-1]]
  with open('stacks.jsonl', 'a') as file:
    file.write(json.dumps(stack) + '\\n')
  weights = np.zeros((3, 7), np.float32)
  weights[:, 0], weights[:, 5] = -1, 1
  return images @ weights
"""
_PROGRAM = """
import json, pathlib, sys
import magnet_jax
import numpy as np
from PIL import Image
from magnet_jax.cli.main import run
folder = pathlib.Path(magnet_jax.__file__).parent
pathlib.Path('package.json').write_text(json.dumps(str(folder)))
pixels = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
Image.fromarray(pixels).save('image.png')
refiner = next(
  f for name in ('scenes.npz', 'embedded.npz') for f in folder.rglob(name)
)
sys.argv = [
  'magnet-jax', 'segment', 'image.png', '--out=out', '--window=32',
  '--no-panel', '--segmenter=segmenter_of_measure:note',
  f'--refiner={refiner}', f'--store={sys.argv[1]}',
]
run()
"""
_START = ('cli/segment.py', 'run')


def way(tree: pathlib.Path, store: str, python: str = '') -> list[str]:
  """The frames from `cli/segment.py: run` to the call of the segmenter.

  Those of the last call, of a window of the last stage: 'file: function' of
  the package's files alone, the first frame and the last one included.

  Args:
    tree: has the package in it.
    store: 'memory', or 'float32' for a streamed image.
    python: interpreter of an environment with this version installed; by
      default this one imports it from the tree.

  Raises:
    RuntimeError: the command fails, or runs another version.
  """
  with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    (folder / 'segmenter_of_measure.py').write_text(_SEGMENTER)
    done = subprocess.run(
      [python or sys.executable, '-c', _PROGRAM, store],
      cwd=folder,
      env={
        **os.environ,
        'PYTHONPATH': '' if python else str(tree.absolute()),
        'JAX_PLATFORMS': 'cpu',
      },
      capture_output=True,
      text=True,
      check=False,
    )
    if done.returncode:
      lines = done.stderr.strip().splitlines() or ['says nothing']
      raise RuntimeError(f'{tree}: segment fails: {lines[-1]}')
    package = pathlib.Path(json.loads((folder / 'package.json').read_text()))
    text = (folder / 'stacks.jsonl').read_text()
  _check_same(tree / PACKAGE, package)
  frames = [
    (os.path.relpath(file, package), function)
    for file, function in json.loads(text.splitlines()[-1])
    if pathlib.Path(file).is_relative_to(package)
  ]
  return [f'{file}: {name}' for file, name in frames[frames.index(_START) :]]


def files(frames: list[str]) -> int:
  """Files that the frames are in, and the segmenter's own."""
  return len({frame.partition(':')[0] for frame in frames}) + 1


def _check_same(wanted: pathlib.Path, found: pathlib.Path) -> None:
  """Raises RuntimeError unless two packages have the same files."""
  ours, theirs = (
    {
      path.relative_to(folder): path.read_bytes()
      for path in folder.rglob('*.py')
      if 'configs' not in path.relative_to(folder).parts
    }
    for folder in (wanted, found)
  )
  for path in sorted(ours.keys() | theirs.keys()):
    if ours.get(path) != theirs.get(path):
      raise RuntimeError(
        f'{wanted}: {path} is another one than in {found}, which was run; '
        'install this tree there, or leave out --python'
      )
