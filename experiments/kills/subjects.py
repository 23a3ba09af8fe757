"""What is killed: commands, what they leave, and what must outlive a kill."""

from collections.abc import Iterator
import dataclasses
import hashlib
import os
import pathlib
import socket
from typing import Any, Protocol

import jax
import numpy as np

from magnet_jax.configs import tiny
from magnet_jax.evaluate import random_model
from magnet_jax.files import bundle, images, records
from magnet_jax.models import build
from magnet_jax.scenes import generator
from magnet_jax.types import Meta

SIZE = (160, 200)
_CONFIG = """
import ml_collections
from magnet_jax.configs import tiny

def get_config():
  config = tiny.get_config()
  config.data.scene_size = (64, 64)
  config.segmenter = ml_collections.ConfigDict(
    {'name': 'unet', 'width': 4, 'levels': 1}
  )
  for training in config.train.values():
    training.steps = 8
  return config
"""
_TIMES = ('seconds', 'wait', 'elapsed')  # of a record: no two runs share them
# Unfinished files, which the next run neither needs nor minds.
_UNFINISHED = ('.tmp', 'orbax-checkpoint-tmp', '.probe')


class Kept(Protocol):
  """What was finished when a run was killed."""

  def told(self) -> str:
    """What it was, in words."""

  def is_kept(self) -> bool:
    """Whether the next run has not done it again, once it is through."""


@dataclasses.dataclass(frozen=True)
class Subject:
  """A command that is killed.

  Attributes:
    name: of it.
    folder: of its inputs.
    processes: how many run it together.
    devices: of each process.
  """

  name: str
  folder: pathlib.Path
  processes: int = 1
  devices: int = 1

  def prepare(self) -> None:
    """Writes the inputs."""
    scene = generator.generate(1, SIZE).image
    images.write_image(self.folder / 'scene.png', scene)
    _write_model(self.folder / 'model.npz')
    (self.folder / 'config.py').write_text(_CONFIG)

  def argvs(self, out: pathlib.Path) -> list[list[str]]:
    """The arguments of each process."""
    if self.name == 'train':
      config = f'--config={self.folder / "config.py"}'
      return [['train', config, f'--workdir={out}']]
    argv = [
      'segment',
      str(self.folder / 'scene.png'),
      f'--checkpoint={self.folder / "model.npz"}',
      f'--out={out}',
      '--store=uint16',
      '--overlap=0.2',
      '--batch=4',
      '--confidence',
    ]
    if self.processes == 1:
      return [argv]
    with socket.socket() as free:
      free.bind(('localhost', 0))
      port = free.getsockname()[1]
    argv += [f'--coordinator=localhost:{port}', f'--processes={self.processes}']
    return [[*argv, f'--process={i}'] for i in range(self.processes)]

  def sign(self, out: pathlib.Path) -> pathlib.Path:
    """The first thing that a run makes."""
    return out if self.name == 'train' else out / 'scene.partial'

  def result(self, out: pathlib.Path) -> dict[str, Any]:
    """What a run leaves, by name, without times."""
    return dict(_trained(out) if self.name == 'train' else _segmented(out))

  def kept(self, out: pathlib.Path) -> Kept:
    """What is finished, where a run was just killed."""
    return Steps.of(out) if self.name == 'train' else Parts.of(out)


@dataclasses.dataclass(frozen=True)
class Steps:
  """Training steps up to the last checkpoint.

  Attributes:
    lines: of each network's file of records; with their times, so that a step
      that is done again differs.
  """

  lines: dict[pathlib.Path, list[bytes]]

  @classmethod
  def of(cls, out: pathlib.Path) -> 'Steps':
    """Those of a folder."""
    found = {}
    for file in out.glob('*/train.jsonl'):
      names = [path.name for path in file.parent.glob('checkpoints/*')]
      last = max((int(name) for name in names if name.isdecimal()), default=0)
      found[file] = file.read_bytes().splitlines()[:last]
    return cls(found)

  def told(self) -> str:
    """The steps of each network."""
    steps = (f'{p.parent.name} {len(n)}' for p, n in self.lines.items() if n)
    return ', '.join(steps) or 'nothing'

  def is_kept(self) -> bool:
    """Whether the same records begin the files."""
    return all(
      file.read_bytes().splitlines()[: len(lines)] == lines
      for file, lines in self.lines.items()
    )


@dataclasses.dataclass(frozen=True)
class Parts:
  """Finished parts of stages.

  Attributes:
    journals: second names of the journals, which stay when a run removes its
      folder; how many lines each has.
  """

  journals: dict[pathlib.Path, int]

  @classmethod
  def of(cls, out: pathlib.Path) -> 'Parts':
    """Those of a folder."""
    found = {}
    # Without its settings a run was through, and removing its folder.
    if (out / 'scene.partial' / 'settings.json').exists():
      for file in (out / 'scene.partial').glob('journal*.jsonl'):
        second = out.with_name(f'{out.name}.{file.name}')
        os.link(file, second)
        found[second] = second.read_bytes().count(b'\n')
    return cls(found)

  def told(self) -> str:
    """The last note of each process."""
    lines = (
      (file.read_bytes().splitlines()[:count] or [b'nothing'])[-1].decode()
      for file, count in sorted(self.journals.items())
    )
    return '; '.join(lines) or 'nothing'

  def is_kept(self) -> bool:
    """Whether nothing is noted as done for a second time."""
    for file in self.journals:
      notes = [line for line in file.read_bytes().splitlines() if line]
      if len({*notes}) < len(notes):
        return False
    return True


def unfinished(out: pathlib.Path) -> list[str]:
  """Names of files that were begun and never finished."""
  names = (str(path.relative_to(out)) for path in out.rglob('*'))
  return [name for name in names if any(x in name for x in _UNFINISHED)]


def _segmented(out: pathlib.Path) -> Iterator[tuple[str, Any]]:
  left = {*unfinished(out)}
  for file in sorted(out.rglob('*')):
    name = str(file.relative_to(out))
    if name not in left:
      yield name, file.is_dir() or hashlib.sha256(file.read_bytes()).hexdigest()


def _trained(out: pathlib.Path) -> Iterator[tuple[str, Any]]:
  networks, meta = bundle.read(out / 'model.npz')
  leaves = jax.tree_util.tree_leaves_with_path(networks)
  for path, leaf in leaves:
    value = np.asarray(leaf)
    yield jax.tree_util.keystr(path), (value.shape, value.tobytes())
  yield 'meta', records.to_json(dataclasses.asdict(meta))
  yield 'config', (out / 'config.json').read_bytes()
  left = unfinished(out)
  for file in sorted(out.rglob('*')):
    name = str(file.relative_to(out))
    inside = 'checkpoints' in name and not file.name.isdecimal()
    # Of checkpoints only the steps: inside, files have random names.
    if not inside and not any(name.startswith(each) for each in left):
      yield name, True
  for file in out.glob('*/train.jsonl'):
    lines = records.read(file)
    yield (
      f'{file.parent.name} records',
      [{k: v for k, v in line.items() if k not in _TIMES} for line in lines],
    )


def _write_model(path: pathlib.Path) -> None:
  """A segmenter and a refiner of random weights for windows of 32x32."""
  config = tiny.get_config().to_dict()
  count = len(generator.CLASSES)
  rng = np.random.default_rng(0)
  pixels = np.zeros((1, 64, 64, 3), np.float32)
  maps = np.zeros((1, 8, 8, count), np.float32)
  config['segmenter'] = {'name': 'unet', 'width': 4, 'levels': 1}
  refiner = {k: v for k, v in config['refiner'].items() if k != 'count'}
  segmenter = build.segmenter(num_classes=count, **config['segmenter'])
  refinement = build.refinement(num_classes=count, **refiner)
  networks = {
    'segmenter': random_model.weights(rng, segmenter, pixels),
    'refiner': random_model.weights(rng, refinement, scale=maps, coarse=maps),
  }
  bundle.export(path, networks, Meta(config, generator.CLASSES))
