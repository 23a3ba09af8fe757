"""Runs the demonstration: an unseen generated scene, all methods, a page."""

from __future__ import annotations

from collections.abc import Callable
import pathlib

from magnet_jax.cascade.cascade import StageResult
from magnet_jax.data import class_files
from magnet_jax.evaluate import measuring
from magnet_jax.evaluate.compiles import CompileCounter
from magnet_jax.evaluate.record import Record
from magnet_jax.files import atomic, images, records
from magnet_jax.methods import method as methods
from magnet_jax.methods import table
from magnet_jax.predict.model import Model
from magnet_jax.report import overview, runs
from magnet_jax.report.evaluation import Pictures
from magnet_jax.scenes import generator
from magnet_jax.types import InputError, Sample, Size

Notify = Callable[[str], None]

_INTRODUCTION = (
  'A generated aerial scene that the networks have not seen, segmented by '
  'several methods with one segmenter, and compared with the exact labels.'
)


def steps(model: Model) -> int:
  """Returns how often `run` notifies."""
  return 3 + len(table.usual(model))


def run(
  model: Model,
  size: Size,
  seed: int,
  folder: pathlib.Path,
  notify: Notify = lambda text: None,
) -> tuple[list[Record], float]:
  """Makes the scene, measures all methods on it and writes the report.

  Writes scene.png, truth.png, a label PNG per method, panel.png,
  report.html and the files that it is made from.

  Args:
    model: trained on generated scenes.
    size: (height, width) of the scene.
    seed: of the scene.
    folder: made if missing.
    notify: progress callback, called `steps` times with what comes next.

  Returns:
    One record per method, and the seconds of compiling, which no record counts.

  Raises:
    InputError: the model has other classes than the scenes.
  """
  if model.classes.names != generator.CLASSES.names:
    raise InputError(
      f'model of the classes {", ".join(model.classes.names)}: the demo needs '
      f'those of generated scenes, {", ".join(generator.CLASSES.names)}; use '
      'magnet-jax segment for other images'
    )
  atomic.prepare_folder(folder)
  notify('making the scene')
  sample = _scene(seed, size, folder)
  notify('compiling')
  with CompileCounter() as compiles:
    chosen = table.make(model)
    methods.warm_up(chosen.values(), size)
  pictures = Pictures(
    folder, model.classes, 0, table.reference([*chosen]), 'panel.png'
  )
  pictures.clear_further()
  found = []
  for name, method in chosen.items():
    notify(name)
    results: list[StageResult] = []
    record, label = measuring.measure(
      sample, name, method, model.classes, results.append
    )
    found.append(record)
    images.write_label(folder / f'{name}.png', label, model.classes)
    pictures.add(0, sample, name, results)
  notify('drawing')
  settings = {
    'scene': sample.name,
    'height x width': f'{size[0]} x {size[1]}',
    'compiling, not counted': f'{compiles.seconds:.1f} s',
    'classes': class_files.to_json(model.classes),
  }
  records.write(folder / 'records.jsonl', found)
  records.write_json(folder / 'settings.json', settings)
  page = folder / 'report.html'
  overview.write(runs.find([folder]), page, 'magnet-jax demo', _INTRODUCTION)
  return found, compiles.seconds


def _scene(seed: int, size: Size, folder: pathlib.Path) -> Sample:
  """Makes a scene, and writes its image and its label."""
  sample = generator.generate(seed, size)
  images.write_image(folder / 'scene.png', sample.image)
  assert sample.label is not None
  images.write_label(folder / 'truth.png', sample.label, generator.CLASSES)
  return sample
