"""Measures everything within a time that is kept, in one table.

Sections run one after the other, each in a process of its own that is ended
when its share of the time is over; what one leaves over, the next may use.
"""

from collections.abc import Callable
import dataclasses
import multiprocessing
from multiprocessing.connection import Connection
import time

from magnet_jax import outside
from magnet_jax.bench import machine
from magnet_jax.bench.machine import Machine
from magnet_jax.bench.row import Row
from magnet_jax.bench.sections import SECTIONS, Task
from magnet_jax.types import InputError

Notify = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class Everything:
  """What was measured, and what was not.

  Attributes:
    rows: in the order in which they were measured.
    ended: why a section has no more rows, by its name.
    measured_on: the machine; None if no section got so far as to say.
    seconds: of the clock, in all.
  """

  rows: tuple[Row, ...]
  ended: dict[str, str]
  measured_on: Machine | None
  seconds: float


def run(
  task: Task, seconds: float, *, notify: Notify = lambda line: None
) -> Everything:
  """Measures everything.

  Args:
    task: what is measured.
    seconds: that it may take.
    notify: progress callback.

  Raises:
    InputError: something in the task is wrong.
  """
  begin = time.monotonic()
  rows: list[Row] = []
  ended: dict[str, str] = {}
  found: list[Machine] = []
  share = 0.0
  for name, (part, _) in SECTIONS.items():
    share += part
    products = {
      row.precision: row.flops or 0.0 for row in rows if row.unit == 'products'
    }
    process = _Process(name, dataclasses.replace(task, products=products))
    reason = process.follow(
      begin + share * seconds,
      {'row': rows.append, 'machine': found.append, 'says': notify},
    )
    if reason:
      ended[name] = reason
  machine_found = found[0] if found else None
  return Everything(tuple(rows), ended, machine_found, time.monotonic() - begin)


class _Process:
  """A section in a process of its own.

  Args:
    name: of the section.
    task: what is measured.
  """

  def __init__(self, name: str, task: Task):
    # Spawned: a forked process could not use the devices.
    context = multiprocessing.get_context('spawn')
    self._answers, theirs = context.Pipe(duplex=False)
    self._process = context.Process(
      target=_work, args=(theirs, name, task), daemon=True
    )
    self._process.start()
    theirs.close()

  def follow(self, until: float, use: dict[str, Callable[..., object]]) -> str:
    """Passes its answers on until it ends; returns why it did not, or ''.

    Args:
      until: when it is ended, of `time.monotonic`.
      use: what is done with each kind of answer.

    Raises:
      InputError: as the section did.
    """
    try:
      while self._answers.poll(max(0.0, until - time.monotonic())):
        kind, value = self._answers.recv()
        if kind == 'refused':
          raise InputError(value)
        if kind in ('done', 'failed'):
          return str(value)
        use[kind](value)
      return 'its share of the time was over'
    except EOFError:
      self._process.join()
      return f'its process ended with status {self._process.exitcode}'
    finally:
      self._answers.close()
      self._process.kill()
      self._process.join()


def _work(answers: Connection, name: str, task: Task) -> None:
  """Runs a section and answers with its rows."""

  def notify(line: str) -> None:
    answers.send(('says', line))

  try:
    answers.send(('machine', machine.find()))
    _, section = SECTIONS[name]
    for row in section(task, notify):
      answers.send(('row', row))
    answers.send(('done', ''))
  except InputError as error:
    answers.send(('refused', str(error)))
  # Lack of memory above all; the other sections go on.
  except Exception as error:
    line = (str(error).splitlines() or [''])[0]
    answers.send(('failed', f'{type(error).__name__}: {line:.200}'))
    outside.told(error)
