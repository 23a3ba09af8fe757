"""From plain settings to a segmenter and a refiner."""

from collections.abc import Callable, Mapping
import inspect
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from magnet_jax.models import fpn, refiner, resnet, unet
from magnet_jax.types import InputError

DTYPES = {'float32': jnp.float32, 'bfloat16': jnp.bfloat16}


def _one_of(table: Mapping[str, Any], name: str, what: str) -> Any:
  if name not in table:
    raise InputError(
      f'{what} {name!r}: unknown; choose one of {", ".join(table)}'
    )
  return table[name]


def _fpn(
  *,
  classes: int,
  dtype: Any,
  trunk: str = 'resnet50',
  width: int = 64,
  pyramid: int = 256,
  head: int = 128,
  stem_stride: int = 2,
  pool: bool = True,
) -> nn.Module:
  """A feature pyramid on a ResNet.

  Args:
    classes: C.
    dtype: of the computation.
    trunk: 'resnet18', 'resnet34', 'resnet50' or 'resnet101'.
    width: features of the trunk's first level.
    pyramid: features of the feature pyramid.
    head: features of each level before the classifier.
    stem_stride: stride of the trunk's stem.
    pool: the trunk's max-pool after the stem.
  """
  make = _one_of(resnet.RESNETS, trunk, 'trunk')
  return fpn.FPN(
    trunk=make(width=width, stem_stride=stem_stride, pool=pool, dtype=dtype),
    classes=classes,
    width=pyramid,
    head=head,
    dtype=dtype,
  )


def _unet(
  *, classes: int, dtype: Any, width: int = 64, levels: int = 4
) -> nn.Module:
  """A U-Net.

  Args:
    classes: C.
    dtype: of the computation.
    width: features of the finest level; they double at every further one.
    levels: how often a side is halved.
  """
  return unet.UNet(classes, width=width, levels=levels, dtype=dtype)


SEGMENTERS: dict[str, Callable[..., nn.Module]] = {
  'fpn': _fpn,
  'unet': _unet,
}


def segmenter(
  *,
  classes: int,
  name: str = 'fpn',
  dtype: str = 'float32',
  **settings: Any,
) -> nn.Module:
  """Builds a segmenter: images [B,h,w,3] -> logits [B,h,w,C].

  Args:
    classes: C.
    name: one of `SEGMENTERS`.
    dtype: 'float32' or 'bfloat16', of the computation.
    **settings: of the network; see the functions in `SEGMENTERS`.

  Raises:
    InputError: for an unknown name or setting; it lists the known ones.
  """
  make = _one_of(SEGMENTERS, name, 'segmenter')
  known = set(inspect.signature(make).parameters) - {'classes', 'dtype'}
  for setting in settings:
    if setting not in known:
      raise InputError(
        f'segmenter setting {setting!r}: unknown to {name!r}; choose among '
        f'{", ".join(sorted(known))}'
      )
  compute = _one_of(DTYPES, dtype, 'dtype')
  return make(classes=classes, dtype=compute, **settings)


def refinement(
  *,
  classes: int,
  width: int = 64,
  momentum: float = 0.99,
  prior: bool = False,
  dtype: str = 'float32',
) -> nn.Module:
  """Builds a refiner: (scale, coarse) [B,h,w,C] -> logits [B,h,w,C].

  Args:
    classes: C.
    width: features of its first convolutions; the paper has 64.
    momentum: of its batch statistics.
    prior: start from the mean of both maps; the paper's does not.
    dtype: 'float32' or 'bfloat16', of the computation.
  """
  return refiner.Refiner(
    classes,
    width=width,
    momentum=momentum,
    prior=prior,
    dtype=_one_of(DTYPES, dtype, 'dtype'),
  )
