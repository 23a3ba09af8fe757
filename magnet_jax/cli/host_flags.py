"""Flags of devices and hosts, for all commands that compute."""

from collections.abc import Iterator
import contextlib
import os
from typing import Any

from absl import flags
import jax

from magnet_jax import parallel, ranges
from magnet_jax.cli import command_line, processes
from magnet_jax.types import InputError

NAMES = ('devices', 'coordinator', 'processes', 'process')  # change no result
GROUP = 'devices and hosts'
_AUTO = 'auto'
# Variables that launchers set only for the programs that they start.
_SLURM = ('SLURM_STEP_NODELIST', 'SLURM_NTASKS', 'SLURM_PROCID')
_OPEN_MPI = ('OMPI_MCA_orte_hnp_uri', 'OMPI_COMM_WORLD_SIZE')


def define(values: flags.FlagValues) -> None:
  """Defines --devices and the flags of several processes."""
  group = GROUP
  flags.DEFINE_integer(
    'devices',
    0,
    'N: number of devices of this host to use; 0 uses all',
    flag_values=values,
    module_name=group,
  )
  flags.DEFINE_string(
    'coordinator',
    '',
    'HOST:PORT: address of process 0, where several processes meet; or the '
    'variable JAX_COORDINATOR_ADDRESS',
    flag_values=values,
    module_name=group,
  )
  flags.DEFINE_string(
    'processes',
    '',
    'N|auto: number of processes that run this command together, one per host '
    'or device; or JAX_NUM_PROCESSES. Not needed with Slurm and Open MPI; auto '
    'asks a TPU pod or Kubernetes',
    flag_values=values,
    module_name=group,
  )
  flags.DEFINE_integer(
    'process',
    None,
    'I: index of this process, from 0; or JAX_PROCESS_ID',
    flag_values=values,
    module_name=group,
  )


@contextlib.contextmanager
def work(values: flags.FlagValues) -> Iterator[None]:
  """Joins the processes that the flags name and chooses the devices.

  Raises:
    InputError: the flags do not fit together, or a process is unreachable.
  """
  _join(values)
  with processes.together(), parallel.use_devices(values.devices):
    yield


def _join(values: flags.FlagValues) -> None:
  address = values.coordinator or os.environ.get('JAX_COORDINATOR_ADDRESS')
  text = values.processes or os.environ.get('JAX_NUM_PROCESSES', '')
  count, number = None, values.process
  if text != _AUTO:
    count = (
      command_line.whole(text, 'processes')
      if values.processes
      else _variable('JAX_NUM_PROCESSES', 'processes')
    )
  if number is None:
    number = _variable('JAX_PROCESS_ID', 'process')
  told = {'coordinator': address, 'processes': count, 'process': number}
  found = text == _AUTO or _launched()
  if count == 1 or not (found or any(v is not None for v in told.values())):
    return
  if not found:
    _check(told)
  _initialise(told)


def _launched() -> bool:
  """Whether a launcher that JAX can query started several processes."""
  return any(
    all(name in os.environ for name in names)
    and (_variable(names[1], 'processes') or 1) > 1
    for names in (_SLURM, _OPEN_MPI)
  )


def _variable(name: str, setting: str) -> int | None:
  """Returns the number that a variable holds, None if it is not set.

  Raises:
    InputError: it holds something else, or a number out of range.
  """
  text = os.environ.get(name, '')
  if not text:
    return None
  try:
    return command_line.whole(text, setting)
  except InputError as error:
    raise InputError(
      f'{name}={text:.60}: the variable must be {ranges.RANGES[setting].rule()}'
      '; correct or unset it'
    ) from error


def _check(told: dict[str, Any]) -> None:
  missing = [name for name, value in told.items() if value is None]
  if missing:
    raise InputError(
      f'--{missing[0]}: is missing: several processes need --coordinator, '
      '--processes and --process; give all three, or start with srun, mpirun '
      'or --processes=auto'
    )
  if told['process'] >= told['processes']:
    raise InputError(
      f'--process={told["process"]}: must be below the {told["processes"]} of '
      '--processes; count from 0'
    )
  host, _, port = told['coordinator'].rpartition(':')
  if not host or not port.isdecimal():
    raise InputError(
      f'--coordinator={told["coordinator"]}: must be HOST:PORT of process 0, '
      'such as node1:9876'
      '; correct it'
    )


def _initialise(told: dict[str, Any]) -> None:
  # Without it, CPU devices of several processes cannot exchange anything.
  jax.config.update('jax_cpu_collectives_implementation', 'gloo')
  try:
    jax.distributed.initialize(
      told['coordinator'], told['processes'], told['process']
    )
  except (RuntimeError, ValueError) as error:
    reason = ' '.join(str(error).split())[:200]
    raise InputError(
      f'--coordinator={told["coordinator"] or "auto"}: the processes cannot '
      f'meet ({reason}); start all of them with the same address'
    ) from error
