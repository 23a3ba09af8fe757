"""Our side of a conversion: the network, and the shapes of its variables."""

from collections.abc import Callable, Sequence
import dataclasses
import functools

import jax
import jax.numpy as jnp

from magnet_jax.models import build, cascade_psp, efficientnet_lite, resnet
from magnet_jax.models.refiner import refiner_count
from magnet_jax.types import CORRECTOR, InputError, Meta, Section
from magnet_jax.weights import segfix_template, torch_names, torch_states

_IMAGES = (1, 64, 64, 3)
_TRUNKS: dict[str, functools.partial] = {
  **resnet.RESNETS,
  **efficientnet_lite.EFFICIENTNETS,
}


def network(kind: str, meta: Meta) -> str:
  """Returns the table of names for one of our networks.

  Args:
    kind: one of `KINDS`, or of a corrector with names in PyTorch.
    meta: its section `segmenter` names the segmenter and its trunk.

  Raises:
    InputError: the segmenter has no names in PyTorch.
  """
  if kind == 'refiner':
    return kind
  if kind.startswith(CORRECTOR):
    return torch_names.CORRECTORS[kind.removeprefix(CORRECTOR)]
  section = meta.section('segmenter')
  lite = section.get('trunk') in efficientnet_lite.EFFICIENTNETS
  if kind == 'trunk':
    return 'efficientnet_lite' if lite else 'resnet'
  # Earlier versions had only one kind and did not record it.
  name = str(section.get('name', 'fpn'))
  if lite and name == 'fpn':
    return 'fpn_lite'
  found = torch_names.SEGMENTERS.get(name)
  if found not in torch_names.NAMES:
    raise InputError(
      f'segmenter {name!r}: has no names in PyTorch; choose one of '
      f'{", ".join(torch_names.SEGMENTERS)}'
    )
  return found


def settings(kind: str, meta: Meta) -> Section:
  """Returns the settings of one of our networks.

  Args:
    kind: as for `network`.
    meta: of the network.
  """
  if not kind.startswith(CORRECTOR):
    return meta.section('refiner' if kind == 'refiner' else 'segmenter')
  found = meta.section('correctors').get(kind.removeprefix(CORRECTOR), {})
  return dict(found)


def _shapes(init: Callable[..., Section]) -> dict[str, object]:
  """Returns the shapes of the variables that `init` makes."""
  found = jax.eval_shape(init, jax.random.key(0))
  # Without the output that an auxiliary head leaves there.
  return {kind: found[kind] for kind in ('params', 'batch_stats')}


def segmenter(
  source: torch_states.Source, meta: Meta, num_classes: int
) -> dict[str, object]:
  """Returns the shapes of the config's segmenter.

  Args:
    source: the file that they are for.
    meta: its section `segmenter` is read.
    num_classes: C.

  Raises:
    InputError: the file is of another network, or the section is wrong.
  """
  wanted = network('segmenter', meta)
  if wanted != source.network:
    raise InputError(
      f'{source.path}: is of the network {source.network}, but the '
      f"config's segmenter is of {wanted}; choose another config, or change "
      'its section segmenter'
    )
  module = build.segmenter(num_classes=num_classes, **meta.section('segmenter'))
  return _shapes(lambda key: module.init(key, jnp.zeros(_IMAGES)))


def refiner(
  sources: Sequence[torch_states.Source], meta: Meta, num_classes: int
) -> dict[str, object]:
  """Returns the shapes of one refiner.

  Args:
    sources: the files of all refiners.
    meta: its section `refiner` is read.
    num_classes: C.

  Raises:
    InputError: there must be more or fewer files, or the section is wrong.
  """
  count, settings = refiner_count(meta.section('refiner'))
  if count != len(sources):
    raise InputError(
      f'{sources[0].path}: {len(sources)} of {count} refiners: the config has '
      'one for each stage after the first, or one for all; name all their '
      'files in the order of the stages, or set --config.refiner.count'
    )
  maps = jnp.zeros((1, 8, 8, num_classes))
  module = build.refinement(num_classes=num_classes, **settings)
  return _shapes(lambda key: module.init(key, scale=maps, coarse=maps))


def trunk(settings: Section) -> dict[str, object]:
  """Returns the shapes of a trunk, as `trunk_settings` describes it."""
  fields = dict(settings)
  module = _TRUNKS[str(fields.pop('trunk'))](**fields)
  return _shapes(lambda key: module.init(key, jnp.zeros(_IMAGES)))


def corrector(
  source: torch_states.Source,
) -> tuple[dict[str, object], dict[str, object]]:
  """Returns the settings of a corrector and the shapes of its variables.

  Raises:
    InputError: its trunk is not known, or a weight is missing.
  """
  if source.network == 'segfix':
    return segfix_template.of_file(source)

  prefix = 'feats.'
  feats = {
    key.removeprefix(prefix): array
    for key, array in source.state.items()
    if key.startswith(prefix)
  }
  name, width = _resnet(dataclasses.replace(source, state=feats))
  one, two, three = (source.width(f'up_{i}.shortcut') for i in (1, 2, 3))
  sizes = (
    source.width('psp.bottleneck'),
    (one, two, three),
    source.width('final_28.0'),
  )
  trunk = resnet.RESNETS[name](width=width, output_stride=8, plain_first=True)
  module = cascade_psp.CascadePSP(trunk, *sizes)
  images = jnp.zeros(_IMAGES)
  shapes = _shapes(lambda key: module.init(key, images, images[..., 0]))
  named = dict(zip(('features', 'widths', 'hidden'), sizes, strict=True))
  return {'trunk': name, 'width': width, **named}, shapes


def trunk_settings(source: torch_states.Source) -> dict[str, object]:
  """Returns the settings of a trunk: its name and, of a ResNet, its width.

  Raises:
    InputError: it is not one of those that are known here.
  """
  if source.network == 'efficientnet_lite':
    return {'trunk': _lite(source)}
  name, width = _resnet(source)
  return {'trunk': name, 'width': width}


def _lite(source: torch_states.Source) -> str:
  """Returns the EfficientNet-Lite that has a file's blocks and features."""
  projections = {
    key: array.shape[0]
    for key, array in source.state.items()
    if key.endswith('._project_conv.weight') and array.ndim
  }
  last = projections.get(f'_blocks.{len(projections) - 1}._project_conv.weight')
  for name, make in efficientnet_lite.EFFICIENTNETS.items():
    module = make()
    if (sum(module.repeats), module.features[-1]) == (len(projections), last):
      return name
  raise InputError(
    f'{source.path}: an EfficientNet-Lite with {len(projections)} blocks, the '
    f'last of {last} features: is none of '
    f'{", ".join(efficientnet_lite.EFFICIENTNETS)}; choose one of these'
  )


def _resnet(source: torch_states.Source) -> tuple[str, int]:
  """Returns name and width of a ResNet, from the blocks of its levels."""
  blocks = {key.rpartition('.conv')[0] for key in source.state}
  counts = tuple(
    len([b for b in blocks if b.startswith(f'layer{level}.')])
    for level in range(1, 5)
  )
  deep = 'layer1.0.conv3.weight' in source.state
  stem = source.state.get('conv1.weight')
  # Without a stem any width will do: its absence is reported later.
  width = 64 if stem is None or not stem.ndim else stem.shape[0]
  for name, make in resnet.RESNETS.items():
    module = make()
    same = (module.block is resnet.BottleneckBlock) == deep
    if same and module.blocks == counts:
      return name, int(width)
  raise InputError(
    f'{source.path}: a ResNet with {counts} blocks of '
    f'{3 if deep else 2} convolutions: is none of '
    f'{", ".join(resnet.RESNETS)}; choose one of these'
  )
