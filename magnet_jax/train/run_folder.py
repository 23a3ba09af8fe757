"""The folder of a run belongs to one config, once a network is begun."""

from collections.abc import Iterator, Mapping
import contextlib
import itertools
import pathlib
import shutil
from typing import Any

import ml_collections

from magnet_jax import parallel
from magnet_jax.data import augment
from magnet_jax.files import atomic, records
from magnet_jax.predict.correctors import CORRECTORS
from magnet_jax.types import CORRECTOR, InputError

CONFIG = 'config.json'
# Settings that may change when a run is resumed: they change no result, or say
# how long to go on. The last one was in configs of earlier versions, and never
# read.
_FREE = (
  'data.workers',
  'data.cache_mb',
  'tune.images',
  'tune.points',
  'refine.window_score',
  *(
    f'train.{network}.{limit}'
    for network in ('segmenter', 'refiner', *CORRECTORS)
    for limit in ('steps', 'hours', 'patience', 'validate_every')
  ),
  'train.refiner.stage_weights',
)
# Settings that configs of earlier versions lack, with what these did.
_ADDED = {
  'train.refiner.unseen': 'none',
  'train.refiner.folds': 3,
  'train.refiner.fold_steps': 0.35,
  'plan.first': 0.0,
  'plan.last': 1.0,
  'refine.mix': 0.0,
  'refine.fusion': 'auto',
  'refine.stage_weights': [],
  'train.segmenter.trunk_rate': 1.0,
  'train.segmenter.accumulate': 1,
  'refine.trends': [],
  'refine.bias': [],
  'refine.flips': 1,
  'train.refiner.segmenter_rate': 0.1,
}


@contextlib.contextmanager
def prepared(
  config: ml_collections.ConfigDict,
  folder: pathlib.Path,
  corrector: str | None = None,
) -> Iterator[None]:
  """Prepares the folder for a block that trains.

  If the block refuses something before a first step is kept, all that was
  written is removed. Only process 0 reads and writes.

  Args:
    config: all settings.
    folder: of the run.
    corrector: the one that is to be trained, if it is one.

  Raises:
    InputError: as `prepare`.
  """
  if not parallel.is_main():
    yield
    return
  path = folder / CONFIG
  before = path.read_bytes() if path.exists() else None
  there, begun = _networks(folder), _begun(folder)
  with atomic.made_for(folder):
    try:
      prepare(config, folder, corrector)
      yield
    except InputError:
      now = _begun(folder)
      for network in {*_networks(folder)} - {*there, *now}:
        shutil.rmtree(network, ignore_errors=True)
      if now == begun and before is None:
        path.unlink(missing_ok=True)
      elif now == begun and before is not None:
        path.write_bytes(before)
      raise


def is_begun(folder: pathlib.Path) -> bool:
  """Returns whether a folder is that of a run of which a step has been kept."""
  return (folder / CONFIG).exists() and bool(_begun(folder))


def _begun(folder: pathlib.Path) -> list[pathlib.Path]:
  return [path for path in _networks(folder) if _is_begun(path)]


def _networks(folder: pathlib.Path) -> list[pathlib.Path]:
  """Returns the folders in that of a run which may hold networks."""
  patterns = ('segmenter', 'refiner', f'{CORRECTOR}*', 'folds')
  return [path for each in patterns for path in folder.glob(each)]


def _is_begun(network: pathlib.Path) -> bool:
  """Whether a network's folder, or one of those of folds, holds a step."""
  patterns = ('train.jsonl', 'checkpoints/*')
  levels = (network, *network.glob('*/'))
  found = (level.glob(each) for level in levels for each in patterns)
  return any(
    path.is_dir() or path.stat().st_size > 0
    for path in itertools.chain.from_iterable(found)
  )


def prepare(
  config: ml_collections.ConfigDict,
  folder: pathlib.Path,
  corrector: str | None = None,
) -> None:
  """Checks that the folder is writable and belongs to this config.

  It belongs to none as long as no step of a training has been kept.

  Each corrector may be trained with settings of its own: those of the others
  stay as they are in the folder.

  Args:
    config: all settings.
    folder: of the run.
    corrector: the one that is to be trained, if it is one.

  Raises:
    InputError: it does not; names the first setting that differs.
  """
  atomic.prepare_folder(folder)
  path = folder / CONFIG
  wanted = records.to_json(config.to_dict())
  if is_begun(folder):
    found = records.read_object(path, 'choose another --workdir')
    before = {**_ADDED, **dict(_flat(found))}
    jitter = before.pop('augment.colour_jitter', None)
    if jitter is not None:
      for name, value in augment.from_jitter(jitter).items():
        before[f'augment.{name}'] = value
    for name in config.correctors:
      begun = _is_begun(folder / f'{CORRECTOR}{name}')
      if not begun or name != corrector:
        _settle(wanted, found, name, keep=begun)
        before = {k: v for k, v in before.items() if not _of(k, name)}
        before |= {k: v for k, v in _flat(wanted) if _of(k, name)}
    now = dict(_flat(wanted))
    for key in [*now, *(before.keys() - now.keys())]:
      if key not in _FREE and before.get(key) != now.get(key):
        raise InputError(
          f'{folder}: holds a run with {key} = {before.get(key)!r}, not '
          f'{now.get(key)!r}; choose another --workdir or the same setting'
        )
  records.write_json(path, wanted)


def _of(key: str, name: str) -> bool:
  """Returns whether a setting is one of a corrector."""
  return key.startswith((f'correctors.{name}.', f'train.{name}.'))


def _settle(
  wanted: dict[str, Any], found: Mapping[str, Any], name: str, *, keep: bool
) -> None:
  """Keeps a corrector's settings that are in a folder already, if asked."""
  for section in ('correctors', 'train') if keep else ():
    if name in found.get(section, {}):
      wanted[section][name] = found[section][name]


def _flat(tree: Mapping[str, Any], prefix: str = '') -> Iterator[Any]:
  """(dotted key, value) of all fields."""
  for key, value in tree.items():
    if isinstance(value, Mapping):
      yield from _flat(value, f'{prefix}{key}.')
    else:
      yield prefix + key, value
