"""A number per class that is added to every logit of a segmenter."""

from collections.abc import Sequence
import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from magnet_jax.cascade.host_segmenter import HostSegmenter
from magnet_jax.types import Network


def add(
  segmenter: Network | HostSegmenter, bias: Sequence[float]
) -> Network | HostSegmenter:
  """Returns the segmenter with a bias of the classes; itself for none.

  Args:
    segmenter: normalised images [B,h,w,3] -> logits [B,h,w,C].
    bias: C numbers, or none.
  """
  if not bias:
    return segmenter
  if isinstance(segmenter, HostSegmenter):
    return dataclasses.replace(segmenter, bias=tuple(bias))
  values = np.asarray(bias, np.float32)
  return jax.tree_util.Partial(_biased, segmenter, values)


def _biased(
  segmenter: Network, bias: jax.Array, images: jax.Array, **wanted: bool
) -> Any:
  """Calls the segmenter, with or without features."""
  if not wanted:
    return segmenter(images).astype(jnp.float32) + bias[None, None, None]
  logits, features = segmenter(images, **wanted)
  return logits.astype(jnp.float32) + bias[None, None, None], features
