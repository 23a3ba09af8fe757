"""From plain settings to a segmenter and a refiner."""

from collections.abc import Callable, Mapping, Sequence
import dataclasses
import functools
import inspect
from typing import TypeVar, get_origin, get_type_hints

import flax.linen as nn
import jax
import jax.numpy as jnp

from magnet_jax import checked
from magnet_jax.models import (
  deeplab,
  efficientnet_lite,
  fpn,
  gate,
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
Settings = Mapping[str, object]
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
# Parameters that are no settings: they are given here, or are flax's own.
_GIVEN = ('num_classes', 'classes', 'dtype', 'trunk', 'parent', 'name')
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
  compute = _one_of(DTYPES, dtype, 'dtype')
  if ':' in name:
    return _own(name, num_classes, dtype, settings)
  make = _one_of(SEGMENTERS, name, 'segmenter')
  given: dict[str, object] = {'num_classes': num_classes, 'dtype': compute}
  if name not in TRUNKS:
    return _make(make, settings, given, name)
  return _on_trunk(make, TRUNKS[name], settings, given, name)


def directions(*, dtype: str = 'float32', **settings: object) -> nn.Module:
  """Builds SegFix's network: images [B,h,w,3] -> logits [B,h,w,2+8].

  Args:
    dtype: 'float32' or 'bfloat16', of the computation.
    **settings: fields of `segfix.SegFix` and of its trunk; `trunk` names
      another trunk.

  Raises:
    InputError: as `segmenter`.
  """
  given: dict[str, object] = {'dtype': _one_of(DTYPES, dtype, 'dtype')}
  return _on_trunk(_SEGFIX, _ANY, settings, given, 'segfix', section='segfix')


def _on_trunk(
  make: functools.partial,
  trunks: Mapping[str, functools.partial],
  settings: Settings,
  given: dict[str, object],
  name: str,
  *,
  section: str = 'segmenter',
) -> nn.Module:
  """Builds a network and its trunk from the settings of both."""
  trunk = _trunk_kind(make, settings, trunks)
  of_trunk = ('trunk', *_settings(trunk))
  fields = {k: v for k, v in settings.items() if k in of_trunk[1:]}
  kept = {k: v for k, v in trunk.keywords.items() if k not in fields}
  kept['dtype'] = given['dtype']
  placed = _make(trunk.func, fields, kept, 'trunk', section=section)
  given = {**given, 'trunk': placed}
  rest = {k: v for k, v in settings.items() if k not in of_trunk}
  if 'trunk' in settings:
    name = f'{name} with trunk {settings["trunk"]}'
  module: nn.Module = _make(
    make, rest, given, name, section=section, others=of_trunk
  )
  return module


def foreign(settings: Settings) -> list[str]:
  """Returns the fields of a section `segmenter` that its network lacks.

  None for one's own network, which judges them itself.

  Raises:
    InputError: for an unknown name of the network or its trunk.
  """
  name = str(settings.get('name', 'fpn'))
  if ':' in name:
    return []
  make = _one_of(SEGMENTERS, name, 'segmenter')
  known = {'name', 'dtype', *_settings(make)}
  if name in TRUNKS:
    trunk = _trunk_kind(make, settings, TRUNKS[name])
    known |= {'trunk', *_settings(trunk)}
  return [field for field in settings if field not in known]


def _own(
  name: str, num_classes: int, dtype: str, settings: Settings
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
  module = _make(make, settings, given, name)
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


def _trunk_kind(
  make: functools.partial,
  settings: Settings,
  trunks: Mapping[str, functools.partial],
) -> functools.partial:
  """Returns the trunk that settings name, or the default one, as a partial.

  A trunk of the default's kind keeps what the segmenter changes in it, such as
  its output stride.
  """
  default = make.keywords['trunk']
  kind: Callable[..., nn.Module] = type(default)
  fields = {
    field.name: getattr(default, field.name)
    for field in dataclasses.fields(default)
    if field.name not in ('parent', 'name', 'dtype')
  }
  if 'trunk' not in settings:
    return functools.partial(kind, **fields)
  named = _one_of(trunks, settings['trunk'], 'trunk')
  if named.func is not kind:
    return named
  return functools.partial(kind, **{**fields, **named.keywords})


def _make(
  make: Callable[..., T],
  settings: Settings,
  given: Settings,
  name: str,
  *,
  section: str = 'segmenter',
  others: Sequence[str] = (),
) -> T:
  """Calls a network's class or function with checked settings.

  Args:
    make: it.
    settings: those of a config.
    given: its other arguments.
    name: what messages call it.
    section: of the config, for messages.
    others: settings that it also has, for messages.
  """
  known = {*_settings(make), *others}
  unknown = [setting for setting in settings if setting not in known]
  if unknown:
    raise InputError(
      f'{section}.{", ".join(unknown)}: unknown to {name}, which has '
      f'{", ".join(sorted(known))}; leave out what it does not have: a config '
      'for another network must replace the whole section'
    )
  return checked.call(functools.partial(make, **given), settings, section)


def _settings(make: Callable[..., object]) -> list[str]:
  """Returns the names of the parameters that a config can give."""
  while isinstance(make, functools.partial):
    make = make.func
  hints = get_type_hints(make)
  return [
    name
    for name in inspect.signature(make).parameters
    if name not in _GIVEN and get_origin(hints.get(name)) is not Callable
  ]


def _one_of(table: Mapping[str, T], name: object, what: str) -> T:
  if name not in table:
    raise InputError(
      f'{what} {name!r}: unknown; choose one of {", ".join(table)}'
    )
  return table[str(name)]


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
    dtype=_one_of(DTYPES, dtype, 'dtype'),
    parent=None,
    name=None,
  )
  return checked.call(make, settings, 'refiner')


def attention(
  segmenter: nn.Module, network: Size, num_classes: int
) -> tuple[gate.Gate, Callable[[jax.Array], dict[str, dict]]]:
  """Builds the gate of a segmenter, for scale attention.

  Args:
    segmenter: a module that returns features.
    network: (h, w), the networks' input size.
    num_classes: C.

  Returns:
    The gate, and the function that makes its variables from a random key.

  Raises:
    InputError: the segmenter returns no features by the name 'fused'.
  """
  fused = _fused(segmenter, network)
  module = gate.Gate(_pool(network, fused.shape[1:3]), parent=None, name=None)
  maps = jax.ShapeDtypeStruct((1, *network, num_classes), jnp.float32)

  def init(key: jax.Array) -> dict[str, dict]:
    shown, both = (jnp.zeros(x.shape, x.dtype) for x in (fused, maps))
    return dict(module.init(key, {'fused': shown}, scale=both, coarse=both))

  return module, init


def _pool(network: Size, features: Size) -> int:
  """How many features on a side make up a value of the gate."""
  wanted = max(1, round(gate.STRIDE * features[0] / network[0]))
  # Parts of equal size are averaged much faster.
  near = sorted(
    range(-(-2 * wanted // 3), 3 * wanted // 2 + 1),
    key=lambda pool: (abs(pool - wanted), pool),
  )
  equal = [pool for pool in near if not any(n % pool for n in features)]
  return (equal or [wanted])[0]


def _fused(segmenter: nn.Module, network: Size) -> jax.ShapeDtypeStruct:
  """The shape of a segmenter's features for one window."""
  name = type(segmenter).__name__
  if 'features' not in inspect.signature(segmenter.__call__).parameters:
    raise InputError(
      f'fusion scale_attention: the segmenter {name} returns no features for '
      'its gate; write __call__(self, images, *, train=False, features=False) '
      "that can return (logits, {'fused': features}), or choose another fusion"
    )
  images = jnp.zeros((1, *network, 3))
  run = functools.partial(segmenter.init_with_output, features=True)
  try:
    (_, found), _ = jax.eval_shape(run, jax.random.key(0), images)
    fused: jax.ShapeDtypeStruct = found['fused']
    if fused.ndim == 4:
      return fused
    reason = f'of {fused.ndim} axes'
  # Anything may be raised in a network of the user's own.
  except Exception as error:
    reason = f'{type(error).__name__}: {(str(error).splitlines() or [""])[0]}'
  raise InputError(
    f"fusion scale_attention: {name} must return (logits, {{'fused': features "
    f"[B,h',w',F]}}) when called with features=True ({reason[:200]}); correct "
    'its output, or choose another fusion'
  )


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
  try:
    logits, variables = jax.eval_shape(
      module.init_with_output, jax.random.key(0), jnp.zeros(images)
    )
  except InputError:
    raise
  # Anything may be raised in a network of the user's own.
  except Exception as error:
    lines = str(error).strip().splitlines() or ['']
    raise InputError(
      f'{name}: cannot be run on images {list(images)}, '
      f'{type(error).__name__}: {lines[0][:300]}; correct the network or its '
      'settings'
    ) from error
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
