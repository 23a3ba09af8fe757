"""3x3 convolutions by a quarter of the products, for CPUs.

Winograd's way (Lavin and Gray, CVPR 2016): tiles of 6x6 pixels and the kernel
are evaluated at 36 points, multiplied there as matrices of channels, and the
products are turned into tiles of 4x4 pixels. A library of products computes all
three steps, in strips of tiles that stay in the cache.
"""

import functools

import jax
from jax import lax
import jax.numpy as jnp
import numpy as np

_TILE = 4  # pixels of a side of the results
_SIDE = _TILE + 2  # and of what they depend on
# With infinity, as many as a side has pixels. Halves round less than integers.
_POINTS = (0.0, 1.0, -1.0, 0.5, -2.0)
_STRIP = 2**9  # pixels, approximately
# Below, the way to the points and back takes longer than products do. Of
# channels before and after each, and of pixels
# (`experiments/forward/convolutions.py`).
_LEAST_CHANNELS, _LEAST_PIXELS = 96, 2**9


def worthwhile(x: jax.Array, kernel: jax.Array) -> bool:
  """Whether `convolve_tiles` is faster than XLA's convolution.

  Args:
    x: [B,H,W,C].
    kernel: [k,k,C,C'].
  """
  return (
    jax.default_backend() == 'cpu'
    and kernel.shape[:2] == (3, 3)
    and x.dtype == kernel.dtype == jnp.float32
    and min(kernel.shape[2:]) >= _LEAST_CHANNELS
    and x.shape[1] * x.shape[2] >= _LEAST_PIXELS
  )


# Jitted to have a name in what is traced: `export` writes it as one node.
@jax.jit
def convolve_tiles(x: jax.Array, kernel: jax.Array) -> jax.Array:
  """Convolves images with zeros around them; exact to 1e-5 of the range.

  Args:
    x: float32 [B,H,W,C].
    kernel: float32 [3,3,C,C'].

  Returns:
    float32 [B,H,W,C'].
  """
  return _convolve(x, kernel)


@jax.custom_vjp
def _convolve(x: jax.Array, kernel: jax.Array) -> jax.Array:
  # A program that is exported here may run elsewhere.
  found: jax.Array = lax.platform_dependent(
    x, kernel, cpu=by_tiles, default=direct
  )
  return found


def direct(x: jax.Array, kernel: jax.Array) -> jax.Array:
  """Computes `convolve_tiles` by XLA's convolution."""
  return lax.conv_general_dilated(
    x,
    kernel,
    (1, 1),
    ((1, 1), (1, 1)),
    dimension_numbers=('NHWC', 'HWIO', 'NHWC'),
  )


def by_tiles(x: jax.Array, kernel: jax.Array) -> jax.Array:
  """Computes `convolve_tiles` by products, one image at a time."""
  values = _at_points(kernel)
  one = functools.partial(_one_image, values=values)
  return one(x[0])[None] if len(x) == 1 else lax.map(one, x)


def _forward(
  x: jax.Array, kernel: jax.Array
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
  return _convolve(x, kernel), (x, kernel)


def _backward(
  kept: tuple[jax.Array, jax.Array], gradient: jax.Array
) -> tuple[jax.Array, jax.Array]:
  of_both: tuple[jax.Array, jax.Array] = jax.vjp(direct, *kept)[1](gradient)
  return of_both


_convolve.defvjp(_forward, _backward)


@functools.cache
def _matrices() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """The steps as matrices, by Toom and Cook's interpolation.

  Returns:
    float32 [36,9], from a kernel to the points; [36,36], from a tile to the
    points; [16,36], from the points to a tile.
  """
  kernel, pixels = np.zeros((_SIDE, 3)), np.zeros((_SIDE, _SIDE))
  result = np.zeros((_TILE, _SIDE))
  for row, point in enumerate(_POINTS):
    others = [each for each in _POINTS if each != point]
    scale = np.prod([point - each for each in others])
    kernel[row] = point ** np.arange(3) / scale
    pixels[row, : _SIDE - 1] = np.poly(others)[::-1]
    result[:, row] = point ** np.arange(_TILE)
  # The point at infinity sees the highest powers alone.
  kernel[-1, -1] = result[-1, -1] = 1
  pixels[-1] = np.poly(_POINTS)[::-1]
  both = (np.kron(each, each) for each in (kernel, pixels, result))
  first, second, third = (each.astype(np.float32) for each in both)
  return first, second, third


def _product(a: jax.Array | np.ndarray, b: jax.Array) -> jax.Array:
  return jnp.dot(a, b, precision=lax.Precision.HIGHEST)


def _at_points(kernel: jax.Array) -> jax.Array:
  """Evaluates a kernel [3,3,C,C'] at all points: [36,C,C']."""
  channels = kernel.shape[2:]
  found = _product(_matrices()[0], kernel.reshape(9, -1))
  return found.reshape(_SIDE**2, *channels)


def _one_image(x: jax.Array, values: jax.Array) -> jax.Array:
  """Convolves an image [H,W,C], given the kernel at all points."""
  height, width, channels = x.shape
  down, across = -(-height // _TILE), -(-width // _TILE)
  rows = max(1, _STRIP // (_TILE**2 * across))  # of tiles, in a strip
  count = -(-down // rows)
  rows = -(-down // count)  # as many in each, where not all are full
  ends = (_TILE * (count * rows + 1), _TILE * (across + 1))
  padded = jnp.pad(
    x, ((1, ends[0] - height - 1), (1, ends[1] - width - 1), (0, 0))
  )

  def strip(first: jax.Array) -> jax.Array:
    part = lax.dynamic_slice_in_dim(
      padded, first * _TILE, (rows + 1) * _TILE, axis=0
    )
    tiles = _tiles(part.reshape(rows + 1, _TILE, across + 1, _TILE, channels))
    points = _product(_matrices()[1], tiles.reshape(_SIDE**2, -1))
    points = jnp.einsum(
      'npc,ncd->npd',
      points.reshape(_SIDE**2, rows * across, channels),
      values,
      precision=lax.Precision.HIGHEST,
    )
    found = _product(_matrices()[2], points.reshape(_SIDE**2, -1))
    found = found.reshape(_TILE, _TILE, rows, across, -1)
    return found.transpose(2, 0, 3, 1, 4)

  strips = lax.map(strip, jnp.arange(count) * rows)
  whole = strips.reshape(count * rows * _TILE, across * _TILE, -1)
  return whole[:height, :width]


def _tiles(blocks: jax.Array) -> jax.Array:
  """Cuts tiles that overlap by two pixels out of blocks that do not.

  Args:
    blocks: [n+1,4,m+1,4,C].

  Returns:
    [6,6,n,m,C].
  """

  def shifted(x: jax.Array, axis: int) -> jax.Array:
    """Takes a block's four pixels and the next one's first two."""
    stop = x.shape[axis] - 1
    own = lax.slice_in_dim(x, 0, stop, axis=axis)
    following = lax.slice_in_dim(x, 1, stop + 1, axis=axis)
    inside = axis + 1
    pixels = [
      lax.index_in_dim(own, i, inside, keepdims=False) for i in range(_TILE)
    ] + [
      lax.index_in_dim(following, i, inside, keepdims=False)
      for i in range(_SIDE - _TILE)
    ]
    return jnp.stack(pixels)

  # [6,n,m+1,4,C], then [6,6,n,m,C] of which the columns come first.
  return shifted(shifted(blocks, 0), 2).swapaxes(0, 1)
