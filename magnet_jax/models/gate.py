"""The gate of scale attention: how far a window trusts the map before it.

After Tao, Sapra and Catanzaro (2020), whose coarser scale predicts how much it
is to be trusted. Here the finer one does, as it is computed last.
"""

from collections.abc import Callable, Mapping
import functools
import inspect

import flax.linen as nn
import jax
import jax.numpy as jnp

from magnet_jax.models import layers
from magnet_jax.ops import part_means, resize
from magnet_jax.types import InputError, Size

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
    seen = part_means.shrunk(fused, self.pool)
    size = (seen.shape[1], seen.shape[2])
    own, before = (part_means.mean_pool(x, size) for x in (scale, coarse))
    # Features have no fixed range, unlike both maps.
    seen = nn.LayerNorm(name='norm')(seen)
    x = jnp.concatenate([seen, own, before], axis=-1)
    x = layers.convolution(self.width, 3, use_bias=True, name='look')(x)
    # It starts from the running mean, which is right on average.
    last = nn.Dense(1, kernel_init=nn.initializers.zeros, name='decide')
    height, width = scale.shape[1:3]
    return resize.upsample(last(nn.relu(x)), (height, width))[..., 0]


def make_gate(
  segmenter: nn.Module, network: Size, num_classes: int
) -> tuple[Gate, Callable[[jax.Array], dict[str, dict]]]:
  """Builds the gate that looks at the features of a segmenter.

  Args:
    segmenter: a module that returns features.
    network: (h, w), the networks' input size.
    num_classes: C.

  Returns:
    The gate, and the function that makes its variables from a random key.

  Raises:
    InputError: the segmenter returns no features by the name 'fused'.
  """
  return of_features(_fused(segmenter, network), network, num_classes)


def of_features(
  fused: jax.ShapeDtypeStruct, network: Size, num_classes: int
) -> tuple[Gate, Callable[[jax.Array], dict[str, dict]]]:
  """Builds the gate that looks at features of a known shape.

  Args:
    fused: the features [1,h',w',F] of a window.
    network: (h, w), the networks' input size.
    num_classes: C.

  Returns:
    As `make_gate`.
  """
  module = Gate(_pool(network, fused.shape[1:3]), parent=None, name=None)
  maps = jax.ShapeDtypeStruct((1, *network, num_classes), jnp.float32)

  def init(key: jax.Array) -> dict[str, dict]:
    shown, both = (jnp.zeros(x.shape, x.dtype) for x in (fused, maps))
    return dict(module.init(key, {'fused': shown}, scale=both, coarse=both))

  return module, init


def _pool(network: Size, features: Size) -> int:
  """How many features on a side make up a value of the gate."""
  wanted = max(1, round(STRIDE * features[0] / network[0]))
  # Parts of equal size are averaged much faster.
  near = sorted(
    range(-(-2 * wanted // 3), 3 * wanted // 2 + 1),
    key=lambda pool: (abs(pool - wanted), pool),
  )
  equal = [pool for pool in near if not any(n % pool for n in features)]
  return (equal or [wanted])[0]


def _fused(segmenter: nn.Module, network: Size) -> jax.ShapeDtypeStruct:
  """The shape of a segmenter's features for one window."""
  name = type(segmenter).__name__
  if 'features' not in inspect.signature(segmenter.__call__).parameters:
    raise InputError(
      f'fusion scale_attention: the segmenter {name} returns no features for '
      'its gate; write __call__(self, images, *, train=False, features=False) '
      "that can return (logits, {'fused': features}), or choose another fusion"
    )
  images = jnp.zeros((1, *network, 3))
  run = functools.partial(segmenter.init_with_output, features=True)
  try:
    (_, found), _ = jax.eval_shape(run, jax.random.key(0), images)
    fused: jax.ShapeDtypeStruct = found['fused']
    if fused.ndim == 4:
      return fused
    reason = f'of {fused.ndim} axes'
  # Anything may be raised in a network of the user's own.
  except Exception as error:
    reason = f'{type(error).__name__}: {(str(error).splitlines() or [""])[0]}'
  raise InputError(
    f"fusion scale_attention: {name} must return (logits, {{'fused': features "
    f"[B,h',w',F]}}) when called with features=True ({reason[:200]}); correct "
    'its output, or choose another fusion'
  )
