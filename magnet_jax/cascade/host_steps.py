"""Steps whose networks, or some of them, run on the host.

A function of NumPy arrays cannot be part of a compiled step. A callback from
the step would work on paper; tried with four CPU devices and windows of
612x612, it deadlocks waiting for its own images, and errors arrive as a page of
XLA's messages. So it runs before the step, which receives its results: errors
stay errors, and the device works on one batch while the host segments the next.
"""

import dataclasses
from typing import Any

import jax
import numpy as np

from magnet_jax import parallel
from magnet_jax.cascade.host_segmenter import HostSegmenter
from magnet_jax.refiners.refiner import Refiner, Seen
from magnet_jax.types import Network

# Names of what the host has computed, among a step's arrays.
_LOGITS, _REFINED, _FEATURE = 'host logits', 'host refined', 'host feature '


def over_devices(
  step: parallel.Step,
  segmenter: Network | HostSegmenter | None,
  *refiners: Refiner,
  devices: int | None = None,
  **settings: Any,
) -> parallel.Step:
  """Compiles a step as `parallel.over_devices`, for any kind of networks.

  Args:
    step: function (segmenter, *refiners, *, images, **arrays) of
      `refine_step`.
    segmenter: part of the compiled step, or run before it on the host; None
      for a step that needs none.
    *refiners: at most one; it may be on the host if the segmenter is.
    devices: number of devices to use; all by default.
    **settings: hashable static keyword arguments of the step.

  Returns:
    The step, called with its arrays.
  """
  if not isinstance(segmenter, HostSegmenter):
    return parallel.over_devices(
      step, segmenter, *refiners, devices=devices, **settings
    )
  host, static = segmenter, {**settings, 'inner': step}
  shows = any('features' in each.needs for each in refiners)
  run = parallel.over_devices(_after, *refiners, devices=devices, **static)

  def segmented(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    logits, features = host.with_features(arrays['images'])
    shown = {_FEATURE + name: each for name, each in features.items()}
    return {**arrays, _LOGITS: logits, **(shown if shows else {})}

  on_host = refiners[0].host if refiners else None
  if on_host is None:
    return lambda **arrays: run(**segmented(arrays))
  look = parallel.over_devices(_seen, *refiners, devices=devices, **static)

  def refined(**arrays: np.ndarray) -> Any:
    found = segmented(arrays)
    scale, coarse = parallel.fetch(look(**found))
    logits = [
      on_host(scale=scale[i : i + 1], coarse=coarse[i : i + 1])
      for i in range(len(scale))
    ]
    return run(**found, **{_REFINED: np.concatenate(logits)})

  return refined


def _after(
  *refiners: Refiner, inner: parallel.Step, **arrays: jax.Array
) -> Any:
  """The inner step with networks that return what the host has found."""
  if _REFINED in arrays:
    logits = arrays.pop(_REFINED)
    refiners = tuple(_returning(each, logits) for each in refiners)
  return _segmented(inner, refiners, arrays)


def _seen(
  refiner: Refiner, *, inner: parallel.Step, **arrays: jax.Array
) -> tuple[jax.Array, jax.Array]:
  """What the refiner sees in the inner step: O and Y; the rest is left out."""
  seen: list[Seen] = []

  def look(variables: object, given: Seen) -> jax.Array:
    del variables
    seen.append(given)
    return given.coarse

  _segmented(inner, (dataclasses.replace(refiner, apply=look),), arrays)
  (found,) = seen
  assert found.scale is not None
  return found.scale, found.coarse


def _returning(refiner: Refiner, logits: jax.Array) -> Refiner:
  """A refiner whose result is known."""
  return dataclasses.replace(refiner, apply=lambda variables, seen: logits)


def _segmented(
  inner: parallel.Step,
  refiners: tuple[Refiner, ...],
  arrays: dict[str, jax.Array],
) -> Any:
  """The inner step with a segmenter whose results are among the arrays."""
  logits = arrays.pop(_LOGITS)
  features = {
    name.removeprefix(_FEATURE): arrays.pop(name)
    for name in [*arrays]
    if name.startswith(_FEATURE)
  }

  def segmenter(images: jax.Array, **wanted: bool) -> Any:
    del images  # the host has seen them
    return (logits, features) if wanted else logits

  return inner(segmenter, *refiners, **arrays)
