"""The training loop: the same for the segmenter and the refiner."""

from collections.abc import Callable, Iterator, Mapping
import contextlib
import dataclasses
import math
import pathlib
import time
from typing import Any

import jax
import numpy as np
import tqdm

from magnet_jax.io import checkpoints, records
from magnet_jax.metrics import confusion
from magnet_jax.train.state import TrainState
from magnet_jax.types import InputError

Batch = dict[str, np.ndarray]
Write = Callable[[Mapping[str, Any]], None]


@dataclasses.dataclass(frozen=True)
class Task:
  """What is trained, as functions of plain arrays.

  Attributes:
    name: shown beside the progress bar.
    steps: number of steps.
    start: () -> the state before the first step.
    step: (state, batch) -> (state, {'loss', 'gradient_norm'}).
    rate: learning rate by step.
    batches: first step -> the batches from that step on.
    validation: () -> batches, the same each time.
    evaluate: (average variables, batch) -> confusion matrix.
    validate_every: steps between validations, which save a checkpoint.
    unscored: classes left out of the mean IoU.
    meta: what a checkpoint says of itself (JSON).
  """

  name: str
  steps: int
  start: Callable[[], TrainState]
  step: Callable[[TrainState, Batch], tuple[TrainState, dict[str, jax.Array]]]
  rate: Callable[[int], Any]
  batches: Callable[[int], Iterator[Batch]]
  validation: Callable[[], Iterator[Batch]]
  evaluate: Callable[[Any, Batch], jax.Array]
  validate_every: int
  unscored: tuple[int, ...]
  meta: dict[str, Any]


def validate(task: Task, state: TrainState) -> float:
  """Mean IoU of the averaged variables over the validation batches."""
  total: np.ndarray | int = 0
  for batch in task.validation():
    counts = np.asarray(task.evaluate(state.average, batch))
    total = total + counts.astype(np.int64)
  return float(confusion.mean_iou(np.asarray(total), task.unscored))


def train(
  task: Task, folder: pathlib.Path, *, tensorboard: bool = False
) -> None:
  """Trains to the end, from the newest checkpoint if there is one.

  Order on resume: state, then records after it are dropped, then batches
  from its step on; so an interrupted run ends like an uninterrupted one.

  Args:
    task: what to train.
    folder: for checkpoints/ and train.jsonl, one record a step.
    tensorboard: write the scalars for TensorBoard too.

  Raises:
    InputError: if the loss is not finite, or a checkpoint does not fit.
  """
  with contextlib.ExitStack() as stack:
    store = stack.enter_context(
      checkpoints.CheckpointStore(folder / 'checkpoints')
    )
    extra = [stack.enter_context(_tensorboard(folder))] if tensorboard else []
    _train(task, folder / 'train.jsonl', store, extra)


def _train(
  task: Task,
  log_path: pathlib.Path,
  store: checkpoints.CheckpointStore,
  extra: list[Write],
) -> None:
  state = task.start()
  if store.latest_step() is not None:
    state, _ = store.restore('latest', template=state)
    state = jax.tree.map(jax.numpy.asarray, state)
  first = int(state.step)
  records.truncate_after(log_path, 'step', first)
  bar = tqdm.tqdm(
    total=task.steps,
    initial=first,
    desc=task.name,
    unit='step',
    dynamic_ncols=True,
    disable=jax.process_index() != 0,
  )
  score = math.nan
  batches = task.batches(first)
  with bar, records.Writer(log_path) as log:
    for step in range(first + 1, task.steps + 1):
      clock = time.perf_counter()
      state, metrics = task.step(state, next(batches))
      record = _record(task, step, metrics, clock)
      saves = step % task.validate_every == 0 or step == task.steps
      if saves:
        score = validate(task, state)
        record['miou'] = score
      for write in (log.append, *extra):
        write(record)
      # After the record: a step that a checkpoint has is not run again.
      if saves:
        store.save(step, state, task.meta, {'miou': score})
      bar.set_postfix(
        loss=f'{record["loss"]:.3f}',
        rate=f'{record["rate"]:.1e}',
        val_miou=f'{score:.3f}',
      )
      bar.update()


def _record(
  task: Task, step: int, metrics: dict[str, jax.Array], clock: float
) -> dict[str, Any]:
  """One step's record; stops a training that has gone wrong."""
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
    'rate': float(task.rate(step - 1)),
    'seconds': time.perf_counter() - clock,
  }


@contextlib.contextmanager
def _tensorboard(folder: pathlib.Path) -> Iterator[Write]:
  """A writer of records for TensorBoard, which is an extra."""
  try:
    import tensorboardX
  except ImportError as error:
    raise InputError(
      'tensorboard: needs the extra package tensorboardX; '
      'pip install "magnet-jax[tensorboard]"'
    ) from error
  writer = tensorboardX.SummaryWriter(str(folder / 'tensorboard'))

  def write(record: Mapping[str, Any]) -> None:
    for name, value in record.items():
      if name != 'step':
        writer.add_scalar(name, value, record['step'])

  try:
    yield write
  finally:
    writer.close()
