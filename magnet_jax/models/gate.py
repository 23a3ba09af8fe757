"""The gate of scale attention: how far a window trusts the map before it.

After Tao, Sapra and Catanzaro (2020), whose coarser scale predicts how much it
is to be trusted. Here the finer one does, as it is computed last.
"""

from collections.abc import Mapping
import math

import flax.linen as nn
import jax
import jax.numpy as jnp

from magnet_jax.models import layers
from magnet_jax.ops import resize

STRIDE = 8  # pixels of the network's input per value of the gate, roughly


class Gate(nn.Module):
  """Weighs two maps of a window by the segmenter's features and both maps.

  Attributes:
    pool: features per value of the gate, on each axis.
    width: features of its convolution.
  """

  pool: int = 1
  width: int = 48

  @nn.compact
  def __call__(
    self,
    features: Mapping[str, jax.Array],
    *,
    scale: jax.Array,
    coarse: jax.Array,
  ) -> jax.Array:
    """Computes the logit of the coarse map's share, before any prior.

    Args:
      features: 'fused' [B,h',w',F], of the segmenter for the window.
      scale: O, float32 [B,h,w,C], the segmenter's output for the window.
      coarse: Y, float32 [B,h,w,C], the segmentation so far.

    Returns:
      float32 [B,h,w]; 0 everywhere before any training.
    """
    fused = features['fused'].astype(jnp.float32)
    rows, columns = (math.ceil(n / self.pool) for n in fused.shape[1:3])
    seen, own, before = (
      resize.mean_pool(x, (rows, columns)) for x in (fused, scale, coarse)
    )
    # Features have no fixed range, unlike both maps.
    seen = nn.LayerNorm(name='norm')(seen)
    x = jnp.concatenate([seen, own, before], axis=-1)
    x = layers.convolution(self.width, 3, use_bias=True, name='look')(x)
    # It starts from the running mean, which is right on average.
    last = nn.Dense(1, kernel_init=nn.initializers.zeros, name='decide')
    height, width = scale.shape[1:3]
    return resize.upsample(last(nn.relu(x)), (height, width))[..., 0]
