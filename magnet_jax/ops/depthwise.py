"""Depthwise convolution: each channel is filtered by a kernel of its own.

XLA's grouped convolution is made for accelerators. On the CPU it is far slower
than the sum of shifted images that stands here beside it, whose gradients are
written out, as those that JAX would derive are slower too.
"""

from collections.abc import Iterator
import functools
import itertools

import jax
import jax.numpy as jnp

from magnet_jax.types import Size

Phases = dict[Size, jax.Array]


def margins(size: int, kernel: int, stride: int) -> Size:
  """Returns TensorFlow's SAME padding of one side: (before, after).

  An odd number of pixels puts one more after than before, so that an even
  side that is halved is padded below and right only.

  >>> margins(8, 3, 2), margins(9, 3, 2)
  ((0, 1), (1, 1))
  """
  steps = -(-size // stride)
  total = max(0, (steps - 1) * stride + kernel - size)
  return total // 2, total - total // 2


# Jitted to have a name in what is traced: `export` writes it as one node.
@functools.partial(jax.jit, static_argnames='stride')
def convolve(x: jax.Array, kernel: jax.Array, stride: int = 1) -> jax.Array:
  """Convolves each channel with its own kernel, padded like TensorFlow's SAME.

  Args:
    x: [B,H,W,C].
    kernel: [k,k,1,C], of x's data type; k is at least the stride.
    stride: of both sides.

  Returns:
    [B,ceil(H/stride),ceil(W/stride),C].
  """
  if jax.default_backend() == 'cpu':
    return shift_and_add(x, kernel, stride)
  return grouped(x, kernel, stride)


def grouped(x: jax.Array, kernel: jax.Array, stride: int = 1) -> jax.Array:
  """Computes `convolve` by one grouped convolution, for accelerators."""
  return jax.lax.conv_general_dilated(
    x,
    kernel,
    (stride, stride),
    [margins(side, kernel.shape[0], stride) for side in x.shape[1:3]],
    dimension_numbers=('NHWC', 'HWIO', 'NHWC'),
    feature_group_count=x.shape[-1],
  )


def shift_and_add(
  x: jax.Array, kernel: jax.Array, stride: int = 1
) -> jax.Array:
  """Computes `convolve` as a weighted sum of shifted images, for the CPU."""
  # Summed in float32 whatever the type, as grouped convolutions are.
  total = _convolve(x.astype(jnp.float32), kernel.astype(jnp.float32), stride)
  return total.astype(x.dtype)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def _convolve(x: jax.Array, kernel: jax.Array, stride: int) -> jax.Array:
  side = kernel.shape[0]
  phases = _phases(x, side, stride)
  size = (-(-x.shape[1] // stride), -(-x.shape[2] // stride))
  return _sum(
    jax.lax.mul(seen, _weight(kernel, i, j, seen.shape))
    for i, j in _taps(side)
    for seen in (_shifted(phases, i, j, size, stride),)
  )


def _forward(
  x: jax.Array, kernel: jax.Array, stride: int
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
  return _convolve(x, kernel, stride), (x, kernel)


def _backward(
  stride: int, kept: tuple[jax.Array, jax.Array], gradient: jax.Array
) -> tuple[jax.Array, jax.Array]:
  x, kernel = kept
  side = kernel.shape[0]
  return (
    _input_gradient(gradient, kernel, stride, (x.shape[1], x.shape[2])),
    _kernel_gradient(gradient, _phases(x, side, stride), side, stride),
  )


_convolve.defvjp(_forward, _backward)


def _taps(side: int) -> Iterator[tuple[int, int]]:
  return itertools.product(range(side), range(side))


def _sum(terms: Iterator[jax.Array]) -> jax.Array:
  """Sums without a 0 before the first term."""
  return functools.reduce(jax.lax.add, terms)


def _weight(
  kernel: jax.Array, i: int, j: int, shape: tuple[int, ...]
) -> jax.Array:
  """Returns the weights of tap (i, j), [1,1,1,C], as often as `shape` says.

  By operations of XLA: those of NumPy take several times as long to trace, and
  there are 25 taps in many layers.
  """
  start = (i, j, 0, 0)
  one = jax.lax.slice(kernel, start, (i + 1, j + 1, *kernel.shape[2:]))
  return jax.lax.broadcast_in_dim(one, shape, range(4))


def _phases(x: jax.Array, side: int, stride: int) -> Phases:
  """Splits a padded image into every stride-th pixel from each start on.

  What is shifted is contiguous then, which saves time where strides are 2. The
  barrier keeps the splitting from being repeated for every tap.
  """
  edges = [margins(n, side, stride) for n in x.shape[1:3]]
  padded = jnp.pad(x, [(0, 0), *edges, (0, 0)])
  return {
    (a, b): jax.lax.optimization_barrier(padded[:, a::stride, b::stride])
    for a, b in itertools.product(range(stride), repeat=2)
  }


def _shifted(
  phases: Phases, i: int, j: int, size: Size, stride: int
) -> jax.Array:
  """Returns the pixels that tap (i, j) sees, [B,*size,C]."""
  top, left = i // stride, j // stride
  phase = phases[i % stride, j % stride]
  batch, _, _, channels = phase.shape
  end = (batch, top + size[0], left + size[1], channels)
  return jax.lax.slice(phase, (0, top, left, 0), end)


def _kernel_gradient(
  gradient: jax.Array, phases: Phases, side: int, stride: int
) -> jax.Array:
  """Correlates the output's gradient with the image, [k,k,1,C].

  All taps in one reduction, which reads both arrays once; along the rows only
  at first, as that is done in parallel and rounds less.
  """
  _, height, width, channels = gradient.shape
  products = [
    _shifted(phases, i, j, (height, width), stride) * gradient
    for i, j in _taps(side)
  ]
  rows = jax.lax.reduce(
    tuple(products),
    tuple(jnp.zeros((), gradient.dtype) for _ in products),
    lambda a, b: tuple(x + y for x, y in zip(a, b, strict=True)),
    (2,),
  )
  sums = jnp.stack([row.sum((0, 1)) for row in rows])
  return sums.reshape(side, side, 1, channels)


def _input_gradient(
  gradient: jax.Array, kernel: jax.Array, stride: int, size: Size
) -> jax.Array:
  """Spreads the output's gradient over the image, [B,*size,C].

  Each phase of the image is a convolution with a part of the kernel; they are
  interleaved at the end.
  """
  side = kernel.shape[0]
  (top, bottom), (left, right) = (margins(n, side, stride) for n in size)
  rows = -(-(size[0] + top + bottom) // stride)
  columns = -(-(size[1] + left + right) // stride)
  reach = (side - 1) // stride
  margin = [
    (reach, rows - gradient.shape[1]),
    (reach, columns - gradient.shape[2]),
  ]
  padded = jax.lax.optimization_barrier(
    jnp.pad(gradient, [(0, 0), *margin, (0, 0)])
  )

  def phase(a: int, b: int) -> jax.Array:
    taps = itertools.product(range(a, side, stride), range(b, side, stride))
    return _sum(
      padded[
        :,
        reach - i // stride : reach - i // stride + rows,
        reach - j // stride : reach - j // stride + columns,
      ]
      * kernel[i, j][None, None]
      for i, j in taps
    )

  parts = jnp.stack(
    [
      jnp.stack([phase(a, b) for b in range(stride)], axis=3)
      for a in range(stride)
    ],
    axis=2,
  )
  shape = (gradient.shape[0], rows * stride, columns * stride, -1)
  whole = parts.reshape(shape)
  return whole[:, top : top + size[0], left : left + size[1]]
