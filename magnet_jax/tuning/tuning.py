"""Chooses how a trained model is run, by scores on labelled images."""

from collections.abc import Mapping, Sequence
import dataclasses
import pathlib

import tqdm

from magnet_jax import parallel
from magnet_jax.evaluate import summary, tables
from magnet_jax.evaluate.comparison import Comparison, Load
from magnet_jax.evaluate.record import Record
from magnet_jax.evaluate.summary import Row
from magnet_jax.predict.model import Model
from magnet_jax.predict.way import Way
from magnet_jax.report import curves
from magnet_jax.report.curves import Curve
from magnet_jax.report.shown import Picture
from magnet_jax.tuning import candidates, class_bias, search
from magnet_jax.types import InputError, Section

PICTURE = 'tune.png'
TRAINED = 'trained'  # name of the way that a model had before it was tuned
FEW = 4  # images below which the choice is little more than a guess


@dataclasses.dataclass(frozen=True)
class Tuned:
  """The choice and the measurements behind it.

  Attributes:
    trained: the settings of the training, from which every candidate starts.
    chosen: the best way of each budget and the best single scale, by name.
    names: the candidate that each of these is.
    rows: the summary of every candidate, by name.
    bias: of the classes, and what it gains on images left out of its fit.
    verified: records of the chosen ways as they are run.
    images: number of images that were measured.
    errors: one line for each image that could not be read.
  """

  trained: Way
  chosen: Mapping[str, Way]
  names: Mapping[str, str]
  rows: Mapping[str, Row]
  bias: class_bias.Fitted
  verified: Sequence[Record]
  images: int
  errors: Sequence[str]

  def sections(self, budget: str = 'patch') -> dict[str, Section]:
    """Returns what is written into the model.

    Args:
      budget: whose way becomes the model's own.
    """
    ways = {name: self.chosen[name].to_json() for name in search.BUDGETS}
    ways[TRAINED] = self.trained.to_json()
    scale = self.chosen[search.SINGLE].plan['first']
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
  model = model.with_way(trained.with_bias(()))
  tried = candidates.of(model, points)
  with tqdm.tqdm(
    total=len(loads),
    desc='tune',
    unit=' images',
    dynamic_ncols=True,
    disable=None if parallel.is_main() else True,
  ) as bar:

    def done(text: str) -> None:
      bar.set_postfix_str(text)
      bar.update()

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
  names = search.choose(rows, tried)
  bias = _fit_bias(model, tried.by_name[names['patch']], loads)
  # Complete: laid over another choice, a way must not take settings from it.
  chosen = {
    name: trained.changed_by(tried.by_name[way]).with_bias(bias.bias)
    for name, way in names.items()
  }
  labelled = {_label(names[name], bias): chosen[name] for name in names}
  result = Tuned(
    trained,
    chosen,
    names,
    rows,
    bias,
    _verify(model, labelled, loads, folder, settings),
    len({record['image'] for record in found}),
    errors,
  )
  if folder and parallel.is_main():
    picture(result).write(folder / PICTURE)
  return result


def _fit_bias(
  model: Model, way: Way, loads: Sequence[Load]
) -> class_bias.Fitted:
  """Fits a bias to what a way finds in the images."""
  if len(loads) < class_bias.LEAST_IMAGES:
    return class_bias.none(len(model.classes))
  method = search.method_of(model.with_way(way))
  pixels = []
  for seed, load in enumerate(loads):
    try:
      sample = load()
    except InputError:
      continue
    if sample.label is not None:
      found, _ = method.segment(sample.image)
      pixels.append(
        class_bias.sample(found, sample.label, model.classes.ignore_label, seed)
      )
  return class_bias.fit(pixels, len(model.classes), model.classes.unscored)


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


def _label(candidate: str, bias: class_bias.Fitted) -> str:
  """Names a way as it is run, with the bias that it has."""
  if not any(bias.bias):
    return candidate
  return f'{candidate}, bias {" ".join(f"{b:g}" for b in bias.bias)}'


def text(tuned: Tuned) -> str:
  """Returns the choice as a table and sentences for the terminal."""
  measured = {row.method: row for row in summary.summarise(tuned.verified)}
  cells = [['budget', 'way', 'mIoU %', 'boundary IoU %', 'windows', 'seconds']]
  for name, candidate in tuned.names.items():
    row = measured[_label(candidate, tuned.bias)]
    cells.append(
      [
        name,
        candidate,
        tables.percent(row.miou),
        tables.percent(row.boundary_iou),
        tables.amount(row.windows),
        tables.amount(row.seconds),
      ]
    )
  lines = tables.aligned(cells, words=2)
  if any(tuned.bias.bias):
    words = ', '.join(f'{b:+.2g}' for b in tuned.bias.bias)
    lines.append(
      f'class bias {words}: {100 * tuned.bias.gain:+.2f} points (mean of IoU '
      'and IoU near outlines) on images left out of its fit'
    )
  if tuned.images < FEW:
    lines.append(
      f'{tuned.images} image(s): too few to rely on; this choice is little '
      'more than a guess'
    )
  return '\n'.join(lines)


def picture(tuned: Tuned) -> Picture:
  """Returns a chart of the scores of all ways against their seconds."""
  series = []
  best = [tuned.rows[name] for name in search.frontier(tuned.rows)]
  others = [r for r in tuned.rows.values() if r not in best]
  for words, rows in (('best for their cost', best), ('others', others)):
    if rows:
      series.append(
        Curve(
          words,
          tuple(row.seconds for row in rows),
          tuple(100 * search.score(row) for row in rows),
          tuple(row.method for row in rows) if rows is best else (),
        )
      )
  return curves.curves(
    series, x='seconds per image', y='mean of mIoU and boundary IoU %', start=0
  )
