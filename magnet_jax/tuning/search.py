"""Scores every way of running a model on labelled images."""

import collections
from collections.abc import Callable, Mapping, Sequence
from concurrent import futures
import dataclasses
import functools
import os
import pathlib

from magnet_jax.cascade import settings as cascade_settings
from magnet_jax.cascade.cascade import Cascade
from magnet_jax.cascade.labels import predict
from magnet_jax.cascade.options import Options
from magnet_jax.evaluate import measuring, summary
from magnet_jax.evaluate.comparison import Load
from magnet_jax.evaluate.kept_records import KeptRecords
from magnet_jax.evaluate.record import Record
from magnet_jax.evaluate.summary import Row
from magnet_jax.methods import magnet
from magnet_jax.methods import method as methods
from magnet_jax.methods.method import Method
from magnet_jax.ops import windows
from magnet_jax.predict.model import Model
from magnet_jax.tuning.candidates import Candidates
from magnet_jax.tuning.stage_maps import StageMaps, running_mean
from magnet_jax.types import InputError, Sample, Stage


def measure(
  model: Model,
  loads: Sequence[Load],
  tried: Candidates,
  *,
  folder: pathlib.Path | None,
  settings: Mapping[str, object],
  done: Callable[[str], None] = lambda text: None,
) -> tuple[list[Record], list[str]]:
  """Scores candidates on images, one after the other.

  Args:
    model: the networks.
    loads: each reads one labelled image; one that fails stops no other.
    tried: the ways.
    folder: keeps the records, from which an interrupted run resumes; None
      keeps nothing.
    settings: of the records; a folder holds records of one kind.
    done: progress callback, given the image after each.

  Returns:
    A record per image and way that all images have, with estimated seconds
    for means, and one line for each bad image.
  """
  names = tuple(tried.by_name)
  kept = KeptRecords(folder, settings, names)
  cascade = model.cascade()
  height, width = cascade_settings.window(model.settings['plan'])
  for side in (1, 2):  # alone, and in a batch
    grid = windows.make_grid((height, side * width), (height, width))
    methods.compile_windows(cascade, grid)
  run = {n: method_of(model.with_way(way)) for n, way in tried.refined.items()}
  errors = []
  for index, load in enumerate(loads):
    have = kept.methods_of(index)
    missing = [name for name in names if name not in have]
    if missing:
      try:
        sample = load()
        if sample.label is None:
          raise InputError(f'{sample.name}: has no label to tune with')
      except InputError as error:
        errors.append(str(error))
        done('')
        continue
      for record in _records(
        model, sample, tried, missing, cascade=cascade, run=run
      ):
        kept.add({**record, 'index': index})
      done(sample.name)
    else:
      done('')
  found = [r for r in kept.finish() if r['method'] in names]
  images = len({record['index'] for record in found})
  count = collections.Counter(record['method'] for record in found)
  return [r for r in found if count[r['method']] == images], errors


def _records(
  model: Model,
  sample: Sample,
  tried: Candidates,
  wanted: Sequence[str],
  *,
  cascade: Cascade,
  run: Mapping[str, Method],
) -> list[Record]:
  """Measures ways on one image."""
  maps = StageMaps(cascade, sample.image)
  size = (sample.image.shape[0], sample.image.shape[1])
  found = []
  means = []
  for name in wanted:
    if name in run:
      run[name].warm_up(size)
      record, _ = measuring.measure(sample, name, run[name], model.classes)
      found.append(record)
      continue
    strict = dataclasses.replace(
      model.with_way(tried.by_name[name]), strict=True
    )
    try:
      plan = strict.plan(size)
    except InputError:  # a scale that this image is too small for
      continue
    for stage in plan:
      if len(stage.grid):
        maps.of(stage.grid)  # computed once, before the threads ask for it
    options = cascade_settings.options(strict.settings['refine'])
    means.append((name, plan, options))

  def measured(way: tuple[str, Sequence[Stage], Options]) -> Record:
    name, plan, options = way
    outcome = running_mean(maps, plan, options)
    assert sample.label is not None
    return {
      'image': sample.name,
      'method': name,
      'height': size[0],
      'width': size[1],
      'seconds': outcome.seconds,
      'windows': outcome.windows,
      **measuring.overlap_scores(
        sample.label, predict(outcome.probabilities), model.classes
      ),
    }

  with futures.ThreadPoolExecutor(os.cpu_count()) as threads:
    found.extend(threads.map(measured, means))
  return found


def rows_of(found: Sequence[Record], model: Model) -> dict[str, Row]:
  """Returns the summary of each way, by name."""
  return {
    row.method: row
    for row in summary.summarise(found, unscored=model.classes.unscored)
  }


def method_of(model: Model) -> Method:
  """Returns the cascade with a model's settings as a method.

  It warms up once for each size, however many images have it.
  """
  method = magnet.make(model)
  return dataclasses.replace(method, warm_up=functools.cache(method.warm_up))
