"""Chooses how a trained model is run, by scores on labelled images."""

from collections.abc import Mapping, Sequence
import dataclasses
import pathlib

from magnet_jax import parallel
from magnet_jax.evaluate import summary, tables
from magnet_jax.evaluate.comparison import Comparison, Load, counting_bar
from magnet_jax.evaluate.record import Record
from magnet_jax.evaluate.summary import Row
from magnet_jax.predict.model import Model
from magnet_jax.predict.way import Way
from magnet_jax.report import curves
from magnet_jax.report.curves import Curve
from magnet_jax.report.shown import Picture
from magnet_jax.tuning import (
  candidates,
  choice,
  class_fit,
  fit_ways,
  search,
)
from magnet_jax.tuning.candidates import Candidates
from magnet_jax.types import InputError, Section

PICTURE = 'tune.png'
TRAINED = 'trained'  # name of the way that a model had before it was tuned


@dataclasses.dataclass(frozen=True)
class Numbers:
  """Trends and a bias of the classes, with what they gain on other images."""

  trends: class_fit.Fitted
  bias: class_fit.Fitted

  def of(self, way: Way) -> Way:
    """Returns a way with them."""
    return way.with_numbers(self.trends.values, self.bias.values)

  def label(self, candidate: str) -> str:
    """Names a way as it is run, with the numbers that it has."""
    given = {'trends': self.trends.values, 'bias': self.bias.values}
    texts = [
      f'{name} {" ".join(f"{value:g}" for value in values)}'
      for name, values in given.items()
      if any(values)
    ]
    return ', '.join([candidate, *texts])


@dataclasses.dataclass(frozen=True)
class Tuned:
  """The choice and the measurements behind it.

  Attributes:
    trained: the settings of the training, from which every candidate starts.
    chosen: the best way of each budget and the best single scale, by name.
    names: the candidate that each of these is.
    rows: the summary of every candidate, by name.
    numbers: of the classes, for the way of each budget.
    verified: records of the chosen ways as they are run.
    images: number of images that were measured.
    errors: one line for each image that could not be read.
  """

  trained: Way
  chosen: Mapping[str, Way]
  names: Mapping[str, str]
  rows: Mapping[str, Row]
  numbers: Mapping[str, Numbers]
  verified: Sequence[Record]
  images: int
  errors: Sequence[str]

  def sections(self, budget: str = 'patch') -> dict[str, Section]:
    """Returns what is written into the model.

    Args:
      budget: whose way becomes the model's own.
    """
    ways = {name: self.chosen[name].to_json() for name in choice.BUDGETS}
    ways[TRAINED] = self.trained.to_json()
    scale = self.chosen[choice.SINGLE].plan['first']
    for way in ways.values():
      way['plan'] = {**way['plan'], 'patch_scale': scale}
    return {**ways[budget], 'ways': ways}


def tune(
  model: Model,
  loads: Sequence[Load],
  *,
  points: Sequence[float] = (),
  folder: pathlib.Path | None,
  settings: Mapping[str, object],
) -> Tuned:
  """Scores many ways of running a model and chooses the best of each budget.

  Args:
    model: the networks.
    loads: each reads one labelled image.
    points: K that are tried with a trained refiner, fractions in [0, 1].
    folder: keeps the records, from which an interrupted run resumes, and a
      chart; None keeps nothing.
    settings: of the records; a folder holds records of one kind.

  Raises:
    InputError: a K out of range, the released pipeline, a folder with other
      settings, or no image that can be scored.
  """
  if model.pipeline != 'aligned':
    raise InputError(
      'tune: the released pipeline can be run in one way only; use '
      '--pipeline=aligned'
    )
  # Not from an earlier choice: its bias would be fitted on top of itself, and
  # the refiner's candidates would run on a plan that it was not trained for.
  own = Way(model.settings['plan'], model.settings['refine'])
  trained = model.ways.get(TRAINED, own)
  model = model.with_way(trained.with_numbers())
  tried = candidates.of(model, points)
  with counting_bar(len(loads), 'tune', ' images') as done:
    found, errors = search.measure(
      model,
      loads,
      tried,
      folder=folder and folder / 'candidates',
      settings=settings,
      done=done,
    )
  if not found:
    raise InputError(
      f'tune: {len(loads)} images, {len(errors)} of them bad: the choice needs '
      f'at least one labelled image; {errors[0] if errors else "name some"}'
    )
  rows = search.rows_of(found, model)
  names = choice.choose(found, rows, tried)
  # Complete: laid over another choice, a way must not take settings from it.
  plain = {
    budget: trained.changed_by(tried.by_name[name]).with_numbers()
    for budget, name in names.items()
  }
  numbers = _numbers(model, names, tried, loads)
  none = class_fit.none(len(model.classes))
  nothing = Numbers(none, none)
  verified = _verify(
    model,
    {
      fit.label(names[budget]): fit.of(plain[budget])
      for budget, own in numbers.items()
      for fit in (own, nothing)
    },
    loads,
    folder,
    settings,
  )
  # They are fitted before the filter, which may do what they would have done.
  runs = search.rows_of(verified, model)
  numbers = {
    budget: max(
      (nothing, own), key=lambda fit: choice.score(runs[fit.label(name)])
    )
    for (budget, name), own in zip(names.items(), numbers.values(), strict=True)
  }
  result = Tuned(
    trained,
    {budget: numbers[budget].of(way) for budget, way in plain.items()},
    names,
    rows,
    numbers,
    verified,
    len({record['image'] for record in found}),
    errors,
  )
  if folder and parallel.is_main():
    picture(result).write(folder / PICTURE)
  return result


def _numbers(
  model: Model,
  names: Mapping[str, str],
  tried: Candidates,
  loads: Sequence[Load],
) -> dict[str, Numbers]:
  """Fits trends and a bias for the way of each budget.

  Trends, which only a mean has, are fitted after the choice: what they win on
  few images of val carries over less than what a gate does.
  """
  ways = {name: tried.by_name[name] for name in {*names.values()}}
  about = len(model.classes), model.classes.unscored
  fits = {}
  for name, drawn in fit_ways.draw(model, ways, loads).items():
    trends = class_fit.fit_trends(drawn, *about)
    bias = class_fit.fit_bias(drawn, trends.values, *about)
    fits[name] = Numbers(trends, bias)
  return {budget: fits[name] for budget, name in names.items()}


def _verify(
  model: Model,
  chosen: Mapping[str, Way],
  loads: Sequence[Load],
  folder: pathlib.Path | None,
  settings: Mapping[str, object],
) -> list[Record]:
  """Runs the chosen ways, by their labels, as `segment` would."""
  methods = {
    label: search.method_of(model.with_way(way))
    for label, way in chosen.items()
  }
  run = Comparison(
    methods, model.classes, folder and folder / 'chosen', settings
  )
  found, _ = run.run_with_bar(loads, 'chosen ways')
  # An earlier run may have chosen other ways.
  return [record for record in found if record['method'] in methods]


def text(tuned: Tuned) -> str:
  """Returns the choice as a table and sentences for the terminal."""
  measured = {row.method: row for row in summary.summarise(tuned.verified)}
  heads = 'way,mIoU %,mIoU pooled %,boundary IoU %,windows,seconds'
  cells = [['budget', *heads.split(',')]]
  for name, candidate in tuned.names.items():
    row = measured[tuned.numbers[name].label(candidate)]
    cells.append(
      [
        name,
        candidate,
        tables.percent(row.miou),
        tables.percent(row.miou_pooled),
        tables.percent(row.boundary_iou),
        tables.amount(row.windows),
        tables.amount(row.seconds),
      ]
    )
  lines = tables.aligned(cells, words=2)
  fits = {
    f'{kind} of {name}': fit
    for name, numbers in tuned.numbers.items()
    for kind, fit in (('trends', numbers.trends), ('bias', numbers.bias))
  }
  for name, fit in fits.items():
    if any(fit.values):
      words = ', '.join(f'{value:+.2g}' for value in fit.values)
      lines.append(
        f'class {name}: {words}; {100 * fit.gain:+.2f} points (mean of IoU and '
        'IoU near outlines) on images left out of the fit'
      )
  if tuned.images < choice.FEW:
    lines.append(
      f'{tuned.images} image(s): too few to rely on; this choice is little '
      'more than a guess'
    )
  return '\n'.join(lines)


def picture(tuned: Tuned) -> Picture:
  """Returns a chart of the scores of all ways against their seconds.

  The ways of the budgets bear their names, without trends and bias.
  """
  budgets = {tuned.names[name]: name for name in choice.BUDGETS}
  budgets.setdefault(candidates.PATCH, 'patch alone')
  best = [tuned.rows[name] for name in choice.frontier(tuned.rows)]
  others = [r for r in tuned.rows.values() if r not in best]
  series = [
    Curve(
      words,
      tuple(row.seconds for row in rows),
      tuple(100 * choice.score(row) for row in rows),
      tuple(budgets.get(row.method, '') for row in rows),
      joined=rows is best,
    )
    for words, rows in (('best for their cost', best), ('others', others))
    if rows
  ]
  return curves.curves(
    series,
    x='seconds per image',
    y='mean of pooled mIoU and boundary IoU %',
    start=0,
  )
