"""Whether two versions of magnet-jax write the same files, byte for byte.

Examples:
  python experiments/same_output/run.py --keep=FOLDER \
    --before-python=before/bin/python --after-python=after/bin/python
  python experiments/same_output/run.py --keep=FOLDER \
    --before-python=python --before-path=../old --after-python=python \
    --after-path=. --only=memory,train

Each version is an interpreter that has the package installed, or any one with
the requirements and the folder to import the package from. Everything goes
through the commands. The older version's files are kept in FOLDER/before and
made once; without --after-python that is all. The exit status is 0 if all files
are the same, 1 if any differs, 2 if the two cannot be compared.
"""

import argparse
from collections.abc import Iterator, Sequence
import dataclasses
import hashlib
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
from typing import Any

import cases
from cases import Case
import differences

_ABOUT = """
import importlib, importlib.metadata, json, pathlib, platform
import magnet_jax
folder = pathlib.Path(magnet_jax.__file__).parent
versions = {
  name: importlib.metadata.version(name) for name in (
    'jax', 'jaxlib', 'flax', 'numpy', 'opencv-python-headless', 'pillow',
    'rasterio', 'torch',
  )
}
print(json.dumps({
  'folder': str(folder),
  'embedded': str(next(
    f for name in ('scenes.npz', 'embedded.npz') for f in folder.rglob(name)
  )),
  'versions': {'python': platform.python_version(), **versions},
}))
"""
_WORKER = pathlib.Path(__file__).absolute().with_name('worker.py')


class CannotCompareError(Exception):
  """A version cannot be run, or not be compared with what is kept."""


@dataclasses.dataclass(frozen=True)
class Version:
  """One version of the package, and where its outputs go.

  Attributes:
    name: 'before' or 'after'.
    python: interpreter that runs it.
    path: folder to import it from; '' where it is installed.
    folder: for the outputs.
  """

  name: str
  python: str
  path: str
  folder: pathlib.Path

  def environment(self, case: Case | None = None) -> dict[str, str]:
    """The variables of its processes."""
    inputs = str(self.folder.parent / 'inputs')
    found = {
      **os.environ,
      'PYTHONPATH': os.pathsep.join(filter(None, [self.path, inputs])),
      'JAX_PLATFORMS': 'cpu',
      'COLUMNS': '100',
      # Of both: the same program is compiled once.
      'JAX_COMPILATION_CACHE_DIR': str(self.folder.parent / 'compiled'),
      'JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS': '0.2',
    }
    return found | dict(case.environment if case else {})

  def about(self) -> dict[str, Any]:
    """Where the package is, and what its numbers depend on."""
    found = subprocess.run(
      [self.python, '-c', _ABOUT], cwd=self.folder, text=True,
      env=self.environment(), capture_output=True, check=False,
    )  # fmt: skip
    if found.returncode:
      last = (found.stderr.strip().splitlines() or ['says nothing'])[-1]
      raise CannotCompareError(f'{self.python}: has no magnet_jax: {last}')
    about: dict[str, Any] = json.loads(found.stdout.splitlines()[-1])
    cores = len(os.sched_getaffinity(0))
    about['machine'] = {'processor': _processor(), 'cores': cores}
    return about


def _processor() -> str:
  lines = pathlib.Path('/proc/cpuinfo')
  if not lines.exists():
    return ''
  names = {
    line.partition(':')[2].strip()
    for line in lines.read_text().splitlines()
    if line.startswith('model name')
  }
  return ', '.join(sorted(names))


def run(
  version: Version, together: Sequence[Case], embedded: str
) -> dict[str, dict[str, Any]]:
  """Runs cases anew, in one process or in the processes of the only one.

  Args:
    version: which to run.
    together: the cases; in one process they share what takes long to import.
    embedded: the embedded model's file.

  Returns:
    For each case its seconds and why it failed, if it did.
  """
  count = together[0].processes
  address = f'localhost:{_free_port()}'
  with tempfile.TemporaryDirectory() as name:
    paths = [pathlib.Path(name, f'{n}.jsonl') for n in range(count)]
    running = []
    for number, path in enumerate(paths):
      flags = [
        f'--coordinator={address}', f'--processes={count}',
        f'--process={number}',
      ]  # fmt: skip
      task = {
        'cases': [_task(case, embedded) for case in together],
        'more': flags if count > 1 else [],
        'first': number == 0,
        'results': str(path),
      }
      running.append(
        subprocess.Popen(
          [version.python, str(_WORKER), json.dumps(task)],
          cwd=version.folder,
          env=version.environment(together[0]),
          stdout=subprocess.DEVNULL,
        )
      )
    for process in running:
      process.wait()
    found = [_results(path) for path in paths]
  ended = {'seconds': 0.0, 'processor_seconds': 0.0, 'failure': 'has ended'}
  merged = {}
  for case in together:
    each = [results.get(case.name, ended) for results in found]
    failures = [result['failure'] for result in each if result['failure']]
    merged[case.name] = {**each[0], 'failure': (failures or [''])[0]}
  return merged


def _task(case: Case, embedded: str) -> dict[str, Any]:
  return {
    'name': case.name,
    'commands': [
      [word.format(embedded=embedded) for word in command]
      for command in case.commands
    ],
    'copies': list(case.copies),
    'printed': case.printed,
  }


def _results(path: pathlib.Path) -> dict[str, dict[str, Any]]:
  lines = path.read_text().splitlines() if path.exists() else []
  return {result.pop('name'): result for result in map(json.loads, lines)}


def _groups(chosen: Sequence[Case]) -> Iterator[list[Case]]:
  """Cases in their order, those together that can share a process."""
  group: list[Case] = []
  for case in chosen:
    # The inputs of all others come of the demo.
    if case.alone or case.name == 'demo':
      if group:
        yield group
      yield [case]
      group = []
    else:
      group.append(case)
  if group:
    yield group


def _free_port() -> int:
  with socket.socket() as free:
    free.bind(('localhost', 0))
    port: int = free.getsockname()[1]
    return port


def _key(case: Case) -> str:
  """Changes with what a case runs."""
  parts = dataclasses.asdict(case)
  del parts['ignored']
  return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


class Kept:
  """What the folder of a version says of its outputs.

  Args:
    version: whose outputs they are.
  """

  def __init__(self, version: Version):
    version.folder.mkdir(parents=True, exist_ok=True)
    self._path = version.folder / 'kept.json'
    self.values: dict[str, Any] = {'about': {}, 'cases': {}}
    if self._path.exists():
      self.values = json.loads(self._path.read_text())

  def has(self, case: Case) -> bool:
    """Whether a case was run and has not been changed since."""
    found = self.values['cases'].get(case.name, {})
    return found.get('key') == _key(case) and not found['failure']

  def put(self, case: Case, result: dict[str, Any]) -> None:
    """Keeps what came of a case."""
    self.values['cases'][case.name] = {**result, 'key': _key(case)}
    self.write()

  def write(self) -> None:
    """Writes all of it."""
    self._path.write_text(json.dumps(self.values, indent=2) + '\n')


def fill(version: Version, chosen: list[Case], *, again: bool) -> Kept:
  """Runs the cases that have no outputs yet, or all of them again."""
  kept = Kept(version)
  about = version.about()
  known = kept.values['about']
  for name in ('machine', 'versions'):
    if not again and known and known[name] != about[name]:
      raise CannotCompareError(
        f'{version.folder}: was made with {known[name]}, here are '
        f'{about[name]}: numbers would differ; choose another --keep'
      )
  kept.values['about'] = about
  print(f'{version.name}: {about["folder"]}', file=sys.stderr, flush=True)
  missing = [case for case in chosen if again or not kept.has(case)]
  inputs = version.folder.parent / 'inputs'
  for group in _groups(missing):
    if group[0].name != 'demo':
      cases.make_inputs(version.folder.parent / 'before' / 'demo', inputs)
    results = run(version, group, about['embedded'])
    for case in group:
      kept.put(case, results[case.name])
  kept.write()
  return kept


def table(before: Version, after: Version, chosen: list[Case]) -> bool:
  """Prints how the outputs compare; returns whether all are the same."""
  kept = [Kept(version).values['cases'] for version in (before, after)]
  print(f'\n{"case":<18} {"files":>5} {"before s":>8} {"after s":>8}  result')
  same, total = True, 0
  for case in chosen:
    results = [found[case.name] for found in kept]
    count, lines = differences.compare(
      before.folder / case.name, after.folder / case.name, case.ignored
    )
    failures = [result['failure'] for result in results]
    if any(failures):
      lines.insert(0, f'fails: {failures[1] or failures[0]}')
    elif not count:
      lines.insert(0, 'has no files')
    word = f'differs: {lines[0]}' if lines else 'identical'
    if len(lines) > 1:
      word += f' (and {len(lines) - 1} more)'
    seconds = '  '.join(f'{result["seconds"]:7.0f}' for result in results)
    print(f'{case.name:<18} {count:>5}  {seconds}  {word}')
    same, total = same and not lines, total + count
  used = [
    sum(found[case.name]['processor_seconds'] for case in chosen)
    for found in kept
  ]
  print(
    f'{total} files: {"all identical" if same else "some differ"}; processors '
    f'took {used[0]:.0f} s before, {used[1]:.0f} s after'
  )
  return same


def _compare(arguments: argparse.Namespace) -> int:
  keep = arguments.keep.absolute()
  before, after = (
    Version(
      name,
      os.path.abspath(python) if os.sep in python else python,
      os.path.abspath(path) if path else '',
      keep / name,
    )
    for name, python, path in (
      ('before', arguments.before_python, arguments.before_path),
      ('after', arguments.after_python, arguments.after_path),
    )
  )
  names = arguments.only.split(',') if arguments.only else []
  if unknown := set(names) - {case.name for case in cases.CASES}:
    raise CannotCompareError(f'--only={min(unknown)}: is no case; see --list')
  chosen = [case for case in cases.CASES if not names or case.name in names]
  # Others go on from what these of the older version leave.
  needed = {'demo', 'train', 'evaluate'} | {case.name for case in chosen}
  older = [case for case in cases.CASES if case.name in needed]
  first = fill(before, older, again=False)
  for name, result in first.values['cases'].items():
    if result['failure'] and name in needed:
      raise CannotCompareError(f'before, {name}: {result["failure"]}')
  if not after.python:
    return 0
  second = fill(after, chosen, again=True)
  abouts = [kept.values['about'] for kept in (first, second)]
  if abouts[0]['versions'] != abouts[1]['versions']:
    print(f'note: other packages: {abouts[0]["versions"]} before, '
          f'{abouts[1]["versions"]} after')  # fmt: skip
  return 0 if table(before, after, chosen) else 1


def main() -> int:
  """Does what the command line says."""
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  add = parser.add_argument
  add('--keep', type=pathlib.Path, help='folder for inputs and outputs')
  add('--before-python', default=sys.executable,
      help='interpreter of the older version')  # fmt: skip
  add('--before-path', default='', help='folder to import it from')
  add('--after-python', default='', help='interpreter of the newer version')
  add('--after-path', default='', help='folder to import it from')
  add('--only', default='', help='cases to run, with commas between them')
  add('--list', action='store_true', help='print the cases and end')
  arguments = parser.parse_args()
  if arguments.list:
    for case in cases.CASES:
      print(f'{case.name:<18} {"; ".join(map(" ".join, case.commands))}')
    return 0
  if not arguments.keep:
    parser.error('--keep is needed')
  try:
    return _compare(arguments)
  except CannotCompareError as error:
    print(f'same_output: {error}', file=sys.stderr)
    return 2


if __name__ == '__main__':
  sys.exit(main())
