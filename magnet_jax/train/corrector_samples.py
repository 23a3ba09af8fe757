"""What correctors learn from: the maps that a frozen segmenter makes."""

import jax
import jax.numpy as jnp

from magnet_jax.cascade import refine_step
from magnet_jax.ops import normalise, resize
from magnet_jax.train.steps import Batch
from magnet_jax.types import Network, Size

Samples = dict[str, jax.Array]


def start_maps(
  segmenter: Network, batch: Batch, *, start: str, network: Size
) -> Samples:
  """Makes the maps that are to be corrected, by a frozen segmenter.

  Args:
    segmenter: normalised images [B,h,w,3] -> logits [B,h,w,C].
    batch: images uint8 [B,S,h',w',3], the first of the whole image and the last
      a part at full size, labels uint8 [B,S,h',w'], and offsets and ratios
      float32 [B,S,2] of the last in the first.
    start: 'downsample' or 'patch', the method that would make the map.
    network: (h, w) of the segmenter's input.

  Returns:
    'images', normalised float32 [B,h',w',3], and their 'coarse', float32
    [B,h',w',C], probabilities, and 'labels' uint8 [B,h',w'].
  """
  last = normalise.normalise(batch['images'][:, -1])
  whole = start == 'downsample'
  seen = normalise.normalise(batch['images'][:, 0]) if whole else last
  size = (seen.shape[1], seen.shape[2])
  if size != network:
    seen = resize.upsample(seen, network)
  logits = segmenter(seen).astype(jnp.float32)
  coarse = jax.nn.softmax(logits)
  if size != network:
    coarse = resize.upsample(coarse, size)
  if whole:
    places = batch['offsets'][:, -1], batch['ratios'][:, -1]
    coarse = refine_step.crop(coarse, *places, size)
  return {'images': last, 'coarse': coarse, 'labels': batch['labels'][:, -1]}
