"""Converts uint8 pixels to what the networks were trained on, and back."""

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
