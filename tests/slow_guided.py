"""The guided filter pixel by pixel, as the paper writes it."""

import numpy as np


def boxes(size, radius):
  """The pixels of each pixel's box, cut off at the border."""
  for y in range(size[0]):
    for x in range(size[1]):
      yield (
        (y, x),
        slice(max(y - radius, 0), y + radius + 1),
        slice(max(x - radius, 0), x + radius + 1),
      )


def guided(guide, maps, *, radius, eps):
  """float64 [H,W,C] of a guide [H,W,G] and maps [H,W,C]; nothing is clipped."""
  size, channels = guide.shape[:2], guide.shape[-1]
  a = np.zeros((*size, channels, maps.shape[-1]))
  b = np.zeros(maps.shape)
  for place, rows, columns in boxes(size, radius):
    colours = guide[rows, columns].reshape(-1, channels).astype(np.float64)
    values = maps[rows, columns].reshape(len(colours), -1).astype(np.float64)
    mean, middle = colours.mean(0), values.mean(0)
    away = colours - mean
    covariance = away.T @ away / len(away) + eps * np.eye(channels)
    a[place] = np.linalg.solve(
      covariance, away.T @ (values - middle) / len(away)
    )
    b[place] = middle - mean @ a[place]
  result = np.zeros(maps.shape)
  for place, rows, columns in boxes(size, radius):
    slope = a[rows, columns].mean((0, 1))
    result[place] = guide[place] @ slope + b[rows, columns].mean((0, 1))
  return result


def shares(maps):
  """Clipped at 0, summing to 1."""
  maps = np.maximum(maps, 0)
  return maps / maps.sum(-1, keepdims=True)


def example(size, seed=0, classes=3):
  """An image with outlines and noise, and probabilities that lean on it."""
  rng = np.random.default_rng(seed)
  image = rng.integers(0, 80, (*size, 3)).astype(np.uint8)
  image[size[0] // 3 :, size[1] // 2 :] += np.array([90, 170, 40], np.uint8)
  maps = rng.random((*size, classes)) + image[..., :1] / 255
  maps[..., 0] *= maps[..., 0] > 0.8
  return image, shares(maps).astype(np.float32)
