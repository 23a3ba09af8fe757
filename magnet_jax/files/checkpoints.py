"""Checkpoints of a training, through Orbax."""

from collections.abc import Callable, Mapping
import dataclasses
import math
import pathlib
import shutil
from typing import Any, Self, TypeVar

from etils import epath
import numpy as np
import orbax.checkpoint as ocp
from orbax.checkpoint import checkpoint_managers

from magnet_jax import parallel
from magnet_jax.files import (
  atomic,
  bundle,
  embedded,
  meta_json,
  orbax_errors,
  trees,
  tuned,
)
from magnet_jax.files.atomic import PathLike
from magnet_jax.files.trees import Tree
from magnet_jax.types import KINDS, InputError, Meta

T = TypeVar('T')


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
  try:
    with ocp.Checkpointer(
      handler(multiprocessing_options=alone), multiprocessing_options=alone
    ) as reader:
      tree: Tree = reader.restore(epath.Path(folder / part))
  # Orbax and TensorStore raise nearly anything for damaged files.
  except Exception as error:
    reason = (str(error).splitlines() or [''])[0][:200]
    raise InputError(
      f'{folder}: checkpoint cannot be read ({type(error).__name__}: {reason})'
      '; it may be damaged, choose another one'
    ) from error
  return tree


def _clear(folder: pathlib.Path) -> None:
  """Removes checkpoints that were not written completely."""
  # Orbax does so too, but only some time later.
  for partial in folder.glob('*.orbax-checkpoint-tmp*'):
    shutil.rmtree(partial, ignore_errors=True)


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
      _clear(self.folder)
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


def load(path: PathLike) -> tuple[dict[str, Tree], Meta]:
  """Loads networks from what training, conversion or export wrote.

  Args:
    path: an exported .npz file; a run's folder; `segmenter`, `refiner` or
      `trunk` in there; the `checkpoints` of one of these; or one checkpoint.
      Of several the best is used, and of a training the averaged variables.
      If nothing is there, the name of an embedded model.

  Returns:
    {'segmenter': {'params', 'batch_stats'}, 'refiner': …, 'trunk': …}, as far
    as present, NumPy arrays, and the metadata, of the refiner if there is one;
    its tones are those of the segmenter, if there is one.

  Raises:
    InputError: there is none of these, or it is damaged.
  """
  path = embedded.find(path)
  if not path.is_dir():
    return bundle.read(path)
  parts = load_parts(path)
  *_, (_, meta) = parts.values()
  if 'segmenter' in parts:
    meta = dataclasses.replace(meta, tones=parts['segmenter'][1].tones)
  return {kind: variables for kind, (variables, _) in parts.items()}, meta


def load_parts(path: pathlib.Path) -> dict[str, tuple[Tree, Meta]]:
  """Loads the networks of a folder as `load` does, each with its metadata."""
  own = _best_folder(path)
  below = [_best_folder(path / kind) for kind in KINDS]
  found = [step for step in ([own] if own else below) if step]
  if not found:
    names = sorted(entry.name for entry in path.iterdir())
    shown = ', '.join(names[:5]) + (', …' if len(names) > 5 else '')
    raise InputError(
      f'{path}: holds no checkpoint, but {shown or "nothing"}; give the '
      'folder of a run, its checkpoints, or an exported .npz file'
    )
  parts: dict[str, tuple[Tree, Meta]] = {}
  for step in found:
    state, meta = read(step)
    average = state.get('average') if isinstance(state, dict) else None
    if meta.kind is None or not isinstance(average, dict):
      raise InputError(
        f'{step}: is not a checkpoint of a network of magnet-jax (kind '
        f'{meta.kind!r}); give one of {", ".join(KINDS)}'
      )
    latest = tuned.laid_over(meta, step)
    # A gate brings the segmenter that was trained together with it.
    segmenter = _within(average, 'segmenter') if meta.kind == 'refiner' else {}
    if segmenter:
      average = {'params': {'gate': _within(average, 'gate').get('params', {})}}
      parts['segmenter'] = (
        segmenter,
        dataclasses.replace(latest, kind='segmenter'),
      )
    parts[meta.kind] = (average, latest)
  return parts


def _within(variables: Tree, part: str) -> Tree:
  """The variables of a part of a network, {} if there is none."""
  return {
    kind: tree[part]
    for kind, tree in variables.items()
    if isinstance(tree, dict) and part in tree
  }


def _best_folder(folder: pathlib.Path) -> pathlib.Path | None:
  """Returns the checkpoint to use in a folder of any level, None if none."""
  if (folder / 'state').is_dir() and (folder / 'meta').is_dir():
    return folder
  for store in (folder, folder / 'checkpoints'):
    if not store.is_dir() or not any(
      entry.name.isdigit() and entry.is_dir() for entry in store.iterdir()
    ):
      continue
    with _manager(store, 'miou', read_only=True) as manager:
      step = _best_step(manager, 'miou')
      step = manager.latest_step() if step is None else step
    if step is not None:
      return store / str(step)
  return None
