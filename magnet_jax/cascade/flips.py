"""Windows that are also seen mirrored: augmentation at test time.

    averaged = flips.average(segmenter, 4)

The result is the mean of the probabilities, each mirrored back. A network that
was trained on mirrored images errs differently in each of them.
"""

from collections.abc import Callable
import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from magnet_jax.cascade.host_segmenter import HostSegmenter
from magnet_jax.ops import softmax
from magnet_jax.types import Network

# The axes, rows or columns, along which the further images are mirrored.
_ROWS, _COLUMNS = 'rows', 'columns'
VIEWS: dict[int, tuple[tuple[str, ...], ...]] = {
  1: (),
  2: ((_COLUMNS,),),
  4: ((_COLUMNS,), (_ROWS,), (_ROWS, _COLUMNS)),
}
_LEAST = 1e-30  # its logarithm is finite in float32


def average(
  segmenter: Network | HostSegmenter, count: int
) -> Network | HostSegmenter:
  """Returns the segmenter as the mean of some views; itself for one.

  Args:
    segmenter: normalised images [B,h,w,3] -> logits [B,h,w,C]. Features that it
      returns as well are those of the images as they are.
    count: 1; 2 with the images mirrored left to right; 4 with both of these
      upside down as well.
  """
  if count == 1:
    return segmenter
  if isinstance(segmenter, HostSegmenter):
    function = functools.partial(_on_host, segmenter, VIEWS[count])
    return dataclasses.replace(
      segmenter, function=function, outputs='probabilities'
    )
  return jax.tree_util.Partial(_AVERAGES[count], segmenter)


def _averaged(
  segmenter: Network,
  images: jax.Array,
  *,
  views: tuple[tuple[str, ...], ...],
  **wanted: bool,
) -> Any:
  """Calls the segmenter for each view, with or without features."""
  found = segmenter(images, **wanted)
  logits = found[0] if wanted else found
  total = softmax.probabilities(logits)
  for names in views:
    axes = tuple({_ROWS: 1, _COLUMNS: 2}[name] for name in names)
    other = softmax.probabilities(segmenter(jnp.flip(images, axes)))
    total += jnp.flip(other, axes)
  mean = jnp.log(jnp.maximum(total / (len(views) + 1), _LEAST))
  return (mean, found[1]) if wanted else mean


# Made once, as what is compiled is kept by the identity of these functions.
_AVERAGES: dict[int, Callable[..., Any]] = {
  count: functools.partial(_averaged, views=views)
  for count, views in VIEWS.items()
}


def _on_host(
  segmenter: HostSegmenter,
  views: tuple[tuple[str, ...], ...],
  images: np.ndarray,
) -> Any:
  """Calls a function of NumPy arrays for each view; returns probabilities."""
  shown = None
  rows, channels = (2, 1) if segmenter.channels == 'first' else (1, 3)
  total = np.zeros((), np.float32)
  for names in ((), *views):
    axes = tuple({_ROWS: rows, _COLUMNS: rows + 1}[name] for name in names)
    # A copy: functions may write to their arguments, and PyTorch takes no
    # arrays of negative strides.
    result = segmenter.function(np.flip(images, axes).copy())
    if segmenter.features:
      result, features = result
      shown = features if shown is None else shown  # of the images as they are
    found = np.asarray(result)
    if segmenter.outputs == 'logits':
      found = _softmax(found.astype(np.float32), channels)
    total = total + np.flip(found, axes)
  mean: np.ndarray = total / np.float32(len(views) + 1)
  return (mean, shown) if segmenter.features else mean


def _softmax(logits: np.ndarray, axis: int) -> np.ndarray:
  raised = np.exp(logits - logits.max(axis, keepdims=True))
  found: np.ndarray = raised / raised.sum(axis, keepdims=True)
  return found
