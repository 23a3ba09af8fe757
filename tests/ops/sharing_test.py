"""Sharing of features against slow references at the image's full size."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.ops import sharing


@pytest.fixture(name='rng')
def make_rng():
  return np.random.default_rng(0)


def slow_crop(maps, place, size):
  """Reads a window pixel by pixel, bilinearly; the border is repeated."""
  found = np.zeros((*size, maps.shape[-1]))
  for i, j in np.ndindex(*size):
    at = []
    for axis, number in enumerate((i, j)):
      share = place[axis] + (number + 0.5) / size[axis] * place[axis + 2]
      last = maps.shape[axis] - 1
      centre = min(max(share * maps.shape[axis] - 0.5, 0), last)
      low = int(centre)
      at.append((low, min(low + 1, last), centre - low))
    (top, bottom, down), (left, right, across) = at
    upper = maps[top, left] * (1 - across) + maps[top, right] * across
    lower = maps[bottom, left] * (1 - across) + maps[bottom, right] * across
    found[i, j] = upper * (1 - down) + lower * down
  return found


def test_crops_are_resized_bilinearly(rng):
  maps = rng.normal(size=(3, 7, 9, 2)).astype(np.float32)
  places = np.array(
    [[0.1, 0.3, 0.4, 0.5], [0, 0, 1, 1], [0.5, 0.2, 1.1, 0.7]], np.float32
  )
  found = jax.jit(sharing.crop, static_argnums=2)(maps, places, (5, 4))
  for one, own, place in zip(found, maps, places, strict=True):
    np.testing.assert_allclose(one, slow_crop(own, place, (5, 4)), atol=1e-5)


def slow_paste(pieces, corners, window, image, size):
  """Pastes at full size with a count, reduces both, and divides them."""
  total = np.zeros((*image, pieces.shape[-1]))
  count = np.zeros(image)
  step = window // pieces.shape[1]
  for piece, (top, left) in zip(pieces, corners, strict=True):
    whole = piece.repeat(step, 0).repeat(step, 1)
    whole = whole[: image[0] - top, : image[1] - left]
    inside = slice(top, top + window), slice(left, left + window)
    total[inside] += whole
    count[inside] += 1
  parts = [side // n for side, n in zip(image, size, strict=True)]
  split = (size[0], parts[0], size[1], parts[1])
  total = total.reshape(*split, -1).mean((1, 3))
  count = count.reshape(split).mean((1, 3))
  return total / np.maximum(count, 1e-9)[..., None], count


@pytest.mark.parametrize('size', [(6, 8), (3, 4), (2, 2)])
def test_windows_are_pasted_reduced_and_divided_by_their_count(rng, size):
  window, image = 8, (12, 16)
  # Overlaps, one that sticks out, and a corner that no window covers.
  corners = [(0, 0), (0, 5), (4, 0), (6, 2), (7, 1)]
  pieces = rng.normal(size=(5, 4, 4, 3)).astype(np.float32)
  places = np.array(
    [(t / 12, x / 16, window / 12, window / 16) for t, x in corners],
    np.float32,
  )
  paste = jax.jit(sharing.paste, static_argnums=2)
  total, count = paste(pieces, places, size)
  wanted, slow_count = slow_paste(pieces, corners, window, image, size)
  np.testing.assert_allclose(count, slow_count, atol=1e-5)
  found = sharing.mean(total, count)
  np.testing.assert_allclose(found, wanted, atol=1e-4)
  if size == (6, 8):
    assert slow_count[-1, -1] == 0
    np.testing.assert_array_equal(found[-1, -1], 0)
  # One by one is the same.
  parts = [paste(pieces[n : n + 1], places[n : n + 1], size) for n in range(5)]
  np.testing.assert_allclose(sum(t for t, _ in parts), total, atol=1e-4)
  np.testing.assert_allclose(sum(c for _, c in parts), count, atol=1e-5)


def test_a_map_in_one_piece_comes_back():
  maps = jnp.arange(24.0).reshape(1, 4, 6, 1)
  place = jnp.asarray([[0.0, 0, 1, 1]])

  @jax.jit
  def there_and_back(maps):
    pasted = sharing.paste(maps, place, (4, 6))
    return sharing.mean(*pasted)[None], sharing.crop(maps, place, (4, 6))

  for found in there_and_back(maps):
    np.testing.assert_allclose(found, maps, atol=1e-5)
