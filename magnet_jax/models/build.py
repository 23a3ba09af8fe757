"""From plain settings to a segmenter and a refiner."""

from collections.abc import Callable, Mapping
import inspect
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from magnet_jax.models import (
  deeplab,
  fpn,
  hrnet,
  ocr,
  pspnet,
  refiner,
  resnet,
  unet,
)
from magnet_jax.types import InputError

DTYPES = {'float32': jnp.float32, 'bfloat16': jnp.bfloat16}


def _one_of(table: Mapping[Any, Any], name: Any, what: str) -> Any:
  if name not in table:
    known = ', '.join(str(key) for key in table)
    raise InputError(f'{what} {name!r}: unknown; choose one of {known}')
  return table[name]


def _dilated(trunk: str, output_stride: int, **settings: Any) -> nn.Module:
  """A ResNet whose last level has a stride of 8, 16 or 32."""
  make = _one_of(resnet.RESNETS, trunk, 'trunk')
  dilations = _one_of(resnet.DILATIONS, output_stride, 'output_stride')
  return make(dilations=dilations, **settings)


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


def _pspnet(
  *,
  classes: int,
  dtype: Any,
  trunk: str = 'resnet101',
  width: int = 64,
  features: int = 1024,
  head: tuple[int, ...] = (256, 64, 64),
  output_stride: int = 32,
) -> nn.Module:
  """Pyramid scene parsing on a ResNet.

  Args:
    classes: C.
    dtype: of the computation.
    trunk: 'resnet18', 'resnet34', 'resnet50' or 'resnet101'.
    width: features of the trunk's first level.
    features: of the bottleneck after the pyramid.
    head: features after each of the doublings that follow.
    output_stride: of the trunk's last level, 8, 16 or 32; below 32 it is
      dilated. The published network has 32, the paper's 8.
  """
  return pspnet.PSPNet(
    trunk=_dilated(trunk, output_stride, width=width, dtype=dtype),
    classes=classes,
    features=features,
    widths=tuple(head),
    dtype=dtype,
  )


def _hrnet_ocr(
  *,
  classes: int,
  dtype: Any,
  trunk: str = 'hrnet18',
  width: int | None = None,
  features: int = 512,
  keys: int = 256,
  stem_width: int = 64,
  stem_stride: int = 1,
) -> nn.Module:
  """Object context on a high-resolution trunk.

  Args:
    classes: C.
    dtype: of the computation.
    trunk: 'hrnet18' (W18-small-v2) or 'hrnet48'.
    width: features of the finest branch, if not the trunk's own.
    features: of the pixels' and regions' descriptions.
    keys: features of the attention.
    stem_width: features of the stem.
    stem_stride: stride of each of the stem's two convolutions. The published
      networks have 1: the finest branch is as fine as the image.
  """
  make = _one_of(hrnet.HRNETS, trunk, 'trunk')
  own = {} if width is None else {'width': width}
  return ocr.OCR(
    trunk=make(
      stem_width=stem_width, stem_stride=stem_stride, dtype=dtype, **own
    ),
    classes=classes,
    features=features,
    keys=keys,
    dtype=dtype,
  )


def _deeplab(
  *,
  classes: int,
  dtype: Any,
  trunk: str = 'resnet50',
  width: int = 64,
  features: int = 256,
  output_stride: int = 16,
) -> nn.Module:
  """DeepLabv3+ on a ResNet.

  Args:
    classes: C.
    dtype: of the computation.
    trunk: 'resnet18', 'resnet34', 'resnet50' or 'resnet101'.
    width: features of the trunk's first level.
    features: of the pyramid of views and of the decoder.
    output_stride: of the trunk's last level, 8, 16 or 32.
  """
  return deeplab.DeepLab(
    trunk=_dilated(trunk, output_stride, width=width, dtype=dtype),
    classes=classes,
    features=features,
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
  'pspnet': _pspnet,
  'hrnet_ocr': _hrnet_ocr,
  'deeplab': _deeplab,
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
