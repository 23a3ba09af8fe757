"""Class tables as JSON files, for your own data sets.

    {"classes": [{"name": "soil", "colour": [115, 85, 60], "labels": [0]},
                 {"name": "weed", "colour": [220, 50, 47], "labels": [1, 7]}],
     "ignored": [255], "unscored": [], "tolerance": 0}

`labels` are the values, or the colours as [red, green, blue], that stand for a
class in the label files; without them, label files hold class indices.
"""

import dataclasses
import pathlib

from magnet_jax import checked
from magnet_jax.files import plain_json, records
from magnet_jax.files.atomic import PathLike
from magnet_jax.types import ClassTable, Code, InputError, LabelCodes

_MOST = 254


def read(path: PathLike) -> ClassTable:
  """Reads a class table.

  Args:
    path: a JSON file as shown above.

  Raises:
    InputError: it is missing or malformed; says what is wrong.
  """
  path = pathlib.Path(path)
  if not path.exists():
    raise InputError(f'{path}: no such class file; check the path')
  remedy = 'correct it, or let magnet-jax init write one'
  content = plain_json.read(path, remedy)
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


@dataclasses.dataclass(frozen=True)
class _Row:
  """A class in a class file."""

  name: str | int
  colour: tuple[int, int, int]
  labels: tuple[Code, ...] | None = None


def from_json(content: object) -> ClassTable:
  """Returns the class table that the content of a class file describes.

  Raises:
    InputError: it is malformed; says what is wrong.
  """
  return checked.call(_table, content, 'class file')


def _table(
  classes: tuple[_Row, ...],
  ignored: tuple[Code, ...] = (),
  unscored: tuple[str, ...] = (),
  tolerance: int = 0,
) -> ClassTable:
  names = tuple(str(row.name) for row in classes)
  if not 0 < len(names) <= _MOST or not all(map(str.strip, names)):
    raise InputError(
      f'{len(names)} classes: must be a list of 1 to {_MOST}, each with a '
      'name; see configs/custom.py'
    )
  unknown = [name for name in unscored if name not in names]
  if unknown or len(set(names)) < len(names):
    raise InputError(
      f'classes {", ".join(names)}: must differ, and include the unscored '
      f'{", ".join(unknown) or "ones"}; correct the names'
    )
  codes = None
  if any(row.labels is not None for row in classes):
    for name, row in zip(names, classes, strict=True):
      if not row.labels:
        raise InputError(
          f'class {name!r}: labels {row.labels}: must be a list of values or '
          'colours if any class has one; correct it'
        )
    codes = LabelCodes(
      tuple(row.labels or () for row in classes), ignored, tolerance
    )
  return ClassTable(
    names=names,
    colours=tuple(row.colour for row in classes),
    unscored=tuple(names.index(name) for name in unscored),
    codes=codes,
  )
