"""Peak host memory of a block of code."""

from __future__ import annotations

import pathlib
import threading

import psutil

_STATUS = pathlib.Path('/proc/self/status')
_CLEAR = pathlib.Path('/proc/self/clear_refs')
_RESET_PEAK = '5'  # proc(5): sets the kernel's peak to the present value
_PERIOD = 0.01  # seconds between two samples where the kernel keeps no peak
_MEGABYTE = 1e6

_active: list[PeakMemory] = []  # blocks that are open, outermost first


class PeakMemory:
  """Measures the largest resident set of this process during a `with` block.

  On Linux the kernel keeps that peak: it is exact, costs nothing, and is reset
  when the block begins. Where the kernel does not allow that, a thread samples
  every 10 ms and may miss shorter peaks. Blocks may be nested. What the process
  held before counts in `peak_mb` only; freed memory that the allocator had kept
  is reused without being added, so the first block in a process shows the
  most.

  Attributes:
    peak_mb: the peak in MB (1e6 bytes); known after the block.
    added_mb: the peak above the value at the start of the block, in MB.

  Example:
    >>> with PeakMemory() as memory:
    ...   block = bytearray(20_000_000)
    >>> memory.added_mb > 15
    True
  """

  def __init__(self) -> None:
    self.peak_mb = 0.0
    self.added_mb = 0.0
    self._entry = 0
    self._peak = 0
    self._done = threading.Event()
    self._sampler: threading.Thread | None = None

  def __enter__(self) -> PeakMemory:
    # There is one peak per process: enclosing blocks read it before it is
    # reset.
    for block in _active:
      block._take(_kernel_peak())
    self._entry = self._peak = _resident()
    if not _reset_kernel_peak():
      self._sampler = threading.Thread(target=self._sample, daemon=True)
      self._sampler.start()
    _active.append(self)
    return self

  def __exit__(self, *_: object) -> None:
    _active.remove(self)
    if self._sampler is None:
      self._take(_kernel_peak())
    else:
      self._done.set()
      self._sampler.join()
    self._take(_resident())
    self.peak_mb = self._peak / _MEGABYTE
    self.added_mb = (self._peak - self._entry) / _MEGABYTE

  def _take(self, value: int) -> None:
    self._peak = max(self._peak, value)

  def _sample(self) -> None:
    while not self._done.wait(_PERIOD):
      self._take(_resident())


def _resident() -> int:
  """Bytes resident at present."""
  return int(psutil.Process().memory_info().rss)


def _reset_kernel_peak() -> bool:
  """Resets the kernel's peak; False where that is not allowed."""
  try:
    _CLEAR.write_text(_RESET_PEAK)
    # Some sandboxes accept the write and keep the old peak.
    return 0 < _kernel_peak() < 1.05 * _resident() + 16e6
  except OSError:
    return False


def _kernel_peak() -> int:
  """Bytes of the kernel's high-water mark, 0 where it keeps none."""
  try:
    lines = _STATUS.read_text().splitlines()
  except OSError:
    return 0
  for line in lines:
    if line.startswith('VmHWM:'):
      return int(line.split()[1]) * 1024
  return 0
