"""A compiled step with a segmenter that runs on the host.

A function of NumPy arrays cannot be part of a compiled step. A callback out of
the step would do on paper; tried with four CPU devices and windows of 612x612,
it waits for ever for its own images, and its errors come as a page of XLA's.
So it runs before the step, which receives the logits: errors stay errors, and
the device refines one batch while the host segments the next.
"""

import functools
from typing import Any

import jax
import numpy as np

from magnet_jax import parallel
from magnet_jax.cascade.host_segmenter import HostSegmenter
from magnet_jax.types import Network


def over_devices(
  step: parallel.Step,
  segmenter: Network | HostSegmenter | None,
  *networks: Any,
  devices: int | None = None,
  **settings: Any,
) -> parallel.Step:
  """As `parallel.over_devices`, for any segmenter.

  Args:
    step: function (segmenter, *networks, *, images, **arrays) of
      `refine_step`.
    segmenter: part of the compiled step, or run before it on the host; None
      for a step that does without.
    *networks: what the step takes besides.
    devices: how many to use; all by default.
    **settings: hashable static keyword arguments of the step.
  """
  if not isinstance(segmenter, HostSegmenter):
    return parallel.over_devices(
      step, segmenter, *networks, devices=devices, **settings
    )
  run = parallel.over_devices(
    _with_logits, *networks, devices=devices, inner=step, **settings
  )
  return functools.partial(_segment_first, segmenter, run)


def _segment_first(
  segmenter: HostSegmenter,
  run: parallel.Step,
  *,
  images: np.ndarray,
  **arrays: np.ndarray,
) -> Any:
  return run(logits=segmenter(images), images=images, **arrays)


def _with_logits(
  *networks: Any, inner: parallel.Step, logits: jax.Array, **arrays: Any
) -> Any:
  """The inner step with a segmenter that has done its work already."""
  return inner(lambda images: logits, *networks, **arrays)
