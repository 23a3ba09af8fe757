"""Time of every stage and part of the loop, and its memory and compiles."""

from collections.abc import Callable, Sequence
import dataclasses
import itertools
import pathlib
import time
from typing import Any

import cv2
import jax
import numpy as np

from magnet_jax.cascade import progressive, stage_windows
from magnet_jax.evaluate import bench_parts
from magnet_jax.evaluate.bench_parts import Timing
from magnet_jax.evaluate.compiles import CompileCounter
from magnet_jax.evaluate.memory import PeakMemory
from magnet_jax.files import images
from magnet_jax.models import build
from magnet_jax.models.refiner import HALO
from magnet_jax.ops import strips
from magnet_jax.predict.model import AnyCascade, Model
from magnet_jax.scenes import generator
from magnet_jax.types import ClassTable, Size

Notify = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class Loop:
  """The real loop over one image, from its pixels to its label map.

  Attributes:
    size: (height, width) of the image.
    stages: seconds of each stage.
    argmax: seconds from the last map to classes.
    windows: that the segmenter saw in each stage.
  """

  size: Size
  stages: tuple[float, ...]
  argmax: float
  windows: tuple[int, ...]

  @property
  def seconds(self) -> float:
    """All of it."""
    return sum(self.stages) + self.argmax


@dataclasses.dataclass(frozen=True)
class Report:
  """What `run` measures.

  Attributes:
    method: 'magnet', or 'magnet-fast' where some windows are left out.
    loops: of the image, then of the other sizes.
    parts: of the image's stages.
    compiles: programs that the loop needed, all sizes.
    compile_seconds: time of the compiler for them.
    late_compiles: programs compiled while a loop was timed; 0 is right.
    peak_mb: largest memory of the image's warm-up and loop above what the
      process held before, in MB (1e6 bytes).
    before_mb: what the process held before, imports and weights not yet made.
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
      if timing.part in bench_parts.NETWORKS
    )
    return 1 - networks / self.loops[0].seconds


def random_model(
  *,
  classes: int,
  segmenter: dict[str, Any],
  refiner: dict[str, Any],
  plan: dict[str, Any],
  refine: dict[str, Any],
  seed: int = 0,
) -> Model:
  """A model of seeded random weights: time does not depend on their values.

  Args:
    classes: C, at least 2.
    segmenter: settings of `models.build.segmenter`.
    refiner: settings of `models.build.refinement`.
    plan: the section `plan` of a config.
    refine: the section `refine` of a config.
    seed: of the weights.
  """
  rng = np.random.default_rng(seed)
  module = build.segmenter(classes=classes, **segmenter)
  pixels = np.zeros((1, 64, 64, 3), np.float32)
  maps = np.zeros((1, 8, 8, classes), np.float32)
  second = build.refinement(classes=classes, **refiner)
  first_weights, second_weights = jax.device_put(
    (
      random_weights(rng, module, pixels),
      random_weights(rng, second, scale=maps, coarse=maps),
    )
  )
  return Model(
    jax.tree_util.Partial(module.apply, first_weights),
    (
      jax.tree_util.Partial(
        strips.InStrips(second.apply, halo=HALO), second_weights
      ),
    ),
    _table(classes),
    {'plan': plan, 'refine': refine},
  )


def random_weights(
  rng: np.random.Generator, module: Any, *arrays: Any, **named: Any
) -> Any:
  """Weights of a sound spread, without compiling the initialisers.

  Args:
    rng: the source of chance.
    module: a network.
    *arrays: arguments of its `init`.
    **named: keyword arguments of its `init`.
  """

  def draw(path: Any, leaf: Any) -> np.ndarray:
    kind = path[-1].key
    if kind == 'kernel':
      spread = np.sqrt(2 / np.prod(leaf.shape[:-1]))
      weights = rng.standard_normal(leaf.shape, np.float32)
      weights *= np.float32(spread)
      return weights
    fill = 1 if kind in ('scale', 'var') else 0
    return np.full(leaf.shape, fill, np.float32)

  shapes = jax.eval_shape(module.init, jax.random.key(0), *arrays, **named)
  return jax.tree_util.tree_map_with_path(draw, shapes)


def _table(classes: int) -> ClassTable:
  if classes == len(generator.CLASSES):
    return generator.CLASSES
  names = tuple(f'class {c}' for c in range(classes))
  return ClassTable(names, ((127, 127, 127),) * classes)


def write_image(path: pathlib.Path, size: Size, seed: int = 0) -> None:
  """Writes smooth seeded noise; as JPEG it is as large as a photograph."""
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
  """Measures the loop over an image, then each part on its own.

  The parts come last, so that their memory is not the loop's.

  Args:
    make_model: makes the networks; called where memory is measured.
    path: the image.
    repeats: timed calls of each part.
    others: images of other sizes, to compare the time of their loops.
    notify: is told what is being done.
  """
  with CompileCounter() as compiles:
    with PeakMemory() as memory:
      notify('making the networks')
      model = make_model()
      cascade = model.cascade()
      image = images.read_image(path)
      loop, late = _measure(model, cascade, image, compiles, notify)
    loops = [loop]
    for other in others:
      following = images.read_image(other)
      loop, more = _measure(model, cascade, following, compiles, notify)
      loops.append(loop)
      late += more
    count, seconds = compiles.count - late, compiles.seconds
  bench = bench_parts.Bench(model, cascade.options, cascade.batch, repeats)
  return Report(
    method='magnet' if cascade.options.windows == 1.0 else 'magnet-fast',
    loops=tuple(loops),
    parts=tuple(_parts(bench, path, image, notify)),
    compiles=count,
    compile_seconds=seconds,
    late_compiles=late,
    peak_mb=memory.added_mb,
    before_mb=memory.peak_mb - memory.added_mb,
  )


def _measure(
  model: Model,
  cascade: AnyCascade,
  image: np.ndarray,
  compiles: CompileCounter,
  notify: Notify,
) -> tuple[Loop, int]:
  """Compiles, then times the loop; also returns compiles during the latter."""
  size = (image.shape[0], image.shape[1])
  plan = model.plan(size)
  notify(f'{size[0]}x{size[1]}: compiling')
  model.cascade(windows=1).segment(image, plan)
  before = compiles.count
  seconds, windows = [], []
  start = time.perf_counter()
  for result in cascade.stages(image, plan):
    now = time.perf_counter()
    seconds.append(now - start)
    windows.append(len(result.windows))
    notify(f'{size[0]}x{size[1]}: stage {result.stage.index} done')
    start = time.perf_counter()
  progressive.predict(result.probabilities)
  argmax = time.perf_counter() - start
  loop = Loop(size, tuple(seconds), argmax, tuple(windows))
  return loop, compiles.count - before


def _parts(
  bench: bench_parts.Bench,
  path: pathlib.Path,
  image: np.ndarray,
  notify: Notify,
) -> list[Timing]:
  """All parts of all stages."""
  size = (image.shape[0], image.shape[1])
  plan = bench.model.plan(size)
  counts = stage_windows.allot(plan, bench.options.windows)
  timings = bench.once(path, size)
  notify('parts of stage 0')
  timings += bench.first_stage(image, plan[0])
  for before, stage in itertools.pairwise(plan):
    notify(f'parts of stage {stage.index}')
    timings += bench.later_stage(image, stage, before, counts[stage.index])
  return timings
