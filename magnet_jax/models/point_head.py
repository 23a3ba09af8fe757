"""The head of PointRend, which decides single points (CVPR 2020)."""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp

from magnet_jax.models import layers
from magnet_jax.ops import points, resize
from magnet_jax.types import Size


class PointHead(nn.Module):
  """Classifies a point by its fine feature and its coarse logits.

  Attributes:
    num_classes: C.
    units: features of each hidden layer.
    depth: number of hidden layers.
    dtype: of the computation; logits are float32 all the same.
  """

  num_classes: int
  units: int = 256
  depth: int = 3
  dtype: layers.Dtype = jnp.float32

  @nn.compact
  def __call__(self, fine: jax.Array, coarse: jax.Array) -> jax.Array:
    """Maps features [B,P,F] and logits [B,P,C] to logits [B,P,C]."""
    x = jnp.concatenate([y.astype(self.dtype) for y in (fine, coarse)], -1)
    for i in range(1, self.depth + 1):
      layer = layers.convolution(
        self.units, 1, use_bias=True, dtype=self.dtype, name=f'fc{i}'
      )
      x = nn.relu(layer(x))
    last = nn.Dense(
      self.num_classes,
      dtype=self.dtype,
      kernel_init=nn.initializers.normal(0.001),
      name='predictor',
    )
    return last(x).astype(jnp.float32)


def sizes(have: Size, want: Size) -> list[Size]:
  """Returns the sizes of the maps between a coarse one and the image.

  The last is the image's, each other one half of the next, rounded up.

  Args:
    have: (height, width) of the coarse map.
    want: those of the image.

  >>> sizes((77, 77), (306, 306)), sizes((153, 153), (306, 306))
  ([(153, 153), (306, 306)], [(306, 306)])
  """
  found = [want]
  while True:
    height, width = (-(-side // 2) for side in found[0])
    if height <= have[0] and width <= have[1]:
      return found
    found.insert(0, (height, width))


def subdivide(
  decide: Callable[[jax.Array], jax.Array],
  coarse: jax.Array,
  size: Size,
  count: int,
) -> jax.Array:
  """Enlarges a coarse map by 2 at a time, and decides its unsure points.

  Args:
    decide: points float32 [B,N,2] -> logits [B,N,C].
    coarse: float32 [B,h,w,C], logits.
    size: (height, width) of the result.
    count: N, the least certain points of each step.

  Returns:
    float32 [B,H,W,C], logits.
  """
  logits = coarse
  for each in sizes((coarse.shape[1], coarse.shape[2]), size):
    logits = resize.upsample(logits, each)
    index, places = points.least_certain(logits, count)
    logits = points.replace(logits, index, decide(places))
  return logits
