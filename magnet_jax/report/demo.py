"""The demonstration: an unseen generated scene, four methods, a page."""

from __future__ import annotations

from collections.abc import Callable
import pathlib
from typing import Any

from magnet_jax.data import class_files
from magnet_jax.evaluate import measuring, methods
from magnet_jax.evaluate.compiles import CompileCounter
from magnet_jax.files import atomic, images, records
from magnet_jax.predict import gallery, panel
from magnet_jax.predict.model import Model
from magnet_jax.report import overview, runs, views
from magnet_jax.scenes import generator
from magnet_jax.types import InputError, Size

Record = dict[str, Any]
Notify = Callable[[str], None]

STEPS = 7  # how often `run` notifies
_INTRODUCTION = (
  'A generated aerial scene that the networks have not seen, segmented by four '
  'methods with one segmenter, and compared with the exact labels.'
)


def run(
  model: Model,
  size: Size,
  seed: int,
  folder: pathlib.Path,
  notify: Notify = lambda text: None,
) -> tuple[list[Record], float]:
  """Makes the scene, measures all methods on it and writes what to look at.

  Writes scene.png, truth.png, a label PNG a method, panel.png,
  report.html and what it is made of.

  Args:
    model: trained for generated scenes.
    size: (height, width) of the scene.
    seed: of the scene.
    folder: made if missing.
    notify: is told STEPS times what comes next.

  Returns:
    A record a method, and the seconds of compiling, which no record counts.

  Raises:
    InputError: if the model has other classes than the scenes.
  """
  if model.classes.names != generator.CLASSES.names:
    raise InputError(
      f'model of the classes {", ".join(model.classes.names)}: the demo needs '
      f'those of generated scenes, {", ".join(generator.CLASSES.names)}; use '
      'magnet-jax segment for other images'
    )
  atomic.prepare_folder(folder)
  notify('making the scene')
  sample = generator.generate(seed, size)
  images.write_image(folder / 'scene.png', sample.image)
  assert sample.label is not None
  images.write_label(folder / 'truth.png', sample.label, model.classes)
  notify('compiling')
  with CompileCounter() as compiles:
    chosen = methods.make(model)
    methods.warm_up(model, size)
  found = []
  for name, method in chosen.items():
    notify(name)
    record, label = measuring.measure(sample, method, model.classes)
    found.append(records.to_json(record))
    images.write_label(folder / f'{name}.png', label, model.classes)
  notify('drawing')
  columns = gallery.views(model, model.cascade(), sample.image)
  picture = panel.panel(
    sample.image, columns, model.classes, truth=sample.label
  )
  images.write_image(folder / 'panel.png', picture)
  settings = {
    'scene': sample.name,
    'height x width': f'{size[0]} x {size[1]}',
    'compiling, not counted': f'{compiles.seconds:.1f} s',
    'classes': class_files.to_json(model.classes),
  }
  records.write(folder / 'records.jsonl', found)
  records.write_json(folder / 'settings.json', settings)
  views.clear(folder)
  views.write(folder, 0, sample, columns)
  overview.write(
    runs.find([folder]),
    folder / 'report.html',
    'magnet-jax demo',
    _INTRODUCTION,
  )
  return found, compiles.seconds
