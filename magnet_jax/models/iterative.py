"""The network of iterative refinement: image and map to a better map."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from magnet_jax.models import layers, refiner


class Iterative(nn.Module):
  """Corrects a map by the image; applied again and again to its own result.

  After Li, Hariharan and Malik, Iterative Instance Segmentation, CVPR 2016. It
  has the layers of MagNet's refiner: every output pixel depends on the 9x9
  pixels around it.

  Attributes:
    num_classes: number of classes C.
    width: features of the first convolutions.
    momentum: of the batch statistics.
    prior: add the logarithm of the map to the logits, and start from it, so
      that only changes are learnt.
    dtype: of the computation; logits are float32 all the same.
  """

  num_classes: int
  width: int = 64
  momentum: float = 0.99
  prior: bool = True
  dtype: layers.Dtype = jnp.float32

  @nn.compact
  def __call__(
    self, *, images: jax.Array, coarse: jax.Array, train: bool = False
  ) -> jax.Array:
    """Maps an image and a map to logits.

    Args:
      images: normalised [B,h,w,3].
      coarse: Y, [B,h,w,C], probabilities.
      train: use and update the batch statistics.

    Returns:
      float32 [B,h,w,C].
    """
    logits = refiner.fully_convolutional(
      jnp.concatenate([images, coarse], axis=-1),
      self.num_classes,
      width=self.width,
      momentum=self.momentum,
      zero=self.prior,
      dtype=self.dtype,
      train=train,
    )
    if self.prior:
      logits += jnp.log(coarse + refiner.FLOOR).astype(jnp.float32)
    return logits
