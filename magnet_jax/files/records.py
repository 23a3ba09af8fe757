"""Records as JSON lines: one object per line, safe against a killed process.

Strict JSON has no NaN and no infinities: they are written as null.
"""

from collections.abc import Iterable, Mapping
import contextlib
import json
import math
import os
import pathlib
from typing import Any, Self

import numpy as np

from magnet_jax.files import atomic, plain_json
from magnet_jax.files.atomic import PathLike
from magnet_jax.types import InputError

Record = dict[str, Any]
_REMEDY = 'name a file of records'


def to_json(value: object) -> Any:
  """Converts NumPy numbers and arrays to plain values, NaN and inf to None.

  Args:
    value: nested mappings, sequences, arrays and numbers.

  Returns:
    The same in dicts, lists and Python numbers, fit for strict JSON.

  >>> to_json({'miou': np.float32(0.5), 'loss': float('nan')})
  {'miou': 0.5, 'loss': None}
  """
  if isinstance(value, Mapping):
    return {str(key): to_json(each) for key, each in value.items()}
  if isinstance(value, list | tuple):
    return [to_json(each) for each in value]
  if hasattr(value, '__array__'):
    return to_json(np.asarray(value).tolist())
  if isinstance(value, float) and not math.isfinite(value):
    return None
  if isinstance(value, os.PathLike):
    value = os.fspath(value)
  if isinstance(value, str):  # a file's name need not be valid text
    return value.encode(errors='backslashreplace').decode()
  return value


def _dump(value: object, indent: int | None = None) -> str:
  return json.dumps(
    to_json(value), allow_nan=False, ensure_ascii=False, indent=indent
  )


def _parse(line: bytes) -> Record | None:
  """Returns the record of a line, or None where it is not a JSON object."""
  try:
    record = plain_json.parse(line)
  except ValueError:  # bad UTF-8 is one as well
    return None
  return record if isinstance(record, dict) else None


def read(path: PathLike) -> list[Record]:
  """Reads the records of a file.

  A last line that was cut off, for example by a kill, is skipped.

  Args:
    path: a file of one JSON object per line.

  Returns:
    The records in the file's order.

  Raises:
    InputError: the file cannot be read, or another line is not a JSON object.
  """
  path = pathlib.Path(path)
  *lines, last = plain_json.read_bytes(path, _REMEDY).split(b'\n')
  records = []
  for number, line in enumerate(lines, start=1):
    if not line.strip():
      continue
    record = _parse(line)
    if record is None:
      raise InputError(
        f'{path}: line {number} is {line[:40].decode(errors="replace")!r}: '
        'each line must be one JSON object; remove or correct it'
      )
    records.append(record)
  # Without its newline the last line may be half a record.
  whole = _parse(last)
  return records if whole is None else [*records, whole]


def check_numbers(
  path: PathLike,
  found: Iterable[Record],
  needed: Iterable[str],
  others: Iterable[str] = (),
) -> None:
  """Raises InputError unless records hold numbers under these names.

  Args:
    path: of the file, for the message.
    found: its records.
    needed: names that each has.
    others: names that may be missing or without a value.
  """
  names = [*((name, True) for name in needed), *((n, False) for n in others)]
  for number, record in enumerate(found, start=1):
    for name, is_needed in names:
      value = record.get(name)
      if value is None and not is_needed:
        continue
      if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(
          f'{os.fspath(path)}: record {number} has the {name} {value!r:.60}: '
          'it must be a number; remove the line'
        )


def read_object(path: PathLike, remedy: str) -> Record:
  """Reads a mapping written by `write_json`.

  Args:
    path: the file.
    remedy: what to do if it is damaged, for the message.

  Raises:
    InputError: the file cannot be read or is not a JSON object.
  """
  found = _parse(plain_json.read_bytes(path, remedy))
  if found is None:
    raise InputError(
      f'{path}: is not a JSON object, as after an incomplete copy; {remedy}'
    )
  return found


class Writer:
  """A file that records are appended to, each flushed when `append` returns.

  A last line that was cut off by a kill is removed first.

  >>> with Writer('records.jsonl') as writer:  # doctest: +SKIP
  ...   writer.append({'step': 1, 'loss': 0.7})
  """

  def __init__(self, path: PathLike) -> None:
    """Opens the file, and creates it if it is missing.

    Args:
      path: the file; its folder must exist.

    Raises:
      InputError: writing fails.
    """
    self._path = pathlib.Path(path)
    try:
      # Unbuffered: after a full disk nothing is left for close() to flush.
      self._file = open(self._path, 'a+b', buffering=0)  # noqa: SIM115
      self._mend()
    except OSError as error:
      raise atomic.write_error(self._path, error) from error

  def _mend(self) -> None:
    """Completes or removes a last line without its newline."""
    self._file.seek(0)
    content = self._file.read()
    last = content[content.rfind(b'\n') + 1 :]
    if _parse(last) is not None:
      self._file.write(b'\n')
    elif last:
      self._file.truncate(len(content) - len(last))

  def append(self, record: Mapping[str, object]) -> None:
    """Writes one record as one line and flushes it to the system.

    Args:
      record: names to numbers, words, lists and arrays; NaN becomes null.

    Raises:
      InputError: writing fails (no space, …).
    """
    line = memoryview(_dump(record).encode() + b'\n')
    start = self._file.seek(0, os.SEEK_END)
    try:
      while line:
        line = line[self._file.write(line) :]
    except OSError as error:
      # The disk is full after half a line: end the file with the line before.
      with contextlib.suppress(OSError):
        self._file.truncate(start)
      raise atomic.write_error(self._path, error) from error

  def close(self) -> None:
    """Closes the file."""
    self._file.close()

  def __enter__(self) -> Self:
    return self

  def __exit__(self, *_: object) -> None:
    self.close()


def truncate_after(path: PathLike, key: str, value: float) -> None:
  """Drops the records whose `key` is above `value`.

  A run that resumes from a checkpoint repeats and records the steps after it.
  Records without `key` stay. A missing file stays missing.

  Args:
    path: a file of records.
    key: the name of a number, such as 'step'.
    value: the largest that stays.

  Raises:
    InputError: as for `read`, or writing fails.
  """
  if not pathlib.Path(path).exists():
    return
  kept = [
    record
    for record in read(path)
    if record.get(key) is None or record[key] <= value
  ]
  write(path, kept)


def write(path: PathLike, found: Iterable[Mapping[str, object]]) -> None:
  """Writes a file of records, completely or not at all.

  Args:
    path: the file to create or replace.
    found: the records, as for `Writer.append`.

  Raises:
    InputError: writing fails.
  """
  lines = ''.join(_dump(record) + '\n' for record in found)
  atomic.write_bytes(path, lines.encode())


def write_json(path: PathLike, value: object) -> None:
  """Writes one JSON document, completely or not at all.

  Args:
    path: the file to create or replace.
    value: nested mappings, sequences, arrays and numbers; NaN becomes null.

  Raises:
    InputError: writing fails.
  """
  atomic.write_bytes(path, (_dump(value, indent=2) + '\n').encode())
