"""Time of every stage and part of the loop, and its memory and compiles."""

from collections.abc import Callable, Sequence
import dataclasses
import math
import pathlib
import time

import cv2
import numpy as np

from magnet_jax.bench import loop_parts, watching
from magnet_jax.bench.loop_parts import Timing
from magnet_jax.cascade import labels
from magnet_jax.evaluate.compiles import CompileCounter
from magnet_jax.evaluate.memory import PeakMemory
from magnet_jax.files import host_memory, images
from magnet_jax.predict.model import Model
from magnet_jax.types import Size

Notify = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class Loop:
  """The real loop over one image, from its pixels to its label map.

  Attributes:
    size: (height, width) of the image.
    stages: seconds of each stage.
    argmax: seconds from the last map to classes.
    windows: number of windows that the networks processed in each stage.
  """

  size: Size
  stages: tuple[float, ...]
  argmax: float
  windows: tuple[int, ...]

  @property
  def seconds(self) -> float:
    """Total time."""
    return sum(self.stages) + self.argmax


@dataclasses.dataclass(frozen=True)
class Report:
  """What `run` measures.

  Attributes:
    method: 'magnet', or 'magnet-fast' where some windows are left out.
    loops: of the image, then of the other sizes.
    parts: of the image's stages.
    compiles: programs that the loop needed, over all sizes.
    compile_seconds: time that the compiler took for them.
    late_compiles: programs compiled while a loop was timed; should be 0.
    peak_mb: largest memory of the image's warm-up and loop above what the
      process held before, in MB (1e6 bytes).
    before_mb: what the process held before, imports without the weights.
  """

  method: str
  loops: tuple[Loop, ...]
  parts: tuple[Timing, ...]
  compiles: int
  compile_seconds: float
  late_compiles: int
  peak_mb: float
  before_mb: float

  @property
  def besides_networks(self) -> float:
    """Share of the loop that is neither segmenter nor refiner."""
    networks = sum(
      timing.seconds
      for timing in self.parts
      if timing.part in ('segmenter', 'refiner')
    )
    return 1 - networks / self.loops[0].seconds


def write_image(path: pathlib.Path, size: Size, seed: int = 0) -> None:
  """Writes smooth seeded noise; as JPEG it is as large as a photograph."""
  host_memory.check(f'an image of {size[0]}x{size[1]}', 8 * math.prod(size))
  rng = np.random.default_rng(seed)
  coarse = (max(2, size[0] // 16), max(2, size[1] // 16), 3)
  noise = rng.integers(0, 256, coarse, np.uint8)
  images.write_image(path, cv2.resize(noise, (size[1], size[0])))


def run(
  make_model: Callable[[], Model],
  path: pathlib.Path,
  *,
  repeats: int = 3,
  others: Sequence[pathlib.Path] = (),
  notify: Notify = lambda text: None,
) -> Report:
  """Measures the loop over an image, then its parts.

  The parts come last, so that their memory is not the loop's.

  Args:
    make_model: makes the networks; called where memory is measured.
    path: the image.
    repeats: timed calls of the parts that are timed apart from the loop.
    others: images of other sizes, to compare the time of their loops.
    notify: progress callback.
  """
  with CompileCounter() as compiles:
    with PeakMemory() as memory:
      image = images.read_image(path)
      # Says nothing until nothing can be refused any more.
      model = make_model()
      loop, late = measure(model, image, compiles, notify)
    loops = [loop]
    for other in others:
      loop, more = measure(model, images.read_image(other), compiles, notify)
      loops.append(loop)
      late += more
    count, seconds = compiles.count - late, compiles.seconds
  notify('measuring the parts')
  every = tuple(len(stage.grid) for stage in model.plan(loops[0].size))
  return Report(
    method='magnet' if loops[0].windows == every else 'magnet-fast',
    loops=tuple(loops),
    parts=tuple(loop_parts.measure(model, path, image, repeats)),
    compiles=count,
    compile_seconds=seconds,
    late_compiles=late,
    peak_mb=memory.added_mb,
    before_mb=memory.peak_mb - memory.added_mb,
  )


def measure(
  model: Model, image: np.ndarray, compiles: CompileCounter, notify: Notify
) -> tuple[Loop, int]:
  """Compiles, then times the loop over an image.

  Args:
    model: the networks.
    image: uint8 [H,W,3].
    compiles: counts what is compiled.
    notify: progress callback.

  Returns:
    The loop, and how many programs were compiled while it was timed.
  """
  size = (image.shape[0], image.shape[1])
  plan, cascade = model.plan(size), model.cascade()
  notify(f'{size[0]}x{size[1]}: compiling')
  model.cascade(windows=1).segment(image, plan)
  before = compiles.count
  seconds, windows = [], []
  for result, each in watching.stages(cascade, image, plan):
    seconds.append(each)
    windows.append(len(result.windows))
    notify(f'{size[0]}x{size[1]}: stage {result.stage.index} done')
  start = time.perf_counter()
  labels.predict(result.probabilities)
  argmax = time.perf_counter() - start
  loop = Loop(size, tuple(seconds), argmax, tuple(windows))
  return loop, compiles.count - before
