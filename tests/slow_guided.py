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


def models(guide, maps, *, radius, eps):
  """The mean models a [H,W,G,C] and b [H,W,C] of each pixel's boxes."""
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
  slopes, rest = np.zeros(a.shape), np.zeros(b.shape)
  for place, rows, columns in boxes(size, radius):
    slopes[place] = a[rows, columns].mean((0, 1))
    rest[place] = b[rows, columns].mean((0, 1))
  return slopes, rest


def guided(guide, maps, *, radius, eps):
  """float64 [H,W,C] of a guide [H,W,G] and maps [H,W,C]; nothing is clipped."""
  slopes, rest = models(guide, maps, radius=radius, eps=eps)
  return np.einsum('hwg,hwgc->hwc', guide, slopes) + rest


def fast_guided(guide, maps, *, radius, eps, side):
  """The same by models of cells of `side` pixels, enlarged bilinearly."""
  size = guide.shape[:2]
  small = [_cells(each, side) for each in (guide, maps)]
  slopes, rest = models(*small, radius=max(1, round(radius / side)), eps=eps)
  result = np.zeros(maps.shape)
  for y in range(size[0]):
    for x in range(size[1]):
      for row, down in _corners(y, side, len(slopes)):
        for column, across in _corners(x, side, len(slopes[0])):
          found = guide[y, x] @ slopes[row, column] + rest[row, column]
          result[y, x] += down * across * found
  return result


def _cells(values, side):
  """Means over cells; those beyond the edge repeat the last row or column."""
  below, right = (-length % side for length in values.shape[:2])
  whole = np.pad(values, ((0, below), (0, right), (0, 0)), 'edge')
  height, width = whole.shape[0] // side, whole.shape[1] // side
  return whole.reshape(height, side, width, side, -1).mean((1, 3))


def _corners(place, side, count):
  """The two cells whose centres are next to a pixel's, with their shares."""
  at = min(max((place + 0.5) / side - 0.5, 0), count - 1)
  low = min(int(at), count - 1)
  return (low, 1 - at + low), (min(low + 1, count - 1), at - low)


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
