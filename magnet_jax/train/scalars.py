"""Writes the scalars of a training for programs that draw them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
import contextlib
import importlib.util
import os
import pathlib
from typing import Any

from magnet_jax.files import records
from magnet_jax.types import InputError, Meta

Write = Callable[[Mapping[str, Any]], None]
_PROJECT = 'magnet_jax'  # in Weights & Biases, unless WANDB_PROJECT is set
_PACKAGES = {'tensorboard': 'tensorboardX', 'wandb': 'wandb'}
_KEPT = 'wandb.json'  # the run's name there, under which it is resumed


@contextlib.contextmanager
def writers(
  names: Sequence[str], folder: pathlib.Path, meta: Meta
) -> Iterator[list[Write]]:
  """Yields a function for each program, which takes a step's record.

  Args:
    names: keys of `PROGRAMS`.
    folder: of the network; what is written goes below it.
    meta: with the settings of the training.

  Raises:
    InputError: a package is missing, or a program cannot begin.
  """
  check(names)
  with contextlib.ExitStack() as stack:
    yield [stack.enter_context(PROGRAMS[name](folder, meta)) for name in names]


def check(names: Sequence[str]) -> None:
  """Raises InputError unless the packages for these programs are installed."""
  for name in names:
    package = _PACKAGES[name]
    if not importlib.util.find_spec(package):
      raise InputError(
        f'{name}: needs the extra package {package}; '
        f'pip install "magnet-jax[{name}]"'
      )


@contextlib.contextmanager
def _tensorboard(folder: pathlib.Path, _: Meta) -> Iterator[Write]:
  import tensorboardX

  writer = tensorboardX.SummaryWriter(str(folder / 'tensorboard'))

  def write(record: Mapping[str, Any]) -> None:
    for name, value in record.items():
      if name != 'step':
        writer.add_scalar(name, value, record['step'])

  try:
    yield write
  finally:
    writer.close()


@contextlib.contextmanager
def _wandb(folder: pathlib.Path, meta: Meta) -> Iterator[Write]:
  """Its own variables set the rest: WANDB_MODE, WANDB_PROJECT, …"""
  import wandb

  kept = folder / _KEPT
  known = records.read_object(kept, 'remove it') if kept.exists() else {}
  try:
    run = wandb.init(
      project=None if os.environ.get('WANDB_PROJECT') else _PROJECT,
      dir=str(folder),
      group=folder.parent.name,
      name=f'{folder.parent.name}/{folder.name}',
      config=records.to_json(meta.config),
      id=known.get('id'),
      resume='allow',
    )
  except (wandb.errors.Error, OSError) as error:
    why = ' '.join(str(error).split()).rstrip('.')
    raise InputError(
      f'wandb: cannot begin, {why}; or set '
      'WANDB_MODE=offline, which keeps the run in its folder'
    ) from error
  records.write_json(kept, {'id': run.id})
  # Steps that were lost with a kill come again: its own steps must not fall.
  run.define_metric('*', step_metric='step')
  failed = 1
  try:
    yield run.log
    failed = 0
  finally:
    run.finish(exit_code=failed)


PROGRAMS: Mapping[str, Callable[..., Any]] = {
  'tensorboard': _tensorboard,
  'wandb': _wandb,
}
