"""Chooses how a trained model is run, by scores on labelled images."""

from collections.abc import Callable, Mapping, Sequence
import functools
import pathlib

from magnet_jax import parallel
from magnet_jax.evaluate.comparison import Comparison, Load, counting_bar
from magnet_jax.evaluate.record import Record
from magnet_jax.predict.model import Model
from magnet_jax.predict.way import Way
from magnet_jax.tuning import (
  candidates,
  choice,
  class_fit,
  fit_ways,
  search,
  shown,
)
from magnet_jax.tuning.candidates import Candidates
from magnet_jax.tuning.tuned import TRAINED, Numbers, Tuned
from magnet_jax.types import InputError

PICTURE = 'tune.png'


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
  numbers, verified = _with_numbers(
    model,
    plain,
    names,
    _numbers(model, names, tried, loads),
    functools.partial(_verify, model, loads, folder, settings),
  )
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
    shown.picture(result).write(folder / PICTURE)
  return result


def _with_numbers(
  model: Model,
  plain: Mapping[str, Way],
  names: Mapping[str, str],
  fitted: Mapping[str, Numbers],
  verify: Callable[[Mapping[str, Way]], list[Record]],
) -> tuple[dict[str, Numbers], list[Record]]:
  """Runs the chosen ways with and without numbers of the classes.

  The numbers are fitted before the filter, which may do what they would have
  done: so the runs decide.

  Args:
    model: the networks.
    plain: the chosen ways without numbers, by budget.
    names: their candidates, by budget.
    fitted: their numbers, by budget.
    verify: runs ways, by their labels.

  Returns:
    Those numbers that help, else none, by budget; and the records of all runs.
  """
  none = class_fit.none(len(model.classes))
  nothing = Numbers(none, none)
  verified = verify(
    {
      fit.label(names[budget]): fit.of(plain[budget])
      for budget, own in fitted.items()
      for fit in (own, nothing)
    }
  )
  runs = search.rows_of(verified, model)
  better = {
    budget: max(
      (nothing, own), key=lambda fit: choice.score(runs[fit.label(name)])
    )
    for (budget, name), own in zip(names.items(), fitted.values(), strict=True)
  }
  return better, verified


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
  loads: Sequence[Load],
  folder: pathlib.Path | None,
  settings: Mapping[str, object],
  chosen: Mapping[str, Way],
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
