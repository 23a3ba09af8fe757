"""The training loop: the same for all networks."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent import futures
import contextlib
import dataclasses
import functools
import itertools
import math
import pathlib
import time
from typing import Any, Self

import jax
import numpy as np

from magnet_jax import parallel
from magnet_jax.files import checkpoint_store, records
from magnet_jax.files.checkpoint_store import CheckpointStore
from magnet_jax.metrics import confusion
from magnet_jax.train import scalars
from magnet_jax.train.pace import Limits, Pace
from magnet_jax.train.progress import Progress
from magnet_jax.train.scalars import Write
from magnet_jax.train.state import TrainState
from magnet_jax.types import InputError, Meta, Tones

Batch = dict[str, Any]  # arrays, on the host or the devices
Record = dict[str, Any]
Step = Callable[..., tuple[TrainState, dict[str, jax.Array]]]
Keep = Callable[[Record, TrainState | None], None]


@dataclasses.dataclass(frozen=True)
class Task:
  """A training as functions of plain arrays.

  Attributes:
    name: shown beside the progress bar.
    limits: when it ends.
    start: () -> the state before the first step.
    step: (state, batch, learning rate, *fixed) -> (state, {'loss',
      'gradient_norm'}).
    rate: learning rate by the position on the schedule, in steps.
    batches: first step -> the batches from that step on; with several
      processes, the rows of this one.
    validation: () -> batches; read once.
    evaluate: (average variables, batch) -> confusion matrix.
    validate_every: steps between validations, which save a checkpoint.
    unscored: classes left out of the mean IoU.
    meta: metadata of its checkpoints.
    tones: () -> the tones of the training images, for the metadata; called
      once, before the first step.
    fixed: number of a batch, from 0 -> further arguments of its step.
    team: the devices that `step` and `evaluate` run on.
  """

  name: str
  limits: Limits
  start: Callable[[], TrainState]
  step: Step
  rate: Callable[[float], Any]
  batches: Callable[[int], Iterator[Batch]]
  validation: Callable[[], Iterator[Batch]]
  evaluate: Callable[[Any, Batch], jax.Array]
  validate_every: int
  unscored: tuple[int, ...]
  meta: Meta
  tones: Callable[[], Tones] = dict
  fixed: Callable[[int], tuple[Any, ...]] = lambda number: ()
  team: parallel.Team = dataclasses.field(default_factory=parallel.one_device)


def validate(task: Task, variables: Any, batches: Iterable[Batch]) -> float:
  """Computes the mean IoU of some variables on the validation batches."""
  total: np.ndarray | int = 0
  for batch in batches:
    counts = np.asarray(task.evaluate(variables, task.team.split(batch)))
    # On the host, as counts of a big validation set overflow int32.
    total = total + counts.astype(np.int64)
  return float(confusion.mean_iou(np.asarray(total), task.unscored))


def train(
  task: Task,
  folder: pathlib.Path,
  *,
  programs: Sequence[str] = (),
  begins: Callable[[], None] = lambda: None,
) -> bool:
  """Trains to the end, from the latest checkpoint if there is one.

  When resuming, the state is restored, records after it are dropped, and the
  batches start at its step, so an interrupted run ends like an uninterrupted
  one; with a time budget nearly so, as steps that were lost do not count. With
  several processes, all run the steps; only process 0 writes files.

  Args:
    task: what to train.
    folder: for checkpoints/ and train.jsonl, one record per step.
    programs: keys of `scalars.PROGRAMS`, which the scalars are written for as
      well.
    begins: called before the first step, if there is one left.

  Returns:
    Whether there was a step left to train.

  Raises:
    InputError: the loss is not finite, or a checkpoint does not fit.
  """
  with contextlib.ExitStack() as stack:
    keep: Keep = _nothing
    store = None
    path = folder / 'train.jsonl'
    before: list[Record] = []
    if parallel.is_main():
      store = stack.enter_context(CheckpointStore(folder / 'checkpoints'))
    # Only process 0 has the checkpoints; the others receive its state.
    state = parallel.from_main(
      lambda: _start(task, store), lambda: jax.eval_shape(task.start)
    )
    if store:
      before = _records(path, int(state.step))
    pace = _pace(task, before)
    step = int(state.step)
    if pace.position(step) >= task.limits.steps:
      return False
    if store:
      task = _with_tones(task, store)
      drawn = stack.enter_context(scalars.writers(programs, folder, task.meta))
      own = stack.enter_context(records.Writer(path)).append
      keep = functools.partial(_keep, task, [own, *drawn], store)
    begins()
    _train(task, task.team.copy(state), step, pace, keep)
    return True


def _start(task: Task, store: CheckpointStore | None) -> TrainState:
  """The state of the latest checkpoint, or before the first step."""
  if store is None or store.latest_step() is None:
    return task.start()
  # Shapes are enough, and need nothing to be compiled.
  template = jax.eval_shape(task.start)
  restored, _ = store.restore('latest', template=template)
  return restored


def _records(path: pathlib.Path, step: int) -> list[Record]:
  """Drops the records after a step, and returns the others."""
  if not path.exists():
    return []
  numbers = ['step', 'seconds'], ['elapsed', 'miou']
  records.check_numbers(path, records.read(path), *numbers)
  records.truncate_after(path, 'step', step)
  return records.read(path)


def _with_tones(task: Task, store: CheckpointStore) -> Task:
  """Puts the tones of the training images into the metadata."""
  step = store.latest_step()
  if step is None:
    tones = task.tones()
  else:
    tones = checkpoint_store.read_meta(store.folder / str(step)).tones
  return dataclasses.replace(
    task, meta=dataclasses.replace(task.meta, tones=tones)
  )


def _pace(task: Task, before: list[Record]) -> Pace:
  """The pace after the records so far, which process 0 has."""
  scored = [record for record in before if 'miou' in record]
  # Earlier versions recorded the time of each step only.
  spent = sum(record['seconds'] for record in before)
  latest = before[-1].get('elapsed', spent) if before else 0.0
  scored, latest = parallel.gather((scored, latest))[0]
  return Pace(task.limits, scored, latest)


def _nothing(record: Record, state: TrainState | None) -> None:
  """Writes nothing, in all processes but the first."""


def _keep(
  task: Task,
  writers: list[Write],
  store: CheckpointStore,
  record: Record,
  state: TrainState | None,
) -> None:
  """Writes a step's record, and its state if there is one to save."""
  for write in writers:
    write(record)
  # After the record: on resume, records up to the checkpoint must be there.
  if state is not None:
    metrics = {'miou': record['miou']}
    store.save(record['step'], state, task.meta, metrics)


def _train(
  task: Task, state: TrainState, first: int, pace: Pace, keep: Keep
) -> None:
  """Runs the remaining steps, after the first ones."""
  step, position = first, pace.position(first)
  held: list[Batch] = []
  shown = Progress(task.name, task.limits, first)
  with shown, _Ahead(task, first) as batches:
    while position < task.limits.steps:
      clock = time.perf_counter()
      batch = batches.take()
      wait = time.perf_counter() - clock
      rate = np.float32(task.rate(position))
      state, metrics = task.step(state, batch, rate, *task.fixed(step))
      step += 1
      record = _record(task, step, metrics, clock, wait)
      position = pace.position(step)
      record |= {'rate': float(rate), 'position': position}
      saves = step % task.validate_every == 0 or position >= task.limits.steps
      if saves:
        # Decoded once: they are few, and the same each time.
        held = held or list(task.validation())
        record['miou'] = validate(task, state.average, held)
        pace.scored(step, position, record['miou'])
      record['elapsed'] = pace.seconds()
      keep(record, state if saves else None)
      shown.done(record)


class _Ahead:
  """Reads and transfers a batch while the device works on the one before."""

  def __init__(self, task: Task, first: int) -> None:
    self._split = task.team.split
    left = task.limits.steps - first
    self._batches = itertools.islice(task.batches(first), left)
    self._pool = futures.ThreadPoolExecutor(1, 'batches')
    self._next = self._pool.submit(self._read)

  def take(self) -> Batch:
    """Returns the next batch, on the devices."""
    batch = self._next.result()
    self._next = self._pool.submit(self._read)
    return batch

  def _read(self) -> Batch:
    batch = next(self._batches, {})  # one read too many after the last step
    placed: Batch = self._split(batch)
    return placed

  def __enter__(self) -> Self:
    return self

  def __exit__(self, *_: object) -> None:
    self._pool.shutdown(cancel_futures=True)


def _record(
  task: Task,
  step: int,
  metrics: dict[str, jax.Array],
  clock: float,
  wait: float,
) -> Record:
  """One step's record; ends a training that has diverged."""
  # Waits for the step, so that `seconds` covers it completely.
  loss = float(metrics['loss'])
  if not math.isfinite(loss):
    raise InputError(
      f'{task.name}: loss {loss} at step {step}: it must stay finite; the '
      'last checkpoint is kept; lower train.rate or set train.clip'
    )
  return {
    'step': step,
    'loss': loss,
    'gradient_norm': float(metrics['gradient_norm']),
    'seconds': time.perf_counter() - clock,
    'wait': wait,  # of `seconds`, for the batch
  }
