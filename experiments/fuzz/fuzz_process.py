"""A process that runs cases, with limits on time and memory."""

import dataclasses
import pathlib
import pickle
import select
import subprocess
import sys

from fuzz_case import Case, Outcome

LIMIT = 60.0  # seconds of processor time of a case
MEMORY = 1e9  # bytes that a case adds
_LONGEST = 300.0  # seconds that it may take while other programs run
_SCRIPT = pathlib.Path(__file__).with_name('fuzz_worker.py')


@dataclasses.dataclass(frozen=True)
class Record:
  """What came of a case.

  Attributes:
    case: that was run.
    faults: how it ended otherwise than promised; () if it did not.
    seconds: of processor time that it took; of time if it was ended.
    added: bytes of memory at its peak, above those before it.
    outcome: None if the process crashed or was ended.
  """

  case: Case
  faults: tuple[str, ...]
  seconds: float
  added: float
  outcome: Outcome | None = None


class Worker:
  """A process that runs one case after the other, renewed after a crash."""

  def __init__(self, seeds: pathlib.Path, scratch: pathlib.Path) -> None:
    """Takes the folders of the valid files and of the cases."""
    self._argv = [sys.executable, str(_SCRIPT), str(seeds), str(scratch)]
    self._process: subprocess.Popen[bytes] | None = None

  def run(self, number: int, case: Case) -> Record:
    """Runs a case, which gets a folder of this number."""
    process = self._started()
    assert process.stdin and process.stdout
    try:
      pickle.dump((number, case), process.stdin)
      process.stdin.flush()
      if not select.select([process.stdout], [], [], _LONGEST)[0]:
        self.stop()
        return Record(case, ('hangs',), _LONGEST, 0.0)
      outcome, faults, seconds, added = pickle.load(process.stdout)
    except (EOFError, BrokenPipeError):
      status = process.wait()
      self._process = None
      return Record(case, (f'ends the process with {status}',), 0.0, 0.0)
    if seconds > LIMIT:
      faults.append('hangs')
    if added > MEMORY:
      faults.append(f'takes {added / 1e9:.1f} GB')
    return Record(case, tuple(faults), seconds, added, outcome)

  def _started(self) -> subprocess.Popen[bytes]:
    if self._process is None:
      self._process = subprocess.Popen(
        self._argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
      )
    return self._process

  def stop(self) -> None:
    """Ends the process."""
    if self._process:
      self._process.kill()
      self._process.wait()
      self._process = None
