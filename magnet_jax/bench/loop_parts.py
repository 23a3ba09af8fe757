"""The parts of the loop over the stages, timed in the loop itself.

The loop runs once more with its calls timed and each step waited for. The parts
of a step are found by running it again up to the segmenter's maps, up to the
refiner's, and up to the scores.
"""

from collections.abc import Callable
import dataclasses
import functools
import pathlib

import jax
import numpy as np

from magnet_jax import parallel
from magnet_jax.bench import machine, watching
from magnet_jax.bench.watching import Call
from magnet_jax.cascade import refine_step
from magnet_jax.files import images
from magnet_jax.ops import area
from magnet_jax.predict.model import Model

IN_STEP = ('segmenter', 'refiner', 'score', 'choose')
# 'cut' is not part of the sum: windows are cut while the device computes.
PARTS = (
  *('read', 'resize', 'step', *IN_STEP, 'rank', 'fetch', 'merge', 'other'),
  *('argmax', 'cut'),
)

_SCORE = ('kernel', 'score')  # settings of `candidates`


@dataclasses.dataclass(frozen=True)
class Timing:
  """One part of one stage.

  Attributes:
    stage: its index; None for what is done once per image.
    part: one of PARTS.
    calls: how often the stage does it.
    seconds: of all these calls together.
  """

  stage: int | None
  part: str
  calls: int
  seconds: float


def measure(
  model: Model, path: pathlib.Path, image: np.ndarray, repeats: int
) -> list[Timing]:
  """Times the parts of the loop over an image.

  Args:
    model: the networks; the loop over such an image has been compiled.
    path: the image's file.
    image: uint8 [H,W,3].
    repeats: calls of what is timed apart from the loop.
  """
  median = functools.partial(machine.median_seconds, repeats=repeats)
  timings = [Timing(None, 'read', 1, median(lambda: images.read_image(path)))]
  watched = []
  with watching.watch() as watch:
    plan = model.plan((image.shape[0], image.shape[1]))
    for result, seconds in watching.stages(model.cascade(), image, plan):
      found = watch.seconds
      found['other'] = seconds - sum(found.values()) + found['cut']
      watched.append((result.stage, found, watch.calls, watch.last))
      watch.reset()
  maps = result.probabilities
  timings.append(Timing(None, 'argmax', 1, median(lambda: maps.argmax(-1))))
  for stage, found, calls, step in watched:
    found['resize'] = median(functools.partial(area.shrink, image, stage.size))
    # 'resize' was measured separately, so the difference may fall below 0.
    found['other'] = max(0.0, found['other'] - found['resize'])
    for part, each in _in_step(step, median).items():
      calls[part] = calls['step']
      found[part] = calls[part] * each
    timings += [
      Timing(stage.index, part, calls[part] or 1, value)
      for part, value in found.items()
      if value
    ]
  return timings


def _in_step(
  call: Call, median: Callable[[Callable[[], object]], float]
) -> dict[str, float]:
  """Seconds of the parts of a step, one call each."""
  segment = dataclasses.replace(
    call,
    step=refine_step.segment_windows,
    networks=call.networks[:1],
    settings={},
    arrays={'images': call.arrays['images']},
  )
  if call.step is refine_step.segment_windows:
    return {'segmenter': median(segment.on_one_device())}
  score = dataclasses.replace(
    call,
    step=refine_step.candidates,
    settings={k: v for k, v in call.settings.items() if k in _SCORE},
    arrays={k: v for k, v in call.arrays.items() if k != 'points'},
  )
  # Each goes one part further than the one before it.
  calls = [segment, dataclasses.replace(score, step=_refine), score, call]
  ends = [median(each.on_one_device()) for each in calls]
  return {
    part: max(0.0, end - start)
    for part, start, end in zip(IN_STEP, [0.0, *ends], ends, strict=False)
  }


def _refine(*networks: object, **given: object) -> jax.Array:
  """R of each window; the compiler leaves out the scores."""
  step: parallel.Step = refine_step.candidates
  return step(*networks, **given).refined
