"""The compiled steps of a segmenter and its refiners, each compiled once."""

from collections.abc import Sequence
import functools
from typing import Any

from magnet_jax import parallel
from magnet_jax.cascade import host_steps, refine_step
from magnet_jax.cascade.host_segmenter import HostSegmenter
from magnet_jax.refiners.refiner import Refiner
from magnet_jax.types import Network


class Steps:
  """Steps on all devices, compiled when they are first asked for.

  Args:
    segmenter: as for `cascade.Cascade`.
    refiners: as for `cascade.Cascade`.
  """

  def __init__(
    self, segmenter: Network | HostSegmenter, refiners: Sequence[Refiner]
  ):
    self._segmenter = segmenter
    self._refiners = tuple(refiners)
    # One step per refiner and settings, kept for all images: usually one.
    self.refine = functools.cache(self._refine)

  def _refine(
    self, number: int, step: parallel.Step, **settings: Any
  ) -> parallel.Step:
    """A function of the segmenter and a refiner, with static settings."""
    refiner = self._refiners[number]
    seen = refiner.needs & {'scale', 'features'}
    segmenter = self._segmenter if seen else None
    return host_steps.over_devices(step, segmenter, refiner, **settings)

  @functools.cached_property
  def segment(self) -> parallel.Step:
    """O of a batch of windows: images uint8 [B,h,w,3] -> float32 [B,h,w,C]."""
    return host_steps.over_devices(refine_step.segment_windows, self._segmenter)

  @functools.cached_property
  def segment_one(self) -> parallel.Step:
    """The same on one device, for the single window of stage 0."""
    return host_steps.over_devices(
      refine_step.segment_windows, self._segmenter, devices=1
    )
