"""A command of magnet-jax in processes of its own, which may be killed.

Each is forked from a server that has imported the package but not yet started
JAX: what is left of a run is its own work.
"""

from collections.abc import Sequence
import contextlib
import multiprocessing
import os
import pathlib
import resource
import signal
import subprocess
import sys
import time

import psutil

_CONTEXT = multiprocessing.get_context('forkserver')
_IMPORTED = (
  'magnet_jax.cli.segment',
  'magnet_jax.cli.train',
  'magnet_jax.cli.main',
  'tensorstore',
)
_TICK = 0.02  # seconds between two looks at a run
_ALONE = 300  # seconds that others may go on without one that was killed


def start_server(compiled: pathlib.Path) -> None:
  """Starts the server; programs are compiled once for all runs.

  Args:
    compiled: folder for the programs.
  """
  # Read when JAX is imported, which is in the server.
  os.environ['JAX_PLATFORMS'] = 'cpu'
  os.environ['JAX_COMPILATION_CACHE_DIR'] = str(compiled)
  os.environ['JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS'] = '0'
  os.environ['JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES'] = '-1'
  _CONTEXT.set_forkserver_preload([*_IMPORTED])


def _work(argv: Sequence[str], log: str, devices: int, most: int) -> None:
  """What a process does: the command, with all that it prints in a file."""
  import jax

  from magnet_jax.cli import main

  os.environ['XLA_FLAGS'] = (
    f'--xla_force_host_platform_device_count={devices} '
    '--xla_backend_optimization_level=0'
  )
  # By another process, whose file has no limit.
  with open(log, 'ab') as file:
    writer = subprocess.Popen(['cat'], stdin=subprocess.PIPE, stdout=file)
  assert writer.stdin
  for stream in (1, 2):
    os.dup2(writer.stdin.fileno(), stream)
  writer.stdin.close()
  if most:
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
  status = main.main(argv)
  # As when Python exits; processes of this kind end without it.
  if jax.distributed.is_initialized():
    jax.distributed.shutdown()
  sys.stdout.flush()
  nowhere = os.open(os.devnull, os.O_WRONLY)
  for stream in (1, 2):
    os.dup2(nowhere, stream)
  writer.wait()
  sys.exit(status)


class Run:
  """A command in one process or several.

  Args:
    argvs: the arguments of each process.
    log: file for what they print.
    devices: that each process has.
    most: bytes that no file may exceed, as on a full disk; 0 for no limit.
  """

  def __init__(
    self,
    argvs: Sequence[Sequence[str]],
    log: pathlib.Path,
    *,
    devices: int = 1,
    most: int = 0,
  ):
    self._running = [
      _CONTEXT.Process(target=_work, args=(argv, str(log), devices, most))
      for argv in argvs
    ]
    for process in self._running:
      process.start()
    self._watched = [psutil.Process(each.pid) for each in self._running]

  def goes_on(self) -> bool:
    """Whether none of them is through."""
    return all(process.is_alive() for process in self._running)

  def seconds(self) -> float:
    """Of processor time that all have used; other programs do not count."""
    total = 0.0
    for process in self._watched:
      with contextlib.suppress(psutil.Error):
        times = process.cpu_times()
        total += times.user + times.system
    return total

  def until_begun(self, sign: pathlib.Path) -> float:
    """Waits for the first file of a run; returns the seconds used by then."""
    while self.goes_on() and not sign.exists():
      time.sleep(_TICK)
    return self.seconds()

  def watch(self) -> float:
    """Waits for the end; returns the seconds used, but for the last moments."""
    used = 0.0
    while self.goes_on():
      used = max(used, self.seconds())
      time.sleep(_TICK)
    return used

  def kill_after(self, seconds: float, which: int | None) -> bool:
    """Kills a process, or all at once, when so much time is used.

    Args:
      seconds: of processor time.
      which: the process; None for all.

    Returns:
      Whether there was something left to kill.
    """
    while self.goes_on() and self.seconds() < seconds:
      time.sleep(_TICK)
    if not self.goes_on():
      return False
    for number, process in enumerate(self._running):
      if which in (None, number):
        with contextlib.suppress(ProcessLookupError):
          os.kill(process.pid or 0, signal.SIGKILL)
    return True

  def statuses(self) -> list[int | None]:
    """Of all processes, at the end; None for one that does not end."""
    for process in self._running:
      process.join(_ALONE)
    found = [process.exitcode for process in self._running]
    for process in self._running:
      process.kill()
      process.join()
    return found
