"""A model whose networks run on an engine other than XLA."""

from __future__ import annotations

from collections.abc import Callable, Mapping
import dataclasses
import functools
import math
import time
from typing import Any

import jax
import numpy as np

from magnet_jax import parallel
from magnet_jax.cascade import host_steps, refine_step
from magnet_jax.cascade.host_segmenter import HostSegmenter
from magnet_jax.engines import sessions
from magnet_jax.engines.sessions import ENGINES, Session
from magnet_jax.predict import exported
from magnet_jax.predict.exported import Part
from magnet_jax.predict.model import Model
from magnet_jax.refiners.refiner import Refiner

XLA, AUTO = 'xla', 'auto'
CHOICES = (XLA, *ENGINES, AUTO)
_TRIALS = 5  # timed calls of the segmenter, of which the fastest counts


@dataclasses.dataclass(frozen=True)
class OnEngine:
  """A segmenter on an engine, as the function of a `HostSegmenter`.

  Attributes:
    session: takes uint8 images [1,h,w,3], returns logits and features.
    features: their names.
  """

  session: Session
  features: tuple[str, ...]

  def __call__(self, images: np.ndarray) -> Any:
    """Returns logits [1,h,w,C], with features by name if there are any."""
    logits, *found = self.session(images=images)
    if not self.features:
      return logits
    return logits, dict(zip(self.features, found, strict=True))


@dataclasses.dataclass(frozen=True)
class RefinerOnEngine:
  """A refiner of maps on an engine, as a refiner's `host`.

  Attributes:
    session: takes both maps, float32 [1,h,w,C].
  """

  session: Session

  def __call__(self, *, scale: np.ndarray, coarse: np.ndarray) -> np.ndarray:
    """Returns logits [1,h,w,C]."""
    (logits,) = self.session(scale=scale, coarse=coarse)
    return logits


def use(model: Model, engine: str, precision: str = 'float32') -> Model:
  """Returns a model whose segmenter and refiners run on an engine.

  Gates stay with XLA: they are small.

  Args:
    model: with networks of JAX in float32.
    engine: a key of `ENGINES`.
    precision: one of `sessions.PRECISIONS`.

  Raises:
    InputError: it is not installed, lacks the precision, or cannot run a
      network.
  """
  sessions.check(engine, precision)
  place = functools.partial(_session, engine=engine, precision=precision)
  gated = any('features' in each.needs for each in model.refiners)
  part = exported.segmenter(
    model.segmenter, model.network, pixels=True, features=gated
  )
  names = part.outputs[1:]
  host = HostSegmenter(
    OnEngine(place(part), names),
    num_classes=len(model.classes),
    normalised=False,
    size=model.network,
    features=names,
    name=f'segmenter on {engine}',
  )
  host.try_out(model.network)
  return dataclasses.replace(
    model,
    segmenter=host,
    refiners=tuple(_refiner(model, each, place) for each in model.refiners),
  )


def _refiner(
  model: Model, each: Refiner, place: Callable[[Part], Session]
) -> Refiner:
  if each.needs != {'scale'}:
    return each
  part = exported.refiner(each, model.network, len(model.classes))
  return dataclasses.replace(each, host=RefinerOnEngine(place(part)))


def _session(part: Part, *, engine: str, precision: str) -> Session:
  from magnet_jax.export import onnx_model

  made = onnx_model.make(
    part.function, part.inputs, part.outputs, channels='last'
  )
  return sessions.make(engine, made.SerializeToString(), precision)


def fastest(model: Model, precision: str = 'float32') -> tuple[Model, str]:
  """Returns a model on the engine that segments a window fastest here.

  Args:
    model: as for `use`.
    precision: as for `use`; XLA is tried in float32 only, and if an
      accelerator does its work no other is.

  Returns:
    The model, and a line that says what was found.
  """
  kind = jax.default_backend()
  if kind != 'cpu':
    return model, f'engine {XLA}: the only one on a {kind}'
  tried = {XLA: model} if precision == 'float32' else {}
  for engine, row in ENGINES.items():
    if sessions.installed(engine) and precision in row.precisions:
      tried[engine] = use(model, engine, precision)
  if not tried:
    sessions.check('openvino', precision)
  seconds = _seconds(tried)
  best, *others = sorted(tried, key=seconds.__getitem__)
  slower = ', '.join(f'{name} {1000 * seconds[name]:.0f}' for name in others)
  found = f'engine {best}: {1000 * seconds[best]:.0f} ms a window'
  return tried[best], f'{found} ({slower})' if others else found


def _seconds(tried: Mapping[str, Model]) -> dict[str, float]:
  """The time of a window of each, by the step of the first stage."""
  calls = {
    name: functools.partial(_segment, model) for name, model in tried.items()
  }
  for call in calls.values():
    call()  # compiles
  times = dict.fromkeys(calls, math.inf)
  # In turns, so that other work on the machine slows down all alike.
  for _ in range(_TRIALS):
    for name, call in calls.items():
      start = time.perf_counter()
      call()
      times[name] = min(times[name], time.perf_counter() - start)
  return times


def _segment(model: Model) -> None:
  step = host_steps.over_devices(
    refine_step.segment_windows, model.segmenter, devices=1
  )
  parallel.fetch(step(images=np.zeros((1, *model.network, 3), np.uint8)))


def name(model: Model) -> str:
  """Returns the engine, its version and the precision of a model."""
  function = getattr(model.segmenter, 'function', None)
  if not isinstance(function, OnEngine):
    return XLA
  session = function.session
  return f'{session.engine} {session.version}, {session.precision}'
