"""Feature pyramid head (Lin et al., CVPR 2017) on a trunk of four levels.

The arrangement is the one that the published DeepGlobe network has: each
level is smoothed by two convolutions without activation, all are resized to
the finest, concatenated and classified by one 3x3 convolution.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from magnet_jax.models import layers
from magnet_jax.ops import resize


class FPN(nn.Module):
  """Segments images with a trunk and a feature pyramid.

  Attributes:
    trunk: maps images to levels, fine to coarse.
    num_classes: number of classes C.
    pyramid: features of the pyramid.
    head: features of each smoothed level.
    dtype: of the computation; logits are float32 all the same.
  """

  trunk: nn.Module
  num_classes: int
  pyramid: int = 256
  head: int = 128
  dtype: layers.Dtype = jnp.float32

  @nn.compact
  def __call__(
    self, images: jax.Array, *, train: bool = False, features: bool = False
  ) -> layers.Segmented:
    """Maps normalised images [B,h,w,3] to logits [B,h,w,C].

    With `features` the result is (logits, {'fused': [B,h',w',F]}), with what
    the last layer sees.
    """

    def conv(
      features: int, kernel: int, name: str, gain: float = 1.0
    ) -> nn.Module:
      return layers.convolution(
        features,
        kernel,
        use_bias=True,
        gain=gain,
        dtype=self.dtype,
        name=name,
      )

    levels = self.trunk(images, train=train)
    top = conv(self.pyramid, 1, 'top')(levels[-1])
    pyramid = [top]
    for i, level in enumerate(reversed(levels[:-1]), start=1):
      above = resize.upsample(pyramid[-1], level.shape[1:3])
      pyramid.append(above + conv(self.pyramid, 1, f'lateral{i}')(level))
    finest = pyramid[-1].shape[1:3]
    smooth = []
    for i, level in enumerate(pyramid, start=1):
      x = conv(self.pyramid, 3, f'smooth{i}_1')(level)
      x = conv(self.head, 3, f'smooth{i}_2')(x)
      smooth.append(resize.upsample(x, finest))
    fused = jnp.concatenate(smooth, axis=-1)
    # Nothing normalises these features: with full gain the logits of a fresh
    # network on a trained trunk are so large that the first steps are lost.
    logits = conv(self.num_classes, 3, 'classify', gain=0.01)(fused)
    height, width = images.shape[1:3]
    logits = resize.upsample(logits.astype(jnp.float32), (height, width))
    return (logits, {'fused': fused}) if features else logits
