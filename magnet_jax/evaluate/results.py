"""What a comparison of methods shows: tables, figures and paired gains."""

from collections.abc import Sequence

from magnet_jax.evaluate import by_class, figures, summary, tables
from magnet_jax.evaluate.record import Record
from magnet_jax.evaluate.summary import Difference
from magnet_jax.files import records
from magnet_jax.types import ClassTable, InputError

SCORES = {'miou': 'mIoU', 'boundary_iou': 'boundary IoU'}


def differences(
  found: Sequence[Record], reference: str, order: Sequence[str] = ()
) -> dict[str, Difference]:
  """Computes a method's paired gains over each other one.

  Args:
    found: one record per image and method.
    reference: the method whose scores count positive.
    order: methods that come first; others follow in order of appearance.

  Returns:
    Paired differences of the mean IoU and the boundary IoU, by what they
    compare ('magnet - patch, mIoU'); empty without the reference.
  """
  present = list(summary.by_method(found, order))
  result: dict[str, Difference] = {}
  for key, words in SCORES.items():
    for other in present if reference in present else ():
      if other == reference:
        continue
      try:
        difference = summary.paired_difference(found, reference, other, key)
      except InputError:  # no image has both, as in an interrupted run
        continue
      result[f'{reference} - {other}, {words}'] = difference
  return result


def as_json(
  found: Sequence[Record],
  classes: ClassTable,
  reference: str,
  order: Sequence[str] = (),
) -> dict[str, object]:
  """Returns rows of all methods, further figures and paired differences.

  Args:
    found: one record per image and method.
    classes: of the labels.
    reference: the method that each other one is compared with.
    order: methods that come first; others follow in order of appearance.
  """
  rows = summary.summarise(found, unscored=classes.unscored, order=order)
  more = figures.of_records(found, classes, order)
  return {
    **tables.json_rows(rows),
    'reference': reference,
    'figures': records.to_json(more),
    'never_predicted': by_class.never_predicted(found, classes, order),
    'differences': {
      name: difference._asdict()
      for name, difference in differences(found, reference, order).items()
    },
  }


def as_text(
  found: Sequence[Record],
  classes: ClassTable,
  reference: str,
  order: Sequence[str] = (),
  *,
  every: bool = False,
) -> str:
  """Returns the tables for the terminal: of all classes, and of each.

  Args:
    found: as for `as_json`, with classes, reference and order.
    classes: as found.
    reference: as found.
    order: as found.
    every: adds what benchmarks report.
  """
  rows = summary.summarise(found, unscored=classes.unscored, order=order)
  parts = [tables.table_text(rows, differences(found, reference, order))]
  if len(classes) > 1:
    parts.append(by_class.text(found, classes, order))
  if every:
    more = figures.of_records(found, classes, order)
    parts.append(tables.figures_text(more))
  return '\n\n'.join(filter(None, parts))
