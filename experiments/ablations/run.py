"""Runs all variants on the labelled images of a split; one record each.

    python experiments/ablations/run.py runs/ablations/scenes/seed0 \
      --points=0.25 --limit=6 --out=records.jsonl

The folder comes from train.sh, with a model for each refiner; missing ones are
skipped. Most variants share their windows, so the segmenter's output is kept
for each. An interrupted run resumes after the last record.
"""

import argparse
import functools
import hashlib
import pathlib
import sys
import time
from typing import Any

import jax
import numpy as np
import tqdm
import variants

from magnet_jax.cascade import settings
from magnet_jax.cascade.cascade import Cascade
from magnet_jax.cascade.host_segmenter import HostSegmenter
from magnet_jax.data import splits
from magnet_jax.evaluate import measuring
from magnet_jax.files import checkpoints, records
from magnet_jax.ops.normalise import normalise
from magnet_jax.predict import model as models
from magnet_jax.predict.model import Model
from magnet_jax.types import InputError, Meta


class Remembered:
  """A segmenter that segments each window once.

  Args:
    network: normalised images [1,h,w,3] -> logits [1,h,w,C].
  """

  def __init__(self, network: Any):
    self._run = functools.partial(
      jax.jit(lambda net, images: net(normalise(images))), network
    )
    self.known: dict[bytes, np.ndarray] = {}

  def __call__(self, images: np.ndarray) -> np.ndarray:
    key = hashlib.blake2b(images.tobytes(), digest_size=16).digest()
    if key not in self.known:
      self.known[key] = np.asarray(self._run(images), np.float32)
    return self.known[key]


def load(folder: pathlib.Path) -> tuple[dict[str, Model], Meta, Remembered]:
  """Loads the model with each of its refiners, its meta and its segmenter."""
  base, meta = checkpoints.load(folder / 'base' / 'model.npz')
  first = models.from_variables(base, meta, name=str(folder))
  remembered = Remembered(first.segmenter)
  segmenter = HostSegmenter(
    remembered, num_classes=len(first.classes), normalised=False
  )
  found = {}
  for name in variants.REFINERS:
    try:
      parts, own = checkpoints.load(folder / name)
    except InputError as error:  # it is not trained yet
      print(error, file=sys.stderr)
      continue
    found[name] = models.from_variables(
      {'refiner': parts['refiner']}, own, name=name, segmenter=segmenter
    )
  return found, meta, remembered


def measure(sample: Any, model: Model, variant: variants.Variant) -> dict:
  """Measures a variant on an image; returns its record."""
  plan = settings.planner({**model.settings['plan'], **variant.plan})
  refine = {**model.settings['refine'], 'batch': 1}
  start = time.perf_counter()
  cascade = Cascade(
    model.segmenter,
    model.refiners,
    network=model.network,
    options=settings.options(refine, **variant.refine),
    score=variants.SCORES[variant.score],
    weights=variants.WEIGHTS[variant.weights],
  )
  stages = list(cascade.stages(sample.image, plan(sample.label.shape)))
  seconds = time.perf_counter() - start
  prediction = stages[-1].probabilities.argmax(-1).astype(np.uint8)
  scores = measuring.score(sample.label, prediction, model.classes)
  return {
    'study': variant.study,
    'variant': variant.name,
    'image': sample.name,
    'windows': sum(len(stage.windows) for stage in stages),
    'seconds': round(seconds, 2),
    **{key: scores[key] for key in ('miou', 'boundary_iou')},
  }


def main(arguments: argparse.Namespace) -> None:
  variants.check()
  loaded, meta, remembered = load(arguments.folder)
  data = {**meta.section('data'), 'cache_mb': 0}
  source = splits.open_split(data, arguments.split)
  count = min(arguments.limit or len(source), len(source))
  plan = loaded['base'].plan(source.size(0))
  chosen = [
    variant
    for variant in variants.all_of(arguments.points, len(plan))
    if variant.refiner in loaded
    and (not arguments.studies or variant.study in arguments.studies)
  ]
  seed = arguments.folder.name.removeprefix('seed')
  records_of = records.read(arguments.out) if arguments.out.exists() else []
  done = {
    (r['study'], r['variant'], r['image'])
    for r in records_of
    if r['seed'] == seed
  }
  arguments.out.parent.mkdir(parents=True, exist_ok=True)
  with (
    records.Writer(arguments.out) as writer,
    tqdm.tqdm(total=count * len(chosen), disable=None) as bar,
  ):
    for index in range(count):
      sample = source[index]
      remembered.known.clear()
      for variant in chosen:
        bar.set_description(f'{sample.name}, {variant.study} {variant.name}')
        if (variant.study, variant.name, sample.name) not in done:
          record = measure(sample, loaded[variant.refiner], variant)
          writer.append({'seed': seed, **record})
        bar.update()


if __name__ == '__main__':
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('folder', type=pathlib.Path)
  parser.add_argument('--out', type=pathlib.Path, required=True)
  parser.add_argument('--points', type=float, default=0.25)
  parser.add_argument('--split', default='val')
  parser.add_argument('--limit', type=int, default=0)
  parser.add_argument('--studies', nargs='*', default=[])
  sys.exit(main(parser.parse_args()))
