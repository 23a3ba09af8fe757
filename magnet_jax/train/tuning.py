"""Chooses K by scores on labelled images, after the training."""

from collections.abc import Mapping, Sequence
import dataclasses
import functools
import pathlib

from magnet_jax import parallel
from magnet_jax.evaluate import summary, tables
from magnet_jax.evaluate.comparison import Comparison, Load
from magnet_jax.evaluate.record import Record
from magnet_jax.methods import magnet
from magnet_jax.methods.method import Method
from magnet_jax.predict.model import Model
from magnet_jax.report import curves
from magnet_jax.report.curves import Curve
from magnet_jax.report.shown import Picture
from magnet_jax.types import InputError

PICTURE = 'points.png'
_SCORES = {'miou': 'mIoU', 'boundary_iou': 'boundary IoU'}


@dataclasses.dataclass(frozen=True)
class Tuned:
  """The measurements.

  Attributes:
    best: the K with the highest mean IoU; the smallest of equal ones.
    points: all candidates by name, ascending.
    found: records, one per image and K, with the candidate's name as method.
    errors: one line for each image that could not be read.
  """

  best: float
  points: Mapping[str, float]
  found: Sequence[Record]
  errors: Sequence[str]


def tune(
  model: Model,
  loads: Sequence[Load],
  points: Sequence[float],
  *,
  folder: pathlib.Path | None,
  settings: Mapping[str, object],
) -> Tuned:
  """Segments labelled images with each K.

  Args:
    model: the networks; its other settings stay as they are.
    loads: each reads one image.
    points: the candidates, fractions of the pixels in [0, 1].
    folder: keeps the records, from which an interrupted run resumes, and a
      curve of them; None keeps nothing.
    settings: of the records; a folder holds records of one kind.

  Raises:
    InputError: no candidate, one out of range, a model without a refiner, a
      folder with other settings, or no image that can be scored.
  """
  by_name = _by_name(points)
  refine = {**model.settings['refine'], 'points': max(by_name.values())}
  model = dataclasses.replace(
    model, settings={**model.settings, 'refine': refine}
  )
  run = Comparison(_methods(model, by_name), model.classes, folder, settings)
  found, errors = run.run_with_bar(loads, 'points K')
  # A folder may hold records of other candidates as well.
  found = [record for record in found if record['method'] in by_name]
  if not found:
    raise InputError(
      f'tune: {len(loads)} images, {len(errors)} of them bad: K is chosen on '
      f'at least one labelled image; {errors[0] if errors else "name some"}'
    )
  scores = _mean(found, 'miou')
  # `max` takes the first of equals; NaN, without any class, is below all.
  best = max(by_name, key=lambda k: (scores[k] >= 0, scores[k]))
  result = Tuned(by_name[best], by_name, found, errors)
  if folder and parallel.is_main():
    picture(result).write(folder / PICTURE)
  return result


def _by_name(points: Sequence[float]) -> dict[str, float]:
  """The candidates by their names, each once, ascending."""
  for k in points:
    if not 0 <= k <= 1:
      raise InputError(
        f'tune: points {k}: must be a fraction of the pixels in [0, 1], such '
        'as 0.25'
      )
  if not points:
    raise InputError(
      'tune: no candidate for K: needs one at least, such as 0.05 or 0.9'
    )
  return {f'K {k:g}': float(k) for k in sorted(points)}


def _methods(model: Model, points: Mapping[str, float]) -> dict[str, Method]:
  """The full cascade with each K; the steps are compiled once for all."""
  cascade = model.cascade()
  if model.pipeline != 'aligned' or not model.refiners:
    raise InputError(
      'tune: needs the aligned pipeline and a refiner, which K belongs to; '
      'train one, or compare some K with magnet-jax evaluate --points=K'
    )
  warm_up = functools.partial(magnet.warm_up, model)
  return {
    name: Method(magnet.with_cascade(model, cascade.with_points(k)), warm_up)
    for name, k in points.items()
  }


def _mean(found: Sequence[Record], key: str) -> dict[str, float]:
  """A score of each K: the mean over images."""
  return {row.method: getattr(row, key) for row in summary.summarise(found)}


def text(tuned: Tuned) -> str:
  """Returns a table for the terminal, and the best K with its lead."""
  best = next(name for name, k in tuned.points.items() if k == tuned.best)
  rows = [['', 'mIoU %', f'{best} minus this', 'boundary IoU %']]
  scores = {key: _mean(tuned.found, key) for key in _SCORES}
  for name in tuned.points:
    difference = ''
    if name != best:
      difference = tables.difference_text(
        summary.paired_difference(tuned.found, best, name)
      )
    miou, edges = (tables.percent(scores[key][name]) for key in _SCORES)
    rows.append([name, miou, difference, edges])
  return '\n'.join([*tables.aligned(rows), f'best mIoU: {best}'])


def picture(tuned: Tuned) -> Picture:
  """Returns a chart of the scores against K, one curve per score."""
  scores = {key: _mean(tuned.found, key) for key in _SCORES}
  across = tuple(tuned.points.values())
  series = [
    Curve(
      words, across, tuple(100 * scores[key][name] for name in tuned.points)
    )
    for key, words in _SCORES.items()
  ]
  return curves.curves(
    series, x='K, share of the pixels of a window', y='IoU %', start=0
  )
