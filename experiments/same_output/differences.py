"""How two folders of outputs differ, in words."""

from collections.abc import Iterator, Sequence
import fnmatch
import hashlib
import itertools
import json
import pathlib
from typing import Any

import numpy as np
from PIL import Image
import rasterio

# Of records: what no two runs have in common.
_MEASURED = ('seconds', 'wait', 'peak')
_RECORDS = ('.json', '.jsonl')
_PICTURES = ('.png', '.jpg')
_TEXTS = ('.txt', '.py', '.geojson', '.html')


def files(
  folder: pathlib.Path, ignored: Sequence[str] = ()
) -> dict[str, pathlib.Path]:
  """All files of a folder by their path in it, but for ignored patterns."""
  found = {
    path.relative_to(folder).as_posix(): path
    for path in sorted(folder.rglob('*'))
    if path.is_file()
  }
  return {
    name: path
    for name, path in found.items()
    if not any(fnmatch.fnmatch(name, pattern) for pattern in ignored)
  }


def compare(
  before: pathlib.Path, after: pathlib.Path, ignored: Sequence[str] = ()
) -> tuple[int, list[str]]:
  """Compares two folders.

  Returns:
    How many files were compared, and a line for each that differs.
  """
  first, second = files(before, ignored), files(after, ignored)
  lines = []
  for name in sorted(first.keys() | second.keys()):
    if name not in second:
      lines.append(f'{name}: is missing')
    elif name not in first:
      lines.append(f'{name}: is new')
    elif found := difference(first[name], second[name]):
      lines.append(f'{name}: {found}')
  return len(first.keys() | second.keys()), lines


def difference(before: pathlib.Path, after: pathlib.Path) -> str:
  """How two files of one name differ; '' where they do not."""
  if _digest(before) == _digest(after):
    return ''
  if before.suffix in _RECORDS:
    return _of_records(before, after)
  if before.suffix == '.npz':
    return _of_archives(before, after)
  found = ''
  if before.suffix == '.npy':
    found = _of_arrays(np.load(before), np.load(after))
  elif before.suffix in _PICTURES:
    found = _of_pictures(before, after)
  elif before.suffix == '.tif':
    found = _of_rasters(before, after)
  elif before.suffix in _TEXTS:
    found = _of_texts(before.read_text(), after.read_text())
  # A file's bytes matter as well where what they say is the same.
  return found or _of_bytes(before.read_bytes(), after.read_bytes())


def _digest(path: pathlib.Path) -> str:
  return hashlib.sha256(path.read_bytes()).hexdigest()


def _of_bytes(before: bytes, after: bytes) -> str:
  """Says where the first byte differs, and how many do."""
  least = min(len(before), len(after))
  first, second = (
    np.frombuffer(data[:least], np.uint8) for data in (before, after)
  )
  (places,) = np.nonzero(first != second)
  count = len(places) + abs(len(before) - len(after))
  start = int(places[0]) if len(places) else least
  return (
    f'{count} of {len(before)} bytes, from byte {start}; now {len(after)} bytes'
  )


def _of_arrays(before: np.ndarray, after: np.ndarray) -> str:
  for name, first, second in (
    ('shape', before.shape, after.shape),
    ('type', before.dtype, after.dtype),
  ):
    if first != second:
      return f'{name} {first}, now {second}'
  if before.tobytes() == after.tobytes():
    return ''
  apart = before != after
  largest = ''
  if before.dtype.kind in 'fiu':
    gaps = np.abs(before.astype(np.float64) - after.astype(np.float64))
    largest = f', by {gaps.max():.3g} at most'
  return f'{int(apart.sum())} of {before.size} values{largest}'


def _of_texts(before: str, after: str) -> str:
  pairs = itertools.zip_longest(before.splitlines(), after.splitlines())
  apart = [
    (number, *pair) for number, pair in enumerate(pairs, 1) if len({*pair}) > 1
  ]
  if not apart:
    return ''
  number, first, second = apart[0]
  # Of long lines, such as all polygons, what is around the first difference.
  letters = enumerate(zip(first or '', second or '', strict=False))
  start = next((index for index, (a, b) in letters if a != b), 0)
  area = slice(max(0, start - 20), start + 40)
  ours, theirs = (
    repr(line[area]) if line is not None else 'no line'
    for line in (first, second)
  )
  return f'{len(apart)} lines, first {number}: {ours}, now {theirs}'


def _of_pictures(before: pathlib.Path, after: pathlib.Path) -> str:
  first, second = Image.open(before), Image.open(after)
  if first.mode != second.mode or first.getpalette() != second.getpalette():
    return f'mode {first.mode} or palette, now mode {second.mode}'
  return _of_arrays(np.asarray(first), np.asarray(second))


def _of_rasters(before: pathlib.Path, after: pathlib.Path) -> str:
  with rasterio.open(before) as first, rasterio.open(after) as second:
    for name in ('crs', 'transform', 'nodata', 'dtypes', 'colorinterp'):
      ours, theirs = getattr(first, name), getattr(second, name)
      if ours != theirs:
        return f'{name} {ours}, now {theirs}'
    return _of_arrays(first.read(), second.read()) or _of_arrays(
      first.dataset_mask(), second.dataset_mask()
    )


def _of_archives(before: pathlib.Path, after: pathlib.Path) -> str:
  """Compares arrays by name: the archive itself may be packed otherwise."""
  with np.load(before) as first, np.load(after) as second:
    if names := set(first.files) ^ set(second.files):
      return f'{len(names)} names, such as {min(names)}'
    for name in first.files:
      if found := _of_arrays(first[name], second[name]):
        return f'{name}: {found}'
  return ''


def _of_records(before: pathlib.Path, after: pathlib.Path) -> str:
  """Compares JSON, but for what was measured of the run itself."""
  first, second = (dict(_flat(_parse(path))) for path in (before, after))
  for key in [*first, *(second.keys() - first.keys())]:
    if key not in first or key not in second:
      return f'{key} is {"missing" if key in first else "new"}'
    if first[key] != second[key]:
      return f'{key} is {first[key]!r}, now {second[key]!r}'
  return ''


def _parse(path: pathlib.Path) -> Any:
  text = path.read_text()
  if path.suffix == '.json':
    return json.loads(text)
  return [json.loads(line) for line in text.splitlines()]


def _flat(tree: Any, prefix: str = '') -> Iterator[tuple[str, Any]]:
  """(dotted key, value) of all fields that are no measurement."""
  if isinstance(tree, dict):
    pairs = [
      (key, value)
      for key, value in tree.items()
      if not any(word in key for word in _MEASURED)
    ]
  elif isinstance(tree, list):
    pairs = list(enumerate(tree))
  else:
    yield prefix, tree
    return
  if not pairs:
    yield prefix, type(tree).__name__
  for key, value in pairs:
    yield from _flat(value, f'{prefix}.{key}' if prefix else str(key))
