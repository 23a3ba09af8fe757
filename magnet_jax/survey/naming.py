"""Names and colours of classes: given by the user, or made up."""

from collections.abc import Mapping, Sequence
import colorsys
import csv
import dataclasses
import pathlib

from magnet_jax.data import classes as class_tables
from magnet_jax.files import text
from magnet_jax.types import ClassTable, Code, InputError

# Usual file names for them in the folder of the data.
USUAL = ('classes.json', 'classes.txt', 'class_dict.csv', 'labelmap.txt')
OF_SPLITS = '_classes.csv'  # the same, in the folder of each split
_BY_VALUE = 'pixel value'  # heads the first column of Roboflow's lists
_GOLDEN = 0.618034


@dataclasses.dataclass(frozen=True)
class Given:
  """What the user says about the classes.

  Attributes:
    path: the file, or the name of a table, for messages.
    names: of the classes, in the order of their values.
    table: if colours or codes are given too.
  """

  path: str
  names: tuple[str, ...]
  table: ClassTable | None = None


def read(path: str) -> Given:
  """Reads classes from a file, or takes a known table.

  Args:
    path: a .json file (`data.class_files`); a .txt file with one name per line,
      or `name:r,g,b::` lines as CVAT writes them; a .csv file of `name,r,g,b`
      lines, or of `value,name` as Roboflow writes it; or the name of a table.

  Raises:
    InputError: it cannot be read as one of these.
  """
  if path.endswith('.json') or not pathlib.Path(path).suffix:
    table = class_tables.get(path)
    return Given(path, table.names, table)
  lines = text.read_lines(path, 'give one class per line, in UTF-8')
  lines = [line for line in lines if line.strip() and line[0] != '#']
  if lines and lines[0].lower().startswith(_BY_VALUE):
    return Given(path, _by_value(path, lines[1:]))
  rows = [row for row in map(_row, lines) if row[0]]
  if rows and rows[0][1] is None and any(row[1] for row in rows):
    rows = rows[1:]  # a header
  if not rows or len({row[0] for row in rows}) < len(rows):
    raise InputError(
      f'{path}: must hold one class per line, all different, as name '
      'or name,red,green,blue; correct it'
    )
  names = tuple(name for name, _ in rows)
  colours = tuple(colour for _, colour in rows if colour)
  if len(colours) < len(rows):
    return Given(path, names)
  return Given(path, names, ClassTable(names, colours))


def _by_value(path: str, lines: Sequence[str]) -> tuple[str, ...]:
  """Returns the names of `value,name` lines, in the order of the values."""
  rows = [[cell.strip() for cell in line.split(',', 1)] for line in lines]
  found = {row[0]: row[1] for row in rows if len(row) == 2 and row[1]}
  names = tuple(found.get(str(value), '') for value in range(len(rows)))
  if not rows or '' in names or len({*names}) < len(names):
    raise InputError(
      f'{path}: must hold one class per line, all different, with values from '
      '0 without gaps; correct it'
    )
  return names


def _row(line: str) -> tuple[str, tuple[int, int, int] | None]:
  """Returns the name and colour of a line."""
  cells = next(csv.reader([line.replace(':', ',').replace('\t', ',')]))
  cells = [cell.strip() for cell in cells]
  numbers = [cell for cell in cells[1:] if cell.isdecimal()][:3]
  if len(numbers) < 3:
    return cells[0], None
  # More digits are more than 255, and int refuses thousands.
  red, green, blue = (min(255, int(number[:9])) for number in numbers)
  return cells[0], (red, green, blue)


def table(
  codes: Sequence[Code],
  palette: Mapping[int, tuple[int, int, int]],
  given: Given | None,
) -> ClassTable:
  """Returns a table with a class for each code, with given or made-up names.

  Args:
    codes: values in ascending order, or colours.
    palette: colour of values, if the files have one.
    given: names, without colours.

  Raises:
    InputError: the number of names is not that of the classes.
  """
  codes = ordered(codes, given)
  values = [code for code in codes if isinstance(code, int)]
  if given:
    names = given.names
  elif values and len(values) == 2:
    names = ('background', 'foreground')
  else:
    names = tuple(_name(code) for code in codes)
  if len(names) != len(codes):
    shown = ', '.join(map(str, codes[:12]))
    raise InputError(
      f'{given.path if given else "classes"}: names {len(names)} classes, the '
      f'labels hold {len(codes)}: {shown}; give one name for each, or assign '
      'them in a .json file'
    )
  if not values:
    colours = tuple(c for c in codes if not isinstance(c, int))
  elif len({palette.get(v) for v in values} - {None}) == len(values):
    colours = tuple(palette[v] for v in values)
  else:
    colours = tuple(_colour(index) for index in range(len(values)))
  return ClassTable(names, colours)


def ordered(codes: Sequence[Code], given: Given | None) -> tuple[Code, ...]:
  """Returns the codes of classes; given names count from 0 without gaps."""
  values = [code for code in codes if isinstance(code, int)]
  if given and values and max(values) < len(given.names):
    return tuple(range(len(given.names)))
  return tuple(codes)


def _name(code: Code) -> str:
  if isinstance(code, int):
    return f'class {code}'
  return f'#{code[0]:02x}{code[1]:02x}{code[2]:02x}'


def _colour(index: int) -> tuple[int, int, int]:
  """Returns grey for the first, then well separated hues."""
  if index == 0:
    return 96, 96, 96
  hue = (0.02 + (index - 1) * _GOLDEN) % 1
  light = (0.9, 0.65)[(index - 1) // 7 % 2]
  red, green, blue = colorsys.hsv_to_rgb(hue, 0.75, light)
  return round(red * 255), round(green * 255), round(blue * 255)
