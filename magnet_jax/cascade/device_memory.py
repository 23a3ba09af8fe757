"""Memory of the compiled step, and how many windows fit on a device."""

from collections.abc import Sequence
import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from magnet_jax import parallel
from magnet_jax.cascade import plan, refine_step, stage_windows
from magnet_jax.cascade.host_segmenter import HostSegmenter
from magnet_jax.cascade.options import Options
from magnet_jax.cascade.workspace import InMemory
from magnet_jax.ops import selection
from magnet_jax.refiners.refiner import Refiner
from magnet_jax.types import Network, Size, Stage

# More windows at a time keep a device no busier, but waste more in a last batch
# that is not full.
MOST = 16
# Usable share of a device; the rest is for libraries' scratch space, the batch
# before, whose results are not fetched yet, and the next one's arrays.
_SHARE = 0.6


def batch(
  segmenter: Network | HostSegmenter,
  refiners: Sequence[Refiner],
  network: Size,
  options: Options,
) -> int:
  """Estimates how many windows fit on a device of this process, at least 1.

  Args:
    segmenter: as for `Cascade`, with refiners, network and options.
    refiners: as segmenter.
    network: as segmenter.
    options: as segmenter.
  """
  memory = parallel.device_memory()
  # A CPU gains nothing by more at a time, and the memory of a segmenter that
  # runs on the host is unknown.
  if memory is None or not refiners or isinstance(segmenter, HostSegmenter):
    return 1
  return fitting_batch(
    segmenter,
    refiners[0],
    network=network,
    points=options.points,
    kernel=options.kernel,
    memory=memory,
  )


@functools.lru_cache(maxsize=1)  # the same for all cascades of a model
def fitting_batch(
  segmenter: Network,
  refiner: Refiner,
  *,
  network: Size,
  points: float | int,
  kernel: int,
  memory: int,
) -> int:
  """Returns the largest power of two of windows that fits, 1 to MOST.

  The step is compiled for one window of the network's size, and the compiler
  asked for its memory, which grows with the windows except for the weights.

  Args:
    segmenter: normalised images [B,h,w,3] -> logits [B,h,w,C].
    refiner: of the stage.
    network: (h, w), the networks' input size.
    points: K per window, as a count or a fraction.
    kernel: odd side of the median filter.
    memory: bytes of the device.
  """
  # The smallest image with a later stage.
  size = (2 * network[0], 2 * network[1])
  before, stage = plan.make_plan(size, window=network)
  weights = sum(
    leaf.nbytes
    for leaf in jax.tree.leaves((segmenter, refiner))
    if isinstance(leaf, (jax.Array, np.ndarray))
  )
  one = program_bytes(
    segmenter,
    refiner,
    before,
    stage,
    network=network,
    points=points,
    kernel=kernel,
    batch=1,
  )
  if one <= weights:  # the compiler does not say
    return 1
  count = (_SHARE * memory - weights) / (one - weights)
  return 2 ** int(math.log2(min(max(count, 1), MOST)))


def program_bytes(
  segmenter: Network,
  refiner: Refiner,
  before: Stage,
  stage: Stage,
  *,
  network: Size,
  points: float | int,
  kernel: int,
  batch: int,
) -> int:
  """Returns a stage's step's bytes on a device, according to the compiler.

  Args:
    segmenter: as for `fitting_batch`.
    refiner: as for `fitting_batch`.
    before: the stage before.
    stage: the stage.
    network: as for `fitting_batch`, with points and kernel.
    points: as network.
    kernel: as network.
    batch: B, number of windows at a time.

  Returns:
    Bytes; 0 if the compiler does not say.
  """
  step = functools.partial(
    refine_step.refine_windows,
    window=stage.grid.window,
    kernel=kernel,
    most=selection.count_points(points, math.prod(network)),
  )
  shapes = _shapes(segmenter, before, stage, network, batch)
  if 'depth' in refiner.needs:
    shapes['depth'] = jax.ShapeDtypeStruct((batch, *network, 1), jnp.float32)
  networks = map(parallel.as_pytree, (segmenter, refiner))
  program = jax.jit(step).lower(*networks, **shapes).compile()
  sizes = program.memory_analysis()
  if sizes is None:  # not every device's compiler says
    return 0
  return int(
    sizes.temp_size_in_bytes
    + sizes.argument_size_in_bytes
    + sizes.output_size_in_bytes
  )


def _shapes(
  segmenter: Network, before: Stage, stage: Stage, network: Size, batch: int
) -> dict[str, jax.ShapeDtypeStruct]:
  """Shapes of the step's arrays: those of window 0, B times."""
  image = jax.ShapeDtypeStruct((1, *network, 3), jnp.float32)
  classes = jax.eval_shape(segmenter, image).shape[-1]
  # Views of one pixel: no array of the image's size is allocated.
  pixels = np.broadcast_to(np.zeros(3, np.uint8), (*stage.size, 3))
  maps = np.zeros(classes, np.float32)
  coarse = np.broadcast_to(maps, (*before.size, classes))
  arrays: dict[str, Any] = stage_windows.arrays(
    InMemory(pixels), InMemory(coarse), stage.grid, 0, network
  )
  arrays['points'] = np.zeros((), np.int32)
  return {
    name: jax.ShapeDtypeStruct((batch, *array.shape), array.dtype)
    for name, array in arrays.items()
  }
