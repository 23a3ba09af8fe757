"""The store of a training's checkpoints, through Orbax."""

from collections.abc import Callable, Mapping
import math
import pathlib
import shutil
import time
from typing import Any, Self, TypeVar

from etils import epath
import numpy as np
import orbax.checkpoint as ocp
from orbax.checkpoint import checkpoint_managers

from magnet_jax import outside, parallel
from magnet_jax.files import (
  atomic,
  meta_json,
  orbax_errors,
  trees,
)
from magnet_jax.files.atomic import PathLike
from magnet_jax.files.trees import Tree
from magnet_jax.types import InputError, Meta

T = TypeVar('T')
# After a failed save: seconds without anything new that are enough, between two
# looks, and the number of looks.
_STILL, _PAUSE, _TRIES = 0.4, 0.05, 100


def _score(metric: str, metrics: Mapping[str, float] | None) -> float:
  """Returns the rank of a checkpoint; the lowest without the metric."""
  value = (metrics or {}).get(metric)
  return -math.inf if value is None or math.isnan(value) else float(value)


def _manager(
  folder: pathlib.Path, metric: str, **settings: Any
) -> ocp.CheckpointManager:
  options = ocp.CheckpointManagerOptions(
    best_fn=lambda metrics: _score(metric, metrics),
    # `save` promises that the checkpoint is on disk when it returns.
    enable_async_checkpointing=False,
    create=False,
    multiprocessing_options=_alone(),
    **settings,
  )
  return ocp.CheckpointManager(epath.Path(folder.absolute()), options=options)


def _alone() -> ocp.options.MultiprocessingOptions:
  """Returns options that keep Orbax from waiting for other processes.

  One process writes, and each reads for itself.
  """
  own = parallel.process()
  return ocp.options.MultiprocessingOptions(
    primary_host=own, active_processes={own}
  )


def _best_step(manager: ocp.CheckpointManager, metric: str) -> int | None:
  """Returns the step with the highest metric, None if none has it."""
  scores = {
    step: _score(metric, manager.metrics(step)) for step in manager.all_steps()
  }
  best = max(scores, key=lambda step: (scores[step], step), default=None)
  return None if best is None or scores[best] == -math.inf else best


def read(folder: pathlib.Path) -> tuple[Tree, Meta]:
  """Reads the state, as nested dicts, and metadata of one checkpoint's folder.

  Raises:
    InputError: it is damaged.
  """
  state = _restored(folder, 'state', ocp.PyTreeCheckpointHandler)
  return state, read_meta(folder)


def read_meta(folder: pathlib.Path) -> Meta:
  """Reads the metadata of one checkpoint's folder.

  Raises:
    InputError: it is damaged.
  """
  content = _restored(folder, 'meta', ocp.JsonCheckpointHandler)
  return meta_json.from_json(content, str(folder.absolute()))


def _restored(
  folder: pathlib.Path, part: str, handler: Callable[..., Any]
) -> Tree:
  """Returns what Orbax wrote with this kind of handler."""
  alone, folder = _alone(), folder.absolute()
  atomic.check_utf8(folder)
  with (
    outside.reading(
      folder,
      'checkpoint cannot be read',
      'it may be damaged, choose another one',
    ),
    orbax_errors.quiet(),
    orbax_errors.late_threads_ignored(),
    ocp.Checkpointer(
      handler(multiprocessing_options=alone), multiprocessing_options=alone
    ) as reader,
  ):
    tree: Tree = reader.restore(epath.Path(folder / part))
  return tree


def _clear(folder: pathlib.Path) -> bool:
  """Removes checkpoints that were not written completely; whether any was."""
  # Orbax does so too, but only some time later.
  partial = list(folder.glob('*.orbax-checkpoint-tmp*'))
  for each in partial:
    shutil.rmtree(each, ignore_errors=True)
  return bool(partial)


def _clear_for_good(folder: pathlib.Path) -> None:
  """Clears until the late threads of a failed save bring nothing back."""
  still = 0
  for _ in range(_TRIES):
    still = 0 if _clear(folder) else still + 1
    if still * _PAUSE >= _STILL:
      return
    time.sleep(_PAUSE)


class CheckpointStore:
  """The checkpoints of one training, for the process that writes them.

  The latest `keep_latest` and the best one are kept. A checkpoint appears
  under its name only when it is complete, so a process killed at any moment
  loses at most the one being written.
  """

  def __init__(
    self,
    folder: PathLike,
    *,
    keep_latest: int = 2,
    best_metric: str = 'miou',
  ) -> None:
    """Opens the folder, creates it if missing, and removes partial ones.

    Args:
      folder: holds one folder per checkpoint, named by its step.
      keep_latest: number of latest checkpoints to keep, at least 1.
      best_metric: the metric whose highest value is the best.

    Raises:
      InputError: the folder is not writable.
    """
    if keep_latest < 1:
      raise InputError(
        f'keep_latest {keep_latest}: must be at least 1; raise it'
      )
    atomic.check_utf8(folder)
    self.folder = atomic.prepare_folder(folder)
    _clear(self.folder)
    self._metric = best_metric
    policies = checkpoint_managers.preservation_policy
    self._manager = _manager(
      self.folder,
      best_metric,
      preservation_policy=policies.AnyPreservationPolicy(
        [
          policies.LatestN(keep_latest),
          policies.BestN(
            get_metric_fn=lambda metrics: _score(best_metric, metrics),
            n=1,
            keep_checkpoints_without_metrics=False,
          ),
        ]
      ),
    )

  def save(
    self,
    step: int,
    state: object,
    meta: Meta,
    metrics: Mapping[str, float] | None = None,
  ) -> None:
    """Saves a state; it is on disk when this returns.

    Args:
      step: finished steps; saving one again changes nothing.
      state: tree of arrays, on one device or the host (not replicated).
      meta: metadata of the state.
      metrics: numbers by name; without the store's metric it is never best.

    Raises:
      InputError: writing fails.
    """
    if step in self._manager.all_steps():
      return
    arrays = {
      key: np.asarray(leaf) for key, leaf in trees.flatten(state).items()
    }
    numbers = {name: float(value) for name, value in (metrics or {}).items()}
    try:
      with orbax_errors.unlogged(), orbax_errors.late_threads_ignored():
        self._manager.save(
          step,
          args=ocp.args.Composite(
            state=ocp.args.PyTreeSave(trees.unflatten(arrays)),
            meta=ocp.args.JsonSave(meta_json.to_json(meta)),
          ),
          # Orbax logs a warning if there are no metrics at all.
          metrics={**numbers, 'step': float(step)},
        )
        self._manager.wait_until_finished()
    except (OSError, ValueError) as error:
      _clear_for_good(self.folder)
      reason = orbax_errors.system_error(error)
      raise atomic.write_error(self.folder, reason) from error

  def latest_step(self) -> int | None:
    """Returns the latest checkpoint's step, None if there is none."""
    step: int | None = self._manager.latest_step()
    return step

  def best_step(self) -> int | None:
    """Returns the best checkpoint's step, None if none has the metric."""
    return _best_step(self._manager, self._metric)

  def restore(
    self, step: int | str = 'latest', *, template: T
  ) -> tuple[T, Meta]:
    """Restores a state.

    Args:
      step: a step, 'latest' or 'best'.
      template: tree like the one that was saved, of arrays or shapes.

    Returns:
      The state with NumPy leaves, in the template's types, and the metadata.

    Raises:
      InputError: there is no such checkpoint, it is damaged, or differs from
        the template in a key, a shape or a data type; the first is named.
    """
    known = {'latest': self.latest_step, 'best': self.best_step}
    found = known[step]() if isinstance(step, str) else step
    steps = sorted(self._manager.all_steps())
    if found not in steps:
      raise InputError(
        f'{self.folder}: has no checkpoint {step}; the steps there are '
        f'{steps or "none"}, choose one of them'
      )
    folder = self.folder / str(found)
    state, meta = read(folder)
    return trees.fit(state, template, str(folder)), meta

  def close(self) -> None:
    """Ends Orbax's threads."""
    self._manager.close()

  def __enter__(self) -> Self:
    return self

  def __exit__(self, *_: object) -> None:
    self.close()


def best(folder: pathlib.Path) -> pathlib.Path | None:
  """Returns the best checkpoint in a store's folder, None if it holds none."""
  if not folder.is_dir() or not any(
    entry.name.isdecimal() and entry.is_dir() for entry in folder.iterdir()
  ):
    return None
  atomic.check_utf8(folder)
  with (
    outside.reading(
      folder,
      'the list of its checkpoints cannot be read',
      'they may be damaged, name one of them',
    ),
    orbax_errors.quiet(),
    orbax_errors.late_threads_ignored(),
    _manager(folder, 'miou', read_only=True) as manager,
  ):
    step = _best_step(manager, 'miou')
    step = manager.latest_step() if step is None else step
  return None if step is None else folder / str(step)
