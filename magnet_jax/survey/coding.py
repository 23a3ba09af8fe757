"""From the contents of label files to a table of classes."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
import dataclasses

import numpy as np

from magnet_jax.data import classes as class_tables
from magnet_jax.files import label_codes
from magnet_jax.survey import lossy, naming
from magnet_jax.survey.findings import Finding, count
from magnet_jax.survey.label_counts import Counts
from magnet_jax.types import IGNORE, ClassTable, Code, InputError, LabelCodes

_STRAY = 1e-5
_SERIES = 64  # from here on, a few values are grey levels rather than numbers
_MOST = 254


@dataclasses.dataclass(frozen=True)
class Coding:
  """The classes of a data set.

  Attributes:
    table: the classes and what stands for them.
    findings: what was decided and what is odd.
  """

  table: ClassTable
  findings: list[Finding]

  def tally(self, counts: Counts) -> np.ndarray:
    """Returns the pixels of each class and, last, of none: int64 [C+1].

    Raises:
      InputError: the label holds something that is no class.
    """
    table = self.table
    codes = table.codes
    if codes and codes.colours:
      counts = counts.as_colours()
    elif counts.colours:
      raise InputError('holds colours, but the classes are given by values')
    if codes is None:
      negative = sorted(code for code in counts.pixels if code < 0)
      codes = _by_index(table, negative)
    known = {code for each in (*codes.classes, codes.ignored) for code in each}
    others = {
      number: pixels
      for number, pixels in counts.pixels.items()
      if label_codes.unpack(number, colours=codes.colours) not in known
    }
    if others and not codes.tolerance:
      listed = label_codes.as_counts(others, colours=codes.colours)
      raise InputError(f'holds pixels of no class: {listed}')
    numbers = np.array(list(counts.pixels), np.int64)
    weights = np.array(list(counts.pixels.values()), np.int64)
    pixels = lossy.spread(numbers, codes.colours)[None]
    label = label_codes.translate(
      pixels if codes.colours else pixels[..., 0], codes, table, ''
    )[0]
    label = np.where(label == table.ignore_label, len(table), label)
    sums = np.bincount(label, weights, len(table) + 1).astype(np.int64)
    # The rest is spread over so many codes that none of them is a class.
    sums[-1] += counts.rest
    return sums


def _by_index(table: ClassTable, ignored: Sequence[int] = ()) -> LabelCodes:
  indices = tuple((index,) for index in range(len(table)))
  return LabelCodes(indices, (table.ignore_label, *ignored))


def decide(counts: Sequence[Counts], given: naming.Given | None) -> Coding:
  """Decides what the classes are.

  Args:
    counts: of all labels.
    given: names, colours or codes given by the user.

  Raises:
    InputError: the labels do not look like classes, or do not match the names.
  """
  colours = any(each.colours for each in counts)
  findings = list(_kinds(counts)) if colours else []
  if not colours and _differ([each.palette for each in counts]):
    colours = True
    findings.append(
      Finding(
        'note',
        'palettes differ',
        'the palettes of the labels differ from file to file: their colours '
        'are used, not their indices',
      )
    )
  if colours:
    counts = [each.as_colours() for each in counts if not each.deep]
  totals: Counter[int] = Counter()
  for each in counts:
    totals.update(each.pixels)
  codes, found = lossy.areas(counts, totals, colours)
  if not codes and lossy.is_lossy(counts, totals):
    rest = sum(each.rest for each in counts)
    codes, found = lossy.peaks(totals, colours, rest)
  findings += found
  tolerance = lossy.TOLERANCE if codes else 0
  codes = codes or _exact(totals, colours)
  if given and given.table:
    table = given.table
    if not colours and not table.codes:
      findings += _ignored([code for code in codes if code < 0], totals)
  else:
    palette = {k: v for each in counts for k, v in each.palette.items()}
    table, more = _table(codes, totals, colours, palette, given)
    findings += more
  return Coding(_tolerant(table, tolerance, colours), findings)


def _kinds(counts: Sequence[Counts]) -> Iterator[Finding]:
  """Reports labels of values beside labels of colours."""
  deep = sum(each.deep for each in counts)
  plain = sum(
    not (each.colours or each.palette or each.deep) for each in counts
  )
  if plain:
    yield Finding(
      'warning',
      'kinds of labels',
      f'{count(plain, "label")} of {len(counts)} hold values and the others '
      'colours: values are read as greys, which become classes of their own',
      'save all labels as one kind',
    )
  if deep:
    yield Finding(
      'warning',
      'kinds of labels',
      f'{count(deep, "label")} of {len(counts)} hold values of more than 8 '
      'bits and the others colours: these values cannot be read as colours',
      'save all labels as one kind',
    )


def _differ(palettes: Sequence[Mapping[int, Code]]) -> bool:
  seen: dict[int, Code] = {}
  return any(
    seen.setdefault(value, colour) != colour
    for palette in palettes
    for value, colour in palette.items()
  )


def _exact(totals: Mapping[int, int], colours: bool) -> list[int]:
  if len(totals) > _MOST:
    raise InputError(
      f'labels: hold {len(totals)} different '
      f'{"colours" if colours else "values"}: must be at most {_MOST} classes; '
      'instance numbers or photographs are not class labels, map them to '
      'classes first'
    )
  return sorted(totals)


def _table(
  codes: list[int],
  totals: Mapping[int, int],
  colours: bool,
  palette: Mapping[int, tuple[int, int, int]],
  given: naming.Given | None,
) -> tuple[ClassTable, list[Finding]]:
  if colours and not given and (known := _known(codes)):
    table = class_tables.TABLES[known]
    return (
      dataclasses.replace(table, codes=label_codes.of_colours(table)),
      [
        Finding(
          'note',
          'known colours',
          f'the colours are those of the class table {known!r}, which is used',
        )
      ],
    )
  ignored = () if colours else _no_label(codes, named=given is not None)
  codes = [code for code in codes if code not in ignored]
  if colours:
    codes.sort(key=lambda code: -totals[code])
  plain = [label_codes.unpack(code, colours=colours) for code in codes]
  table = naming.table(plain, palette, given)
  classes = tuple((code,) for code in naming.ordered(plain, given))
  return dataclasses.replace(table, codes=LabelCodes(classes, ignored)), [
    *_ignored(ignored, totals),
    *_strays(codes, totals, colours),
    *_gaps([] if colours or given else codes),
  ]


def _no_label(codes: Sequence[int], *, named: bool) -> tuple[int, ...]:
  """Returns values below 0, and 255 beside others; two values are two classes.

  Args:
    codes: that occur.
    named: whether classes have names, which count from 0.
  """
  negative = [code for code in codes if code < 0]
  others = [code for code in codes if code >= 0]
  if not others or (len(others) < 2 and not named):
    return ()
  if IGNORE in others and len(others) > 2 and not _greys(others):
    negative.append(IGNORE)
  return tuple(negative)


def _ignored(
  values: Sequence[int], totals: Mapping[int, int]
) -> Iterator[Finding]:
  if values:
    share = sum(totals[value] for value in values) / sum(totals.values())
    yield Finding(
      'note',
      'ignored',
      f'pixels of {", ".join(map(str, values))} ({share:.2%} of all) count as '
      '"no label"',
      'if that is a class, move it from "ignored" to "classes" in classes.json',
    )


def _greys(codes: Sequence[int]) -> bool:
  """Tells whether values are grey levels such as 0, 128, 255, 255 included."""
  others = [code for code in codes if code != IGNORE]
  return _SERIES <= max(others) < IGNORE and max(others) > 16 * len(others)


def _known(codes: Sequence[int]) -> str:
  """Returns the table that has all of the colours, three at least, or ''."""
  found = {label_codes.unpack(code, colours=True) for code in codes}
  for name, table in class_tables.TABLES.items():
    if len(found) >= 3 and found <= {*table.colours, (0, 0, 0)}:
      return name
  return ''


def _strays(
  codes: Sequence[int], totals: Mapping[int, int], colours: bool
) -> Iterator[Finding]:
  whole = sum(totals.values())
  rare = {c: totals[c] for c in codes if totals[c] < _STRAY * whole}
  if rare:
    yield Finding(
      'warning',
      'stray labels',
      'classes with hardly any pixels: '
      f'{label_codes.as_counts(rare, colours=colours)}; probably slips of the '
      'brush',
      'move them to "ignored" in classes.json, or correct the labels',
    )


def _gaps(codes: Sequence[int]) -> Iterator[Finding]:
  """Reports values that never occur between those that do."""
  last = max(codes, default=0)
  missing = sorted(set(range(last)) - set(codes))
  if missing and min(codes) >= 0 and last < 2 * len(codes):
    yield Finding(
      'warning',
      'class never occurs',
      f'0..{last} look like one series, but no label holds '
      f'{", ".join(map(str, missing))}: not classes here',
      'label images that show them, or leave it as it is',
    )


def _tolerant(table: ClassTable, tolerance: int, colours: bool) -> ClassTable:
  codes = table.codes
  if codes is None and colours:
    codes = label_codes.of_colours(table)
  if codes is None and tolerance:
    codes = _by_index(table)
  if codes and tolerance:
    tolerance = max(tolerance, codes.tolerance)
    codes = dataclasses.replace(codes, tolerance=tolerance)
  return dataclasses.replace(table, codes=codes)
