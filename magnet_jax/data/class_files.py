"""Class tables as JSON files, for your own data sets.

    {"classes": [{"name": "soil", "colour": [115, 85, 60], "labels": [0]},
                 {"name": "weed", "colour": [220, 50, 47], "labels": [1, 7]}],
     "ignored": [255], "unscored": [], "tolerance": 0}

`labels` are the values, or the colours as [red, green, blue], that stand for a
class in the label files; without them, label files hold class indices.
"""

from collections.abc import Mapping, Sequence
import json
import pathlib

from magnet_jax.files import records
from magnet_jax.files.atomic import PathLike
from magnet_jax.types import ClassTable, Code, InputError, LabelCodes

_KEYS = ('classes', 'ignored', 'unscored', 'tolerance')
_CLASS_KEYS = ('name', 'colour', 'labels')
_MOST = 254


def read(path: PathLike) -> ClassTable:
  """Reads a class table.

  Args:
    path: a JSON file as shown above.

  Raises:
    InputError: it is missing or malformed; says what is wrong.
  """
  path = pathlib.Path(path)
  try:
    content = json.loads(path.read_text(encoding='utf-8-sig'))
  except FileNotFoundError as error:
    raise InputError(f'{path}: no such class file; check the path') from error
  except (OSError, ValueError) as error:
    reason = getattr(error, 'strerror', None) or str(error)
    raise InputError(
      f'{path}: cannot be read as JSON, {reason}; correct it, or let '
      'magnet-jax init write one'
    ) from error
  try:
    return from_json(content)
  except InputError as error:
    raise InputError(f'{path}: {error}') from error


def write(path: PathLike, table: ClassTable) -> None:
  """Writes a class table atomically.

  Raises:
    InputError: the system refuses to write.
  """
  records.write_json(path, to_json(table))


def to_json(table: ClassTable) -> dict[str, object]:
  """Returns the content of a class file."""
  rows: list[dict[str, object]] = [
    {'name': name, 'colour': list(colour)}
    for name, colour in zip(table.names, table.colours, strict=True)
  ]
  content: dict[str, object] = {
    'classes': rows,
    'unscored': [table.names[i] for i in table.unscored],
  }
  if table.codes:
    for row, codes in zip(rows, table.codes.classes, strict=True):
      row['labels'] = list(codes)
    content['ignored'] = list(table.codes.ignored)
    content['tolerance'] = table.codes.tolerance
  return content


def from_json(content: object) -> ClassTable:
  """Returns the class table that the content of a class file describes.

  Raises:
    InputError: it is malformed; says what is wrong.
  """
  content = content if isinstance(content, Mapping) else {}
  rows = content.get('classes')
  if not isinstance(rows, list) or not 0 < len(rows) <= _MOST:
    raise InputError(
      'class file without "classes": must be an object with a list of 1 to '
      f'{_MOST} of them; see configs/custom.py'
    )
  _check_keys(content, _KEYS, 'class file')
  for key in ('ignored', 'unscored'):
    if not isinstance(content.get(key, []), list):
      raise InputError(
        f'class file: {key!r} is {content[key]!r}: must be a list, which may '
        'be empty; correct it'
      )
  for number, row in enumerate(rows):
    if not isinstance(row, Mapping) or not str(row.get('name') or '').strip():
      raise InputError(f'class {number}: has no "name"; add it')
    _check_keys(row, _CLASS_KEYS, f'class {number}')
  names = tuple(str(row['name']) for row in rows)
  unknown = [n for n in content.get('unscored', ()) if n not in names]
  if unknown or len(set(names)) < len(names):
    raise InputError(
      f'classes {", ".join(names)}: must differ, and include the unscored '
      f'{", ".join(map(str, unknown)) or "ones"}; correct the names'
    )
  return ClassTable(
    names=names,
    colours=tuple(_colour(row.get('colour'), row['name']) for row in rows),
    unscored=tuple(names.index(n) for n in content.get('unscored', ())),
    codes=_codes(rows, content.get('ignored', ()), content.get('tolerance', 0)),
  )


def _check_keys(
  found: Mapping[str, object], known: Sequence[str], of: str
) -> None:
  unknown = sorted(found.keys() - set(known))
  if unknown:
    raise InputError(
      f'{of}: unknown key {unknown[0]!r}; choose one of {", ".join(known)}'
    )


def _colour(value: object, name: str) -> tuple[int, int, int]:
  if (
    not isinstance(value, Sequence)
    or len(value) != 3
    or not all(isinstance(c, int) and 0 <= c <= 255 for c in value)
  ):
    raise InputError(
      f'class {name!r}: colour {value!r}: must be [red, green, blue] of '
      '0..255; correct it'
    )
  return value[0], value[1], value[2]


def _codes(
  rows: Sequence[Mapping[str, object]],
  ignored: Sequence[object],
  tolerance: object,
) -> LabelCodes | None:
  if not any('labels' in row for row in rows):
    return None
  if not isinstance(tolerance, int) or not 0 <= tolerance <= 255:
    raise InputError(f'tolerance {tolerance!r}: must be 0..255; correct it')
  classes = []
  for row in rows:
    found = row.get('labels', [])
    if not isinstance(found, list) or not found:
      raise InputError(
        f'class {row["name"]!r}: labels {found!r}: must be a list of values or '
        'colours if any class has one; correct it'
      )
    classes.append(tuple(_code(each, str(row['name'])) for each in found))
  no_label = tuple(_code(each, 'ignored') for each in ignored)
  return LabelCodes(tuple(classes), no_label, tolerance)


def _code(value: object, name: str) -> Code:
  if isinstance(value, int) and not isinstance(value, bool):
    if not -(2**31) <= value < 2**32:
      raise InputError(
        f'class {name!r}: label {value}: must fit into 32 bits, which '
        'is what images can hold; correct it'
      )
    return value
  return _colour(value, name)
