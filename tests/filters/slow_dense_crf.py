"""The dense CRF in its plainest form, for comparison: all pairs of pixels."""

import numpy as np


def dense_crf(
  image,
  maps,
  *,
  steps=5,
  gaussian_weight=3,
  gaussian_sigma=3,
  bilateral_weight=10,
  bilateral_sigma=80,
  colour_sigma=13,
):
  """All steps in float64."""
  positions = np.stack(np.indices(maps.shape[:2]), -1).reshape(-1, 2)
  colours = image.reshape(-1, 3) / colour_sigma
  kernels = gaussian_weight * kernel(
    positions / gaussian_sigma
  ) + bilateral_weight * kernel(
    np.concatenate([positions / bilateral_sigma, colours], 1)
  )
  given = np.log(
    np.clip(maps.reshape(-1, maps.shape[-1]), 1e-5, 1), dtype=float
  )
  found = _softmax(given)
  for _ in range(steps):
    found = _softmax(given + kernels @ found)
  return found.reshape(maps.shape)


def kernel(features):
  """D^-1/2 K D^-1/2."""
  squares = (features**2).sum(1)
  distances = squares[:, None] + squares - 2 * features @ features.T
  values = np.exp(-np.maximum(distances, 0) / 2)
  scale = 1 / np.sqrt(values.sum(1))
  return values * scale[:, None] * scale


def example(kind, size=(40, 40), num_classes=5):
  """An image of a kind, and probabilities of blocks with noise."""
  random = np.random.default_rng(3)
  height, width = size
  rows, columns = np.indices(size)
  image = {
    # Every colour alone, which is the hardest for a grid of colours.
    'noise': random.integers(0, 256, (*size, 3)),
    'fields': np.stack(
      [
        90 + 60 * (rows // 13 % 2) + 20 * (columns // 11 % 3),
        100 + 25 * (columns // 11 % 3) + rows,
        80 + 30 * (rows // 13 % 2) + columns,
      ],
      axis=-1,
    )
    + random.normal(0, 5, (*size, 3)),
    'ramp': np.stack([rows * 6, columns * 6, rows * 3 + 20], axis=-1)
    + random.normal(0, 4, (*size, 3)),
  }[kind]
  blocks = random.normal(0, 2, (height // 8 + 1, width // 8 + 1, num_classes))
  logits = blocks.repeat(8, 0).repeat(8, 1)[:height, :width]
  logits = logits + random.normal(0, 0.3, logits.shape)
  return image.clip(0, 255).astype(np.uint8), _softmax(logits).astype(
    np.float32
  )


def _softmax(logits):
  values = np.exp(logits - logits.max(-1, keepdims=True))
  return values / values.sum(-1, keepdims=True)
