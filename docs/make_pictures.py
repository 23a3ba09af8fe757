"""Makes the pictures of method.md: python docs/make_pictures.py RUN

They show a model with MagNet's refiner on a generated scene that it has not
seen; experiments/scenes/with_refiner.py trains it.
"""

import itertools
import pathlib
import sys

import cv2
import jax
import numpy as np
from PIL import Image

import magnet_jax
from magnet_jax.cascade import refine_step, stage_windows
from magnet_jax.cascade.cascade import StageResult
from magnet_jax.cascade.labels import predict
from magnet_jax.cascade.workspace import InMemory
from magnet_jax.ops import area, selection, windows
from magnet_jax.ops.uncertainty import uncertainty
from magnet_jax.predict import panel, panel_cells, pictures, thumbnails
from magnet_jax.predict.model import Model
from magnet_jax.report import style
from magnet_jax.types import ClassTable, Sample

FOLDER = pathlib.Path(__file__).parent / 'pictures'
SEED = 12
SIDE = 2448
POINTS = 0.2  # K of the picture of one window
THRESHOLD = 0.3  # of the picture of few windows
CELL = 280
DETAIL = 200  # pixels of the picture of the filter


def main(run: str) -> None:
  """Writes all pictures."""
  FOLDER.mkdir(exist_ok=True)
  model = magnet_jax.load_model(run)
  sample = magnet_jax.generate_scene(SEED, (SIDE, SIDE))
  plan = model.plan((SIDE, SIDE))
  every = list(model.cascade().stages(sample.image, plan))
  few = list(
    model.cascade(min_uncertainty=THRESHOLD).stages(sample.image, plan)
  )
  _save('stages', _stages(model, sample, every))
  _save('window', _one_window(model, sample, every[1], every[2]))
  _save('windows', _fewer_windows(model, few))
  _save('blending', _blending())
  _save('filter', _filtered(magnet_jax.load_model('scenes'), sample))


def _save(name: str, picture: np.ndarray) -> None:
  path = FOLDER / f'{name}.jpg'
  Image.fromarray(picture).save(
    path, quality=76, optimize=True, progressive=True
  )
  print(
    f'{path}: {picture.shape[1]}x{picture.shape[0]}, '
    f'{path.stat().st_size // 1000} kB'
  )


def _stages(
  model: Model, sample: Sample, results: list[StageResult]
) -> np.ndarray:
  """Segmentation, uncertainty and chosen points of every stage."""
  views = [
    panel.StageView(
      thumbnails.title(result.stage),
      predict(result.probabilities),
      uncertainty(result.probabilities),
      result.chosen,
    )
    for result in results
  ]
  return panel.panel(
    sample.image, views, model.classes, truth=sample.label, cell=CELL
  )


def _one_window(
  model: Model, sample: Sample, before: StageResult, after: StageResult
) -> np.ndarray:
  """Steps 1 to 5 of the method in one window."""
  stage, network = after.stage, model.network
  image = area.shrink(sample.image, stage.size)
  number = _busiest(sample, before, after)
  arrays = stage_windows.arrays(
    InMemory(image), InMemory(before.probabilities), stage.grid, number, network
  )
  found = jax.jit(refine_step.candidates, static_argnames='kernel')(
    model.segmenter,
    model.refiners[0],
    kernel=model.settings['refine']['kernel'],
    **{name: value[None] for name, value in arrays.items()},
  )
  refined, y, scores = (
    np.asarray(each[0]) for each in (found.refined, found.coarse, found.scores)
  )
  scale = refine_step.segment_windows(
    model.segmenter, images=arrays['images'][None]
  )
  chosen = selection.choose_on_host(
    scores, selection.count_points(POINTS, scores.size)
  )
  result = np.where(chosen[..., None], refined, y)
  size = panel_cells.fit(network, CELL)
  shown = panel_cells.photograph(
    arrays['images'], panel_cells.whole(network), size
  )

  def paint(probabilities: np.ndarray) -> np.ndarray:
    return panel_cells.segmentation(
      predict(probabilities),
      model.classes,
      network,
      panel_cells.whole(network),
      size,
    )

  def heat(values: np.ndarray) -> np.ndarray:
    return panel_cells.uncertainty(values, size)

  rows = [
    [
      ('X, the window', shown),
      ('O, of the window alone', paint(np.asarray(scale[0]))),
      ('Y, so far', paint(y)),
      ('R, refined', paint(refined)),
      ('Y with R at the K points', paint(result)),
    ],
    [
      ('truth', _truth(model, sample, after, number, size)),
      ('uncertainty of Y', heat(uncertainty(y))),
      ('uncertainty of R', heat(uncertainty(refined))),
      ('Q, the score', heat(scores)),
      (f'the K points, {POINTS:.0%}', panel_cells.points(chosen, shown)),
    ],
  ]
  return panel.compose(rows, size, _keys(model.classes))


def _busiest(sample: Sample, before: StageResult, after: StageResult) -> int:
  """The window in which a stage puts the most pixels near edges right."""
  size = after.stage.size
  truth = _resized(sample.label, size)
  old = _resized(predict(before.probabilities), size)
  gain = (predict(after.probabilities) == truth) * 1.0 - (old == truth)
  gain *= pictures.edges(truth, 3)
  grid = after.stage.grid
  return int(windows.extract(gain, grid).sum((1, 2)).argmax())


def _resized(label: np.ndarray, size: tuple[int, int]) -> np.ndarray:
  return panel_cells.sample(
    label, label.shape, panel_cells.whole(label.shape), size
  )


def _truth(
  model: Model,
  sample: Sample,
  result: StageResult,
  number: int,
  size: tuple[int, int],
) -> np.ndarray:
  grid, ratio = result.stage.grid, SIDE / result.stage.size[0]
  top, left = grid.corners[number]
  place = (
    round(top * ratio),
    round(left * ratio),
    round(grid.window[0] * ratio),
    round(grid.window[1] * ratio),
  )
  return panel_cells.segmentation(
    sample.label, model.classes, (SIDE, SIDE), place, size
  )


def _keys(classes: ClassTable) -> ClassTable:
  """The classes, and the ends of the scale of uncertainty."""
  low, high = pictures.heat(np.array([[0.0, 1.0]]))[0].tolist()
  return ClassTable(
    (*classes.names, 'sure', 'unsure', 'point'),
    (*classes.colours, tuple(low), tuple(high), panel_cells.POINT),
  )


def _fewer_windows(model: Model, results: list[StageResult]) -> np.ndarray:
  """Uncertainty before each stage, and the windows that are refined."""
  size = (CELL + 60, CELL + 60)
  cells = []
  for before, after in itertools.pairwise(results):
    heat = panel_cells.uncertainty(uncertainty(before.probabilities), size)
    cells.append(
      (
        f'{after.stage.size[0]} x {after.stage.size[1]}: '
        f'{len(after.windows)} of {len(after.stage.grid)} windows',
        _outlined(heat, after),
      )
    )
  low, high = pictures.heat(np.array([[0.0, 1.0]]))[0].tolist()
  keys = ClassTable(
    ('sure', 'unsure', 'window', 'refined window'),
    (tuple(low), tuple(high), (110, 110, 120), (60, 220, 200)),
  )
  return panel.compose([cells], size, keys)


def _outlined(picture: np.ndarray, result: StageResult) -> np.ndarray:
  """Draws the windows, those that were refined brightly and last."""
  drawn, grid = picture.copy(), result.stage.grid
  scale = picture.shape[0] / result.stage.size[0]
  order = sorted(range(len(grid)), key=lambda n: n in result.windows)
  for number in order:
    top, left = grid.corners[number]
    first = (round(left * scale), round(top * scale))
    last = (
      round((left + grid.window[1]) * scale) - 1,
      round((top + grid.window[0]) * scale) - 1,
    )
    refined = number in result.windows
    colour = (60, 220, 200) if refined else (110, 110, 120)
    cv2.rectangle(drawn, first, last, colour, 2 if refined else 1)
  return drawn


def _filtered(model: Model, sample: Sample) -> np.ndarray:
  """A detail before and after the last filter, where it corrects most."""
  plan = model.plan((SIDE, SIDE))
  *_, before, after = model.cascade().stages(sample.image, plan)
  labels = [predict(each.probabilities) for each in (before, after)]
  gain = (labels[1] == sample.label) * 1.0 - (labels[0] == sample.label)
  box = cv2.boxFilter(gain, -1, (DETAIL, DETAIL))
  half = DETAIL // 2
  inner = box[half:-half, half:-half]
  top, left = np.unravel_index(inner.argmax(), inner.shape)
  place = (int(top), int(left), DETAIL, DETAIL)
  size = (CELL, CELL)
  named = {
    'the last windows': labels[0],
    'filtered': labels[1],
    'truth': sample.label,
  }
  cells = [('image', panel_cells.photograph(sample.image, place, size))]
  cells += [
    (
      name,
      panel_cells.segmentation(label, model.classes, (SIDE, SIDE), place, size),
    )
    for name, label in named.items()
  ]
  return panel.compose([cells], size, model.classes)


def _blending() -> np.ndarray:
  """The weights of the windows along one axis of an area."""
  length, window = 700, 306
  starts = windows.axis_starts(length, window)
  weights = windows.axis_weights(length, window, starts)
  heading = (
    f'{len(starts)} windows of {window} pixels over {length}: weights, whose '
    'sum is 1 at every pixel'
  )
  with style.sheet(length, 180) as figure:
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, length), ylim=(-0.22, 1.05))
    axes.set_title(heading)
    axes.set_yticks([0, 0.5, 1])
    axes.set_xlabel('pixels')
    for number, (start, values) in enumerate(zip(starts, weights, strict=True)):
      colour = style.colour(number)
      axes.plot(np.arange(start, start + window), values, color=colour)
      axes.hlines(
        -0.08 - 0.05 * number, start, start + window, color=colour, linewidth=3
      )
    return style.picture(figure, heading).pixels


if __name__ == '__main__':
  if len(sys.argv) != 2:
    sys.exit(__doc__)
  main(sys.argv[1])
