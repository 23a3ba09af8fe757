"""Scores every way of running a model on labelled images."""

import collections
from collections.abc import Callable, Mapping, Sequence
from concurrent import futures
import dataclasses
import functools
import os
import pathlib
import time

import numpy as np

from magnet_jax import outside
from magnet_jax.cascade import settings as cascade_settings
from magnet_jax.cascade.cascade import Cascade, StageResult
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
from magnet_jax.ops import resize, windows
from magnet_jax.predict.model import Model
from magnet_jax.tuning.candidates import Candidates
from magnet_jax.tuning.stage_maps import Outcome, StageMaps, running_mean
from magnet_jax.types import ClassTable, InputError, Sample, Stage


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
  # The map before the filter is on the way to that after it.
  ways = tried.by_name
  run = {
    name: method_of(model.with_way(ways[tried.pairs[name]]))
    for name in tried.refined
  }
  errors = []
  for index, load in enumerate(loads):
    have = kept.methods_of(index)
    missing = [
      name
      for name, filtered in tried.pairs.items()
      if not {name, filtered} <= have
    ]
    if missing:
      try:
        sample = load()
        if sample.label is None:
          raise InputError(f'{sample.name}: has no label to tune with')
      except InputError as error:
        outside.told(error)
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
  """Measures ways on one image, without and with the filter."""
  maps = StageMaps(cascade, sample.image)
  size = (sample.image.shape[0], sample.image.shape[1])
  found = []
  means = []
  for name in wanted:
    if name in run:
      run[name].warm_up(size)
      before = _Before()
      filtered = tried.pairs[name]
      record, _ = measuring.measure(
        sample, filtered, run[name], model.classes, before
      )
      found += [record, before.record(record, name, sample, model.classes)]
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
    radius = tried.by_name[tried.pairs[name]].refine['filter_radius']
    maps.filter_seconds(radius)  # without other work beside it
    means.append((name, plan, options, radius))

  def measured(
    way: tuple[str, Sequence[Stage], Options, int],
  ) -> list[Record]:
    name, plan, options, radius = way
    outcome = running_mean(maps, plan, options)
    return [
      _record(name, sample, outcome, model.classes),
      _record(
        tried.pairs[name], sample, maps.filtered(outcome, radius), model.classes
      ),
    ]

  with futures.ThreadPoolExecutor(os.cpu_count()) as threads:
    for both in threads.map(measured, means):
      found += both
  return found


def _record(
  name: str, sample: Sample, outcome: Outcome, classes: ClassTable
) -> Record:
  """Scores what a way makes of an image."""
  assert sample.label is not None
  return {
    'image': sample.name,
    'method': name,
    'height': sample.image.shape[0],
    'width': sample.image.shape[1],
    'seconds': outcome.seconds,
    'windows': outcome.windows,
    **measuring.overlap_scores(
      sample.label, predict(outcome.probabilities), classes
    ),
  }


class _Before:
  """Watches a run, and keeps the last stage before the filter."""

  def __init__(self) -> None:
    self._start = time.perf_counter()
    self._seconds = 0.0
    self._found: np.ndarray | None = None

  def __call__(self, result: StageResult) -> None:
    """Keeps a stage's map, which the stages after it do not change."""
    if not result.stage.filtered:
      self._found = result.probabilities
      self._seconds = time.perf_counter() - self._start

  def record(
    self, filtered: Record, name: str, sample: Sample, classes: ClassTable
  ) -> Record:
    """Returns the record of the way without the filter."""
    assert self._found is not None
    outcome = Outcome(
      resize.probabilities(self._found, sample.image.shape[:2]),
      self._seconds,
      filtered['windows'] or 0,
    )
    return _record(name, sample, outcome, classes)


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
