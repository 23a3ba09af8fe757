"""From what label files hold to a table of classes."""

from collections.abc import Mapping, Sequence
import dataclasses

import numpy as np

from magnet_jax.data import classes as class_tables
from magnet_jax.files import label_codes
from magnet_jax.survey import lossy, naming
from magnet_jax.survey.findings import Finding, count
from magnet_jax.survey.label_counts import Counts
from magnet_jax.types import IGNORE, ClassTable, Code, InputError, LabelCodes

_STRAY = 1e-5
_SERIES = 64  # from here on, few values are greys rather than numbers


@dataclasses.dataclass(frozen=True)
class Coding:
  """The classes of a data set.

  Attributes:
    table: the classes and what stands for them.
    findings: what was decided and what is odd.
  """

  table: ClassTable
  findings: list[Finding]

  def tally(self, counts: Sequence[Counts]) -> np.ndarray:
    """int64 [labels,C+1]: pixels of each class, the last column ignored.

    Raises:
      InputError: a label holds what is no class.
    """
    return np.stack([_tally(each, self.table) for each in counts])


def decide(counts: Sequence[Counts], given: naming.Given | None) -> Coding:
  """Decides what the classes are.

  Args:
    counts: of all labels.
    given: names, colours or codes that the person gave.

  Raises:
    InputError: the labels do not look like classes, or do not fit the names.
  """
  findings: list[Finding] = []
  colours = any(each.colours for each in counts)
  plain = [each for each in counts if not each.colours and not each.palette]
  if colours and plain:
    findings.append(
      Finding(
        'warning',
        'kinds of labels',
        f'{count(len(plain), "label")} of {len(counts)} hold values and the '
        'others colours: values are read as greys, which become classes of '
        'their own',
        'save all labels as one kind',
      )
    )
  if not colours and _differ([each.palette for each in counts]):
    colours = True
    findings.append(
      Finding(
        'note',
        'palettes differ',
        'the palettes of the labels differ from file '
        'to file: their colours are taken, not their indices',
      )
    )
  if colours:
    counts = [each.as_colours() for each in counts]
  totals = _totals(counts)
  tolerance = 0
  codes, found = lossy.areas(counts, totals, colours)
  if not codes and lossy.is_lossy(counts, totals):
    codes, found = lossy.peaks(
      totals, colours, sum(each.rest for each in counts)
    )
  findings += found
  if codes:
    tolerance = lossy.TOLERANCE
  else:
    codes = sorted(totals)
    _check(codes, colours)
  if given and given.table:
    if not colours and not given.table.codes:
      findings += _ignored([code for code in codes if code < 0], totals)
    return Coding(_tolerant(given.table, tolerance, colours), findings)
  palette = {k: v for each in counts for k, v in each.palette.items()}
  table, more = _table(codes, totals, colours, palette, given)
  return Coding(_tolerant(table, tolerance, colours), findings + more)


def _differ(palettes: Sequence[Mapping[int, Code]]) -> bool:
  seen: dict[int, Code] = {}
  for palette in palettes:
    for value, colour in palette.items():
      if seen.setdefault(value, colour) != colour:
        return True
  return False


def _totals(counts: Sequence[Counts]) -> dict[int, int]:
  totals: dict[int, int] = {}
  for each in counts:
    for code, number in each.pixels.items():
      totals[code] = totals.get(code, 0) + number
  return totals


def _check(codes: Sequence[int], colours: bool) -> None:
  if len(codes) > 254:
    raise InputError(
      f'labels: hold {len(codes)} different '
      f'{"colours" if colours else "values"}: must be at most 254 classes; '
      'instance numbers or photographs are no labels of classes, map them to '
      'classes first'
    )


def _table(
  codes: list[int],
  totals: Mapping[int, int],
  colours: bool,
  palette: Mapping[int, tuple[int, int, int]],
  given: naming.Given | None,
) -> tuple[ClassTable, list[Finding]]:
  findings = []
  ignored: tuple[Code, ...] = ()
  if colours:
    known = None if given else _known(codes)
    if known:
      name, table = known
      text = f'the colours are those of the class table {name!r}, which is used'
      return (
        dataclasses.replace(table, codes=label_codes.of_colours(table)),
        [Finding('note', 'known colours', text)],
      )
    codes = sorted(codes, key=lambda code: -totals[code])
  else:
    ignored = _no_label(codes, named=given is not None)
    codes = [code for code in codes if code not in ignored]
    findings += _ignored(ignored, totals)
  plain = [label_codes.unpack(code, colours=colours) for code in codes]
  table = naming.table(plain, palette, given)
  return (
    dataclasses.replace(
      table,
      codes=LabelCodes(
        tuple((c,) for c in naming.ordered(plain, given)), ignored
      ),
    ),
    findings + _strays(codes, totals, colours) + _gaps(codes, colours, given),
  )


def _no_label(codes: Sequence[int], *, named: bool) -> tuple[int, ...]:
  """Values below 0, and 255 beside others; of two values both are classes.

  Args:
    codes: that occur.
    named: whether classes have names, which count from 0.
  """
  negative = [code for code in codes if code < 0]
  others = [code for code in codes if code >= 0]
  if not others or (len(others) < 2 and not named):
    return ()
  if IGNORE in others and len(others) > 2 and not _greys(others):
    return *negative, IGNORE
  return tuple(negative)


def _ignored(values: Sequence[int], totals: Mapping[int, int]) -> list[Finding]:
  if not values:
    return []
  share = sum(totals[value] for value in values) / sum(totals.values())
  return [
    Finding(
      'note',
      'ignored',
      f'the pixels of {", ".join(map(str, values))} '
      f'({share:.2%} of all) are taken as "no label"',
      'if that is a class, move it from "ignored" to "classes" in classes.json',
    )
  ]


def _greys(codes: Sequence[int]) -> bool:
  """Whether values are greys, as 0, 128, 255: then 255 is one of them."""
  others = [code for code in codes if code != IGNORE]
  return _SERIES <= max(others) < IGNORE and max(others) > 16 * len(others)


def _known(codes: Sequence[int]) -> tuple[str, ClassTable] | None:
  """A data set's own table that has all of the colours, and three of them."""
  found = {label_codes.unpack(code, colours=True) for code in codes}
  for name, table in class_tables.TABLES.items():
    if len(found) >= 3 and found <= {*table.colours, (0, 0, 0)}:
      return name, table
  return None


def _strays(
  codes: Sequence[int], totals: Mapping[int, int], colours: bool
) -> list[Finding]:
  whole = sum(totals.values())
  rare = {c: totals[c] for c in codes if totals[c] < _STRAY * whole}
  if not rare:
    return []
  return [
    Finding(
      'warning',
      'stray labels',
      f'classes with next to no pixels: '
      f'{label_codes.as_counts(rare, colours=colours)}; probably slips of the '
      'brush',
      'move them to "ignored" in classes.json, or correct the labels',
    )
  ]


def _gaps(
  codes: Sequence[int], colours: bool, given: naming.Given | None
) -> list[Finding]:
  """Values that never occur between those that do."""
  last = max(codes)
  if colours or given or min(codes) < 0 or last >= 2 * len(codes):
    return []
  missing = sorted(set(range(last)) - set(codes))
  if not missing:
    return []
  return [
    Finding(
      'warning',
      'class never occurs',
      f'the values {", ".join(map(str, missing))} never occur in any label, '
      f'though 0..{last} look like one series; they are no classes here',
      'label images that show them, or leave it so',
    )
  ]


def _tolerant(table: ClassTable, tolerance: int, colours: bool) -> ClassTable:
  codes = table.codes
  if codes is None and colours:
    codes = label_codes.of_colours(table)
  if codes is None and tolerance:
    indices = tuple((index,) for index in range(len(table)))
    codes = LabelCodes(indices, (table.ignore_label,))
  if codes and tolerance:
    codes = dataclasses.replace(
      codes, tolerance=max(tolerance, codes.tolerance)
    )
  return dataclasses.replace(table, codes=codes)


def _tally(counts: Counts, table: ClassTable) -> np.ndarray:
  codes = table.codes
  if codes and codes.colours:
    counts = counts.as_colours()
  elif counts.colours:
    raise InputError('holds colours where the classes are given by values')
  numbers = np.array(list(counts.pixels), np.int64)
  weights = np.array(list(counts.pixels.values()), np.int64)
  if codes is None:
    indices = tuple((index,) for index in range(len(table)))
    negative = sorted(code for code in counts.pixels if code < 0)
    codes = LabelCodes(indices, (table.ignore_label, *negative))
  known = {code for each in (*codes.classes, codes.ignored) for code in each}
  others = {
    number: pixels
    for number, pixels in counts.pixels.items()
    if label_codes.unpack(number, colours=codes.colours) not in known
  }
  if others and not codes.tolerance:
    listed = label_codes.as_counts(others, colours=codes.colours)
    raise InputError(f'holds what is no class: {listed}')
  pixels = lossy.spread(numbers, codes.colours)[None]
  label = label_codes.translate(
    pixels if codes.colours else pixels[..., 0], codes, table, ''
  )[0]
  label = np.where(label == table.ignore_label, len(table), label)
  # What one file has too many different codes of is near no class.
  sums = np.bincount(label, weights, len(table) + 1).astype(np.int64)
  sums[-1] += counts.rest
  return sums
