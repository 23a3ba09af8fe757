"""Features that two branches share: of the whole image, and of its windows.

The parts of GLNet (Chen et al., CVPR 2019) that have no weights. A place is
(top, left, height, width) of a window in the image, as shares of its sides;
what a window has beyond the image is padding.
"""

import jax
from jax import lax
import jax.numpy as jnp
import numpy as np

from magnet_jax.ops import resize, windows
from magnet_jax.types import Size, WindowGrid

# Least share of a window that its neighbours see too: 50 of 508 pixels.
OVERLAP = 50 / 508


def make_grid(size: Size, window: Size) -> WindowGrid:
  """Returns the windows of an image.

  >>> len(make_grid((2448, 2448), (508, 508)))
  36
  """
  return windows.make_grid(size, window, OVERLAP)


def places(grid: WindowGrid) -> np.ndarray:
  """Returns the windows as `ops.sharing` describes them: float32 [N,4]."""
  sides = np.array(grid.size, np.float32)
  corners = np.array(grid.corners, np.float32) / sides
  extents = np.broadcast_to(np.array(grid.window) / sides, corners.shape)
  return np.concatenate([corners, extents], axis=1).astype(np.float32)


def crop(maps: jax.Array, places: jax.Array, size: Size) -> jax.Array:
  """Cuts windows out of maps of whole images, and resizes them bilinearly.

  Args:
    maps: floats [B,H,W,F].
    places: float32 [B,4], one window of each.
    size: (h, w) of the result.

  Returns:
    [B,h,w,F].
  """
  sides = jnp.asarray(maps.shape[1:3], jnp.float32)
  wanted = jnp.asarray(size, jnp.float32)

  def one(own: jax.Array, place: jax.Array) -> jax.Array:
    offset, extent = place[:2] * sides, place[2:] * sides
    return resize.sample(
      own.astype(jnp.float32), offset=offset, ratio=extent / wanted, size=size
    ).astype(own.dtype)

  return jax.vmap(one)(maps, places)


def _overlaps(
  start: jax.Array, extent: jax.Array, pixels: int, length: int
) -> jax.Array:
  """How much of each pixel of an image's axis lies under each of a window's.

  Args:
    start: of the window, as a share of the axis.
    extent: its length.
    pixels: of the window.
    length: pixels of the image's map.

  Returns:
    float32 [length,pixels], shares of a pixel of the map.
  """
  step = extent * length / pixels
  edges = start * length + step * lax.iota(jnp.float32, pixels + 1)
  own = lax.iota(jnp.float32, length)[:, None]
  low = jnp.maximum(edges[None, :-1], own)
  high = jnp.minimum(edges[None, 1:], own + 1)
  return jnp.maximum(high - low, 0.0)


def paste(
  pieces: jax.Array, places: jax.Array, size: Size
) -> tuple[jax.Array, jax.Array]:
  """Pastes maps of windows into one of the whole image, reduced to a size.

  Args:
    pieces: floats [N,h,w,F], of windows of the same image.
    places: float32 [N,4].
    size: (H, W) of the result.

  Returns:
    [H,W,F], the sum over the windows, each averaged over the pixels of the
    result; float32 [H,W], how many windows cover each of these. Both of further
    windows can be added; `mean` divides them.
  """
  rows, columns = (
    jax.vmap(_overlaps, (0, 0, None, None))(
      places[:, axis], places[:, axis + 2], pieces.shape[axis + 1], size[axis]
    )
    for axis in (0, 1)
  )
  exact = lax.Precision.HIGHEST
  maps = pieces.astype(jnp.float32)
  maps = jnp.einsum('nhy,nywf->nhwf', rows, maps, precision=exact)
  total = jnp.einsum('nhxf,nwx->hwf', maps, columns, precision=exact)
  count = jnp.einsum(
    'nh,nw->hw', rows.sum(-1), columns.sum(-1), precision=exact
  )
  return total.astype(pieces.dtype), count


def mean(total: jax.Array, count: jax.Array) -> jax.Array:
  """Divides a sum [H,W,F] by its count [H,W]; 0 where no window was."""
  there = jnp.where(count > 0, count, 1.0)
  return total / there[..., None].astype(total.dtype)
