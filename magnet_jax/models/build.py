"""From plain settings to a segmenter and a refiner."""

from collections.abc import Mapping
import functools
import inspect
from typing import TypeVar

import flax.linen as nn
import jax
import jax.numpy as jnp

from magnet_jax import checked, outside
from magnet_jax.models import (
  deeplab,
  efficientnet_lite,
  fpn,
  from_settings,
  glnet,
  hrnet,
  ocr,
  own,
  pointrend,
  pspnet,
  refiner,
  resnet,
  segfix,
  unet,
)
from magnet_jax.types import InputError, Size

T = TypeVar('T')
DTYPES = {'float32': jnp.float32, 'bfloat16': jnp.bfloat16}

# The settings of a network are the fields of its module and, where it has a
# trunk, of that: it stands here with what differs from its own defaults.
SEGMENTERS: dict[str, functools.partial] = {
  'fpn': functools.partial(fpn.FPN, trunk=resnet.RESNETS['resnet50']()),
  'pspnet': functools.partial(
    pspnet.PSPNet, trunk=resnet.RESNETS['resnet101']()
  ),
  'hrnet_ocr': functools.partial(ocr.OCR, trunk=hrnet.HRNETS['hrnet18']()),
  'deeplab': functools.partial(
    deeplab.DeepLab, trunk=resnet.RESNETS['resnet50'](output_stride=16)
  ),
  'unet': functools.partial(unet.UNet),
  'pointrend': functools.partial(
    pointrend.PointRend, trunk=resnet.RESNETS['resnet50']()
  ),
  'glnet': functools.partial(glnet.GLNet, trunk=resnet.RESNETS['resnet50']()),
}
# Trunks that each of them can have, by name.
TRUNKS: dict[str, dict[str, functools.partial]] = {
  'fpn': {**resnet.RESNETS, **efficientnet_lite.EFFICIENTNETS},
  'pspnet': resnet.RESNETS,
  'hrnet_ocr': hrnet.HRNETS,
  'deeplab': resnet.RESNETS,
  'pointrend': {**resnet.RESNETS, **efficientnet_lite.EFFICIENTNETS},
  'glnet': {**resnet.RESNETS, **efficientnet_lite.EFFICIENTNETS},
}
_SEGFIX = functools.partial(
  segfix.SegFix,
  # As published, a quarter of the image's size.
  trunk=hrnet.HRNETS['hrnet18'](stem_stride=2),
)
_ANY: dict[str, functools.partial] = {
  **hrnet.HRNETS,
  **resnet.RESNETS,
  **efficientnet_lite.EFFICIENTNETS,
}
_OUTPUTS = ('auxiliary', 'intermediates')  # collections of sown values


def segmenter(
  *,
  num_classes: int,
  name: str = 'fpn',
  dtype: str = 'float32',
  **settings: object,
) -> nn.Module:
  """Builds a segmenter: images [B,h,w,3] -> logits [B,h,w,C].

  Args:
    num_classes: C.
    name: one of `SEGMENTERS`, or 'package.module:Class' for one's own linen
      module, or for a function that returns one. It takes `num_classes` (or
      `classes`), its settings, and `dtype` unless float32 is all it computes
      in; its `__call__(images, *, train=False)` returns the logits.
    dtype: 'float32' or 'bfloat16', of the computation.
    **settings: fields of the module and of its trunk; `trunk` names another
      trunk.

  Raises:
    InputError: for an unknown name or setting, whose message lists the known
      ones, or for a value of another type.
  """
  compute = from_settings.one_of(DTYPES, dtype, 'dtype')
  if ':' in name:
    return _own(name, num_classes, dtype, settings)
  make = from_settings.one_of(SEGMENTERS, name, 'segmenter')
  given: dict[str, object] = {'num_classes': num_classes, 'dtype': compute}
  if name not in TRUNKS:
    return from_settings.make_checked(make, settings, given, name)
  return from_settings.on_trunk(make, TRUNKS[name], settings, given, name)


def directions(*, dtype: str = 'float32', **settings: object) -> nn.Module:
  """Builds SegFix's network: images [B,h,w,3] -> logits [B,h,w,2+8].

  Args:
    dtype: 'float32' or 'bfloat16', of the computation.
    **settings: fields of `segfix.SegFix` and of its trunk; `trunk` names
      another trunk.

  Raises:
    InputError: as `segmenter`.
  """
  given: dict[str, object] = {
    'dtype': from_settings.one_of(DTYPES, dtype, 'dtype')
  }
  return from_settings.on_trunk(
    _SEGFIX, _ANY, settings, given, 'segfix', section='segfix'
  )


def foreign(settings: from_settings.Settings) -> list[str]:
  """Returns the fields of a section `segmenter` that its network lacks.

  None for one's own network, which judges them itself.

  Raises:
    InputError: for an unknown name of the network or its trunk.
  """
  name = str(settings.get('name', 'fpn'))
  if ':' in name:
    return []
  make = from_settings.one_of(SEGMENTERS, name, 'segmenter')
  known = {'name', 'dtype', *from_settings.names(make)}
  if name in TRUNKS:
    trunk = from_settings.trunk_kind(make, settings, TRUNKS[name])
    known |= {'trunk', *from_settings.names(trunk)}
  return [field for field in settings if field not in known]


def _own(
  name: str, num_classes: int, dtype: str, settings: from_settings.Settings
) -> nn.Module:
  """Builds a segmenter of the user's own."""
  make = own.find(name, 'class')
  parameters = inspect.signature(make).parameters
  words = [word for word in ('num_classes', 'classes') if word in parameters]
  if not words:
    raise InputError(
      f'{name}: has no parameter num_classes, the number of logits per pixel; '
      'add it'
    )
  given: dict[str, object] = {words[0]: num_classes}
  if 'dtype' in parameters:
    given['dtype'] = DTYPES[dtype]
  elif dtype != 'float32':
    raise InputError(
      f'dtype {dtype!r}: {name} has no parameter dtype; add it, or leave '
      'segmenter.dtype at float32'
    )
  module = from_settings.make_checked(make, settings, given, name)
  if not isinstance(module, nn.Module):
    raise InputError(
      f'{name}: makes a {type(module).__name__}; must be a flax.linen.Module, '
      'or a function that returns one'
    )
  if 'train' not in inspect.signature(module.__call__).parameters:
    raise InputError(
      f'{name}: its __call__ has no parameter train; write '
      '__call__(self, images, *, train=False)'
    )
  return module


def refinement(
  *, num_classes: int, dtype: str = 'float32', **settings: object
) -> refiner.Refiner:
  """Builds a refiner: (scale, coarse) [B,h,w,C] -> logits [B,h,w,C].

  Args:
    num_classes: C.
    dtype: 'float32' or 'bfloat16', of the computation.
    **settings: fields of `refiner.Refiner`.

  Raises:
    InputError: for an unknown setting or a value of another type.
  """
  make = functools.partial(
    refiner.Refiner,
    num_classes=num_classes,
    dtype=from_settings.one_of(DTYPES, dtype, 'dtype'),
    parent=None,
    name=None,
  )
  return checked.call(make, settings, 'refiner')


def shapes(
  module: nn.Module, size: Size, num_classes: int
) -> dict[str, object]:
  """Returns the shapes of a segmenter's variables, once its output is right.

  Args:
    module: the segmenter.
    size: (height, width) of the images that it is tried with.
    num_classes: C.

  Returns:
    {'params': …, 'batch_stats': …}; the latter only if it has any.

  Raises:
    InputError: it cannot be run on such images, or its result is not of
      [B,h,w,C].
  """
  name, images = type(module).__name__, (1, *size, 3)
  # Anything may be raised in a network of the user's own.
  with outside.reading(
    name,
    f'cannot be run on images {list(images)}',
    'correct the network or its settings',
  ):
    logits, variables = jax.eval_shape(
      module.init_with_output, jax.random.key(0), jnp.zeros(images)
    )
  found = [list(leaf.shape) for leaf in jax.tree.leaves(logits)]
  wanted = [1, *size, num_classes]
  if found != [wanted]:
    raise InputError(
      f'{name}: maps images {list(images)} to {", ".join(map(str, found))}: '
      f'must be {wanted}, the logits of each pixel; correct its output'
    )
  return trained(variables)


def trained(variables: Mapping[str, T]) -> dict[str, T]:
  """Returns variables without the outputs that a module sows among them."""
  return {k: v for k, v in variables.items() if k not in _OUTPUTS}
