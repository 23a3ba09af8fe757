"""Which score finds the windows that are worth computing?

  python experiments/windows/run.py RUN OUT scenes [SEED ...]
  python experiments/windows/run.py RUN OUT LIST [ROWS ...]

Writes OUT.{txt,png,jsonl}: scores of the segmentation by score of windows and
share of the later windows that is computed, with a refiner coarse stages first,
in a running mean the same share of each stage. All windows are computed once,
and every choice is composed of them. That is exact: what a refiner makes of a
window depends on the map before its stage, but a stage is computed in part only
if no stage follows, and a running mean depends on nothing but its own windows.
"""

from collections.abc import Iterator, Sequence
import dataclasses
import itertools
import json
import sys

import numpy as np
import scores

from magnet_jax.cascade import window_choice
from magnet_jax.cascade.labels import predict
from magnet_jax.data import file_pairs, reading
from magnet_jax.evaluate import measuring, summary, tables
from magnet_jax.evaluate.record import Record
from magnet_jax.files import atomic
from magnet_jax.ops import area, merge, resize
from magnet_jax.predict import model as models
from magnet_jax.predict.model import Model
from magnet_jax.report import curves
from magnet_jax.report.curves import Curve
from magnet_jax.scenes import generator
from magnet_jax.tuning.stage_maps import StageMaps
from magnet_jax.types import Sample, Stage

SHARES = (0.0, 0.05, 0.1, 0.15, 0.25, 0.33, 0.5, 0.75, 1.0)
# The table's; only the scores of the picture are measured at all shares, and
# none of running means, which have to be made anew stage by stage.
TABLE = (0.15, 0.33)
DRAWN = (
  'mean uncertainty',
  'change',
  'texture',
  'outlines',
  'chance',
  'truth: the same, classes alike',
)
FIRST = 'mean uncertainty'
VAL_SEEDS = (1010, 1011, 1012, 1013)


def samples(
  model: Model, source: str, numbers: Sequence[str]
) -> Iterator[Sample]:
  """Yields labelled images."""
  if source == 'scenes':
    for seed in numbers or VAL_SEEDS:
      yield generator.generate(int(seed), (2448, 2448))
    return
  pairs = file_pairs.read_list(source)
  for row in map(int, numbers or range(len(pairs))):
    pair = pairs[row]
    yield reading.read_sample(pair.image, pair.label, model.classes)


@dataclasses.dataclass(frozen=True)
class Stages:
  """All windows of an image, computed once.

  Attributes:
    sample: the image and its label.
    plan: the stages.
    maps: float16 [H_s,W_s,C], one per stage: its blended windows where stages
      go into a running mean, else the segmentation after it.
    mean: whether stages go into a running mean.
  """

  sample: Sample
  plan: tuple[Stage, ...]
  maps: tuple[np.ndarray, ...]
  mean: bool

  def map(self, stage: Stage) -> np.ndarray:
    """Returns the map of a stage: float32 [H_s,W_s,C]."""
    return self.maps[stage.index].astype(np.float32)

  def counts(self, share: float) -> list[int]:
    """Returns how many windows of each stage are computed."""
    first, *sizes = [len(stage.grid) for stage in self.plan]
    if self.mean:
      # Half octaves apart, one stage is hardly worth more than the next.
      return [first, *(round(share * size) for size in sizes)]
    if not share:
      return [first, *(0 for _ in sizes)]
    return [*window_choice.allot(self.plan, share)]


def compute(model: Model, sample: Sample) -> Stages:
  """Computes all windows of an image."""
  plan = model.plan((sample.image.shape[0], sample.image.shape[1]))
  cascade = model.cascade(windows=1.0)
  if mean := not model.refiners:
    found = StageMaps(cascade, sample.image)
    maps = [found.of(stage.grid).probabilities for stage in plan]
  else:
    maps = [
      result.probabilities for result in cascade.stages(sample.image, plan)
    ]
  half = tuple(each.astype(np.float16) for each in maps)
  return Stages(sample, plan, half, mean)


def covered(stage: Stage, numbers: Sequence[int]) -> np.ndarray:
  """Returns how much of each pixel some windows cover: float32 [H_s,W_s,1]."""
  target = np.zeros((*stage.size, 1), np.float32)
  ones = np.ones((*stage.grid.window, 1), np.float32)
  return merge.add_windows(target, stage.grid, ((n, ones) for n in numbers))


def segment(stages: Stages, name: str, share: float) -> np.ndarray:
  """Returns the segmentation with the windows that a score chooses.

  Args:
    stages: all windows.
    name: of the score.
    share: of the later windows.

  Returns:
    float32 [H,W,C].
  """
  before: np.ndarray | None = None
  first, *later = stages.plan
  found = stages.map(first)
  depth = np.ones((*first.size, 1), np.float32)
  for stage, count in zip(later, stages.counts(share)[1:], strict=True):
    # What the map was before the stage before, for scores that look at changes.
    if before is not None:
      before = resize.probabilities(before, stage.size)
    now = resize.probabilities(found, stage.size)
    depth = resize.probabilities(depth, stage.size)
    full = stages.map(stage)
    if stages.mean:
      full = now + (full - now) / (depth + 1)
    part: np.ndarray | float = float(count == len(stage.grid))
    if 0 < count < len(stage.grid):
      seen = look(stages, stage, now=now, before=before, full=full)
      chosen = window_choice.highest(scores.SCORES[name](seen).tolist(), count)
      part = covered(stage, chosen)
    if stages.mean:
      # A pixel that is covered in part moves by part of a deeper mean.
      found = now + part / (depth + part) * (depth + 1) * (full - now)
      depth = depth + part
    else:
      found = now + part * (full - now)
    before = now
  return found


def look(
  stages: Stages,
  stage: Stage,
  *,
  now: np.ndarray,
  before: np.ndarray | None,
  full: np.ndarray,
) -> scores.Seen:
  """Returns what scores may look at."""
  image, label = stages.sample.image, stages.sample.label
  assert label is not None
  return scores.Seen(
    grid=stage.grid,
    map=now,
    before=before,
    image=area.shrink(image, stage.size),
    coarse_image=area.shrink(image, stages.plan[stage.index - 1].size),
    full=full,
    label=resize.label(label, stage.size),
  )


def measure(stages: Stages, model: Model) -> Iterator[Record]:
  """Yields a record per score of windows and share."""
  sample = stages.sample
  for share, name in itertools.product(SHARES, scores.SCORES):
    drawn = name in DRAWN and not stages.mean
    if 0 < share < 1 and share not in TABLE and not drawn:
      continue
    if share in (0, 1) and name != FIRST:
      continue
    found = predict(segment(stages, name, share))
    assert sample.label is not None
    yield {
      'image': sample.name,
      'method': _method(name, share),
      'windows': sum(stages.counts(share)),
      'seconds': 0.0,
      **measuring.overlap_scores(sample.label, found, model.classes),
    }


def _method(name: str, share: float) -> str:
  """Returns the name in the records; without a choice all scores are one."""
  return f'{name if 0 < share < 1 else FIRST}, {share:g}'


def write(found: Sequence[Record], out: str) -> None:
  """Prints the table; writes it, the records and the picture."""
  rows = {row.method: row for row in summary.summarise(found)}

  def at(name: str, share: float) -> summary.Row:
    return rows[_method(name, share)]

  def cells(name: str, share: float) -> tuple[str, str]:
    low, row, high = at(name, 0.0), at(name, share), at(name, 1.0)
    kept = (row.miou - low.miou) / (high.miou - low.miou)
    both = f'{100 * row.miou:.1f} / {100 * row.boundary_iou:.1f}'
    return both, f'{100 * kept:.0f} %'

  lines = [
    ['score of a window']
    + [
      text
      for share in TABLE
      for text in (f'{share:g} of later windows', 'gain kept')
    ]
  ]
  for name in scores.SCORES:
    lines.append([name, *(t for share in TABLE for t in cells(name, share))])
  ends = ', '.join(
    f'{word} {100 * at(FIRST, share).miou:.1f} / '
    f'{100 * at(FIRST, share).boundary_iou:.1f} '
    f'({at(FIRST, share).windows:.0f} windows)'
    for word, share in (('stage 0', 0.0), ('all', 1.0))
  )
  images = len({record['image'] for record in found})
  text = '\n'.join(
    [
      f'mIoU / boundary IoU %, {images} images: {ends}',
      '',
      *tables.aligned(lines, 1),
    ]
  )
  print(text)
  atomic.write_bytes(f'{out}.txt', (text + '\n').encode())
  shares = [share for share in SHARES if _method(DRAWN[0], share) in rows]
  series = [
    Curve(
      name,
      tuple(at(name, share).windows for share in shares),
      tuple(100 * at(name, share).miou for share in shares),
    )
    for name in DRAWN
  ]
  curves.curves(series, x='windows', y='mIoU %', start=0).write(f'{out}.png')
  slim = ('image', 'method', 'windows', 'miou', 'boundary_iou')
  body = '\n'.join(json.dumps({k: r[k] for k in slim}) for r in found)
  atomic.write_bytes(f'{out}.jsonl', (body + '\n').encode())


def main(run: str, out: str, source: str, *numbers: str) -> None:
  """Measures all scores on all images."""
  model = models.load(run)
  found: list[Record] = []
  for sample in samples(model, source, numbers):
    found += measure(compute(model, sample), model)
    print(sample.name, 'measured', file=sys.stderr, flush=True)
  write(found, out)


if __name__ == '__main__':
  main(*sys.argv[1:])
