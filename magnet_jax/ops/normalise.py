"""Converts uint8 pixels to what the networks were trained on, and back."""

from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp

# Mean and standard deviation of ImageNet's colours (red, green, blue), 0..1.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


def normalise(images: jax.Array) -> jax.Array:
  """Normalises by ImageNet's mean and deviation: uint8 [...,3] -> float32."""
  mean = jnp.asarray(MEAN, jnp.float32) * 255
  scale = 1 / (jnp.asarray(STD, jnp.float32) * 255)
  shape = (1,) * (images.ndim - 1) + (3,)
  pixels = images.astype(jnp.float32)
  return (pixels - mean.reshape(shape)) * scale.reshape(shape)


def colours(pixels: jax.Array) -> jax.Array:
  """Undoes `normalise`, to colours in [0, 1]: float32 [...,3]."""
  shape = (1,) * (pixels.ndim - 1) + (3,)
  mean, scale = (jnp.asarray(x, jnp.float32) for x in (MEAN, STD))
  return pixels * scale.reshape(shape) + mean.reshape(shape)


def blue_first(pixels: jax.Array) -> jax.Array:
  """Exchanges red and blue of `normalise`d pixels before the normalisation.

  So blue is normalised by the figures of red. Networks see this whose images
  OpenCV read, if nobody changed the order.
  """
  return _normalised(colours(pixels)[..., ::-1])


def caffe(pixels: jax.Array) -> jax.Array:
  """Turns `normalise`d pixels to Caffe's: blue, green, red, less their means.

  Values are 255 times as large as colours in [0, 1].
  """
  return (colours(pixels) - _row(MEAN, pixels))[..., ::-1] * 255


# How a network is trained to see colours: a name, and what makes them of
# normalised ones.
Colours = Literal['normalised', 'blue_first', 'caffe']
COLOURS: dict[Colours, Callable[[jax.Array], jax.Array]] = {
  'normalised': lambda pixels: pixels,
  'blue_first': blue_first,
  'caffe': caffe,
}


def _normalised(pixels: jax.Array) -> jax.Array:
  """Normalises colours in [0, 1]: float32 [...,3]."""
  return (pixels - _row(MEAN, pixels)) / _row(STD, pixels)


def _row(values: tuple[float, ...], like: jax.Array) -> jax.Array:
  """One number per channel, for an array of as many axes as another."""
  return jnp.asarray(values, jnp.float32).reshape((1,) * (like.ndim - 1) + (3,))
