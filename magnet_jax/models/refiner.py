"""The refinement network (Huynh et al., CVPR 2021, figure 4)."""

from collections.abc import Mapping, Sequence
import functools
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from magnet_jax.models import initial, layers
from magnet_jax.models.resnet import BottleneckBlock
from magnet_jax.types import InputError, Section

HALO = 4  # pixels on each side that an output pixel depends on
FLOOR = 1e-3  # of a probability: the prior may be overruled


class Refiner(nn.Module):
  """Decides per pixel between two maps of one window, from the maps alone.

  It sees no colours, so that a refiner trained with one segmenter can serve
  another. Every output pixel depends on the 9x9 pixels around it.

  Attributes:
    num_classes: number of classes C.
    width: features of the first convolutions; the paper has 64.
    momentum: of the batch statistics; .99 is the original's .01 in PyTorch.
    prior: add the logarithm of the mean of both maps to the logits, and start
      from it. The paper's network has to learn for each class anew that two
      maps which agree are right; a rare class is then lost in a short
      training. With the prior it only learns when to trust which map.
    dtype: of the computation; logits are float32 all the same.
  """

  num_classes: int
  width: int = 64
  momentum: float = 0.99
  prior: bool = False
  dtype: layers.Dtype = jnp.float32

  @nn.compact
  def __call__(
    self, *, scale: jax.Array, coarse: jax.Array, train: bool = False
  ) -> jax.Array:
    """Maps two maps of probabilities to logits.

    Args:
      scale: O, [B,h,w,C], the segmenter's output for the window.
      coarse: Y, [B,h,w,C], the segmentation so far in the same window.
      train: use and update the batch statistics.

    Returns:
      float32 [B,h,w,C].
    """
    logits = fully_convolutional(
      jnp.concatenate([scale, coarse], axis=-1),
      self.num_classes,
      width=self.width,
      momentum=self.momentum,
      zero=self.prior,
      dtype=self.dtype,
      train=train,
    )
    if self.prior:
      logits += jnp.log((scale + coarse) / 2 + FLOOR).astype(jnp.float32)
    return logits


def fully_convolutional(
  x: jax.Array,
  outputs: int,
  *,
  width: int,
  momentum: float,
  zero: bool,
  dtype: layers.Dtype,
  train: bool,
) -> jax.Array:
  """Adds the layers of the refiner to the module whose `__call__` it is in.

  Args:
    x: the input, [B,h,w,F].
    outputs: number of logits per pixel.
    width: features of the first convolutions.
    momentum: of the batch statistics.
    zero: whether all logits start at 0.
    dtype: of the computation.
    train: use and update the batch statistics.

  Returns:
    Logits, float32 [B,h,w,outputs].
  """
  norm = functools.partial(
    layers.normalisation, train=train, momentum=momentum, dtype=dtype
  )
  x = norm(name='bn0')(x.astype(dtype))
  for i in (1, 2):
    conv = layers.convolution(width, 3, dtype=dtype, name=f'conv{i}')
    x = nn.relu(norm(name=f'bn{i}')(conv(x)))
  for i in (0, 1):
    block = BottleneckBlock(
      width // 2, momentum=momentum, dtype=dtype, name=f'residual{i}'
    )
    x = layers.compute_apart(block, x, train=train)
  start = nn.initializers.zeros if zero else initial.he()
  classify = nn.Dense(
    outputs, use_bias=False, dtype=dtype, kernel_init=start, name='classify'
  )
  return classify(x).astype(jnp.float32)


def refiner_count(settings: Section) -> tuple[int, Section]:
  """Splits the section `refiner` of a config.

  Returns:
    The number of refiners, and the settings of each.

  Raises:
    InputError: there is not at least one.
  """
  # Checkpoints of earlier versions have one refiner and do not say so.
  rest = {'count': 1, **settings}
  count = rest.pop('count')
  if not isinstance(count, int) or isinstance(count, bool) or count < 1:
    raise InputError(
      f'refiner.count {count!r}: must be 1, or a refiner for each stage after '
      'the first; correct it'
    )
  return count, rest


def split(variables: Mapping[str, Any], count: int) -> list[dict[str, Any]]:
  """Parts the variables of several refiners, as `join` put them together.

  Args:
    variables: {'params', 'batch_stats'} of one refiner, or of `count` under
      'stage1', 'stage2', … in both.
    count: number of refiners; 1 has no such level.

  Returns:
    {'params', 'batch_stats'} of each refiner.

  Raises:
    InputError: there are those of other stages.
  """
  if count == 1:
    return [dict(variables)]
  stages = [f'stage{number}' for number in range(1, count + 1)]
  for kind, tree in variables.items():
    if set(tree) != {*stages}:
      raise InputError(
        f'{kind} of the refiners {", ".join(map(str, tree))}: must be those of '
        f'{count} stages, as refiner.count says; correct the config'
      )
  return [
    {kind: tree[stage] for kind, tree in variables.items()} for stage in stages
  ]


def join(refiners: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
  """Puts the variables of the refiners of stages 1, 2, … together."""
  if len(refiners) == 1:
    return dict(refiners[0])
  return {
    kind: {f'stage{i}': each[kind] for i, each in enumerate(refiners, start=1)}
    for kind in refiners[0]
  }
