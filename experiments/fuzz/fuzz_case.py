"""One malformed input: files, a command line, and what must come of them."""

from collections.abc import Mapping
import dataclasses
import os
import pathlib
import re
import shutil
import zlib

_MESSAGE = 'magnet-jax: error: '
_LONGEST = 1000  # letters of a message
_SPARSE = 2**20  # bytes; larger files are compared by their size
# What no line of a library or of Python may look like.
_NOISE = re.compile(r'Traceback|Warning:|Exception ignored|^[EWIF]\d{4} ')
_BROKEN = re.compile(r'is broken \(|: broken from row')
# What a run says of its progress.
_BAR = re.compile(r'\d+%\|.*/s|^\d+x\d+: |^measuring the parts$')
_WORK = 'work'  # the folder in which a command runs
_PICTURE = '--preview='


@dataclasses.dataclass(frozen=True)
class Special:
  """A file that is not written byte by byte.

  Attributes:
    kind: 'folder', 'fifo', 'link' to the argument, 'sparse' of so many bytes,
      'seed' for a copy of a file or folder of the seeds.
    argument: as its kind needs it.
  """

  kind: str
  argument: str = ''


@dataclasses.dataclass(frozen=True)
class Case:
  """A command and its files.

  Attributes:
    group: a row of the table.
    argv: words of the command line, relative to the case's folder.
    files: by name; folders are made.
    env: variables of the environment.
    partial: whether what is good in it is done though the rest is refused.
    continued: a folder of earlier results, which may be carried on.
  """

  group: str
  argv: tuple[str, ...]
  files: Mapping[str, bytes | Special] = dataclasses.field(default_factory=dict)
  env: Mapping[str, str] = dataclasses.field(default_factory=dict)
  partial: bool = False
  continued: str = ''

  def key(self) -> str:
    """Returns what is the same for equal cases only."""
    return repr((self.argv, sorted(self.files.items()), sorted(self.env)))


@dataclasses.dataclass(frozen=True)
class Outcome:
  """What a command did.

  Attributes:
    status: its exit status, None if it raised something.
    out: lines that it printed.
    err: lines that it and its libraries printed to stderr.
    raised: the traceback of what it raised, '' for nothing.
    before: files before, by name, see `snapshot`.
    after: files after it.
  """

  status: int | None
  out: str
  err: str
  raised: str
  before: Mapping[str, tuple[str, int, int]]
  after: Mapping[str, tuple[str, int, int]]


def build(
  case: Case, folder: pathlib.Path, seeds: pathlib.Path
) -> pathlib.Path:
  """Writes the files of a case and returns the folder to run it in."""
  work = folder / _WORK
  work.mkdir(parents=True)
  for name, content in case.files.items():
    path = os.path.join(os.fsencode(work), os.fsencode(name))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if isinstance(content, bytes):
      with open(path, 'wb') as file:
        file.write(content)
    else:
      _special(path, content, seeds)
  return work


def _special(path: bytes, content: Special, seeds: pathlib.Path) -> None:
  if content.kind == 'folder':
    os.makedirs(path, exist_ok=True)
  elif content.kind == 'fifo':
    os.mkfifo(path)
  elif content.kind == 'link':
    os.symlink(content.argument, path)
  elif content.kind == 'sparse':
    with open(path, 'wb') as file:
      file.truncate(int(content.argument))
  elif (seeds / content.argument).is_dir():
    shutil.copytree(
      os.fsencode(seeds / content.argument), path, dirs_exist_ok=True
    )
  else:
    shutil.copyfile(os.fsencode(seeds / content.argument), path)


def snapshot(folder: pathlib.Path) -> dict[str, tuple[str, int, int]]:
  """Returns kind, size and checksum of all that is in a folder, by name."""
  found = {}
  for top, folders, names in os.walk(folder):
    for name in (*folders, *names):
      path = os.path.join(top, name)
      found[os.path.relpath(path, folder)] = _seen(path)
  return found


def _seen(path: str) -> tuple[str, int, int]:
  if os.path.islink(path):
    return 'link', 0, zlib.crc32(os.fsencode(os.readlink(path)))
  if os.path.isdir(path):
    return 'folder', 0, 0
  if not os.path.isfile(path):
    return 'special', 0, 0
  size = os.path.getsize(path)
  if size > _SPARSE:
    return 'file', size, 0
  with open(path, 'rb') as file:
    return 'file', size, zlib.crc32(file.read())


def faults(case: Case, outcome: Outcome) -> list[str]:
  """Returns how an outcome differs from what is promised; [] if it does not."""
  if outcome.raised:
    return ['traceback']
  found = []
  if outcome.status not in (0, 2):
    found.append(f'status {outcome.status}')
  # A bar is drawn over again; only what stays of a line counts.
  lines = [
    line
    for line in outcome.err.split('\n')
    if line and not (outcome.status == 0 and _BAR.search(line))
  ]
  told = [line for line in lines if line.startswith(_MESSAGE)]
  if len(told) < len(lines) or any(map(_NOISE.search, lines)):
    found.append('noise')
  if any(not line.isprintable() for line in outcome.out.splitlines() + lines):
    found.append('control characters')
  if outcome.status == 2:
    found += _of_refusal(case, outcome, told)
  elif told:
    found.append('an error and status 0')
  # A picture may be redrawn that is not an input of this command, too.
  named = [word.partition('=')[2] for word in case.argv if _PICTURE in word]
  redrawn = {f'{_WORK}/{name}' for name in named if name not in case.argv}
  changed = [
    name
    for name, seen in outcome.before.items()
    if outcome.after.get(name) != seen
    and name not in redrawn
    and not (case.continued and name.startswith(f'{_WORK}/{case.continued}/'))
  ]
  if changed:
    found.append('changes an input')
  if any('.tmp' in name or '.probe' in name for name in outcome.after):
    found.append('leaves a temporary file')
  return found


def _of_refusal(case: Case, outcome: Outcome, told: list[str]) -> list[str]:
  found = []
  if not told or (len(told) > 1 and not case.partial):
    found.append(f'{len(told)} messages')
  for line in told:
    text = line.removeprefix(_MESSAGE)
    if len(text) > _LONGEST:
      found.append('a long message')
    if not re.search(r'[;:,] ?\S', text) or len(text) < 20:
      found.append('a message without a remedy')
  # The rest of an image is segmented around what is broken of its file.
  partial = case.partial or all(_BROKEN.search(line) for line in told)
  if not partial and outcome.after.keys() - outcome.before.keys():
    found.append('leaves files')
  return found
