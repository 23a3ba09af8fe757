"""Our side of a conversion: which network, and the shapes of its variables."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from magnet_jax.files import trees
from magnet_jax.models import build, resnet
from magnet_jax.types import InputError
from magnet_jax.weights import torch_names, torch_states

Config = Mapping[str, Any]  # sections by name, as a checkpoint's meta has them
_IMAGES = (1, 64, 64, 3)


def network(kind: str, config: Config) -> str:
  """The table of names of a network of ours.

  Args:
    kind: 'segmenter', 'refiner' or 'trunk'.
    config: its section `segmenter` says which segmenter.

  Raises:
    InputError: a segmenter without names in PyTorch.
  """
  if kind != 'segmenter':
    return {'refiner': 'refiner', 'trunk': 'resnet'}[kind]
  # Checkpoints of earlier versions have one kind and do not say so.
  name = config['segmenter'].get('name', 'fpn')
  found = torch_names.SEGMENTERS.get(name)
  if found not in torch_names.NAMES:
    raise InputError(
      f'segmenter {name!r}: has no names in PyTorch; choose one of '
      f'{", ".join(torch_names.SEGMENTERS)}'
    )
  return found


def _shapes(module: Any, *shapes: Any, **named: Any) -> trees.Tree:
  """Shapes of a module's variables, by those of its inputs."""

  def init() -> Any:
    blank = [jnp.zeros(shape) for shape in shapes]
    return module.init(
      jax.random.key(0), *blank, **{k: jnp.zeros(s) for k, s in named.items()}
    )

  # An auxiliary head leaves its output among them.
  found = jax.eval_shape(init)
  return {kind: found[kind] for kind in ('params', 'batch_stats')}


def segmenter(
  source: torch_states.Source, config: Config, classes: int
) -> trees.Tree:
  """Shapes of the config's segmenter.

  Args:
    source: the file that they are for.
    config: its section `segmenter` is read.
    classes: C.

  Raises:
    InputError: the file is of another network, or the section is wrong.
  """
  wanted = network('segmenter', config)
  if wanted != source.network:
    raise InputError(
      f'{source.path}: is of the network {source.network}, but the '
      f"config's segmenter is of {wanted}; choose another config, or change "
      'its section segmenter'
    )
  settings = config['segmenter']
  return _shapes(build.segmenter(classes=classes, **settings), _IMAGES)


def refiner(
  sources: Sequence[torch_states.Source], config: Config, classes: int
) -> trees.Tree:
  """Shapes of one refiner.

  Args:
    sources: the files of all refiners.
    config: its section `refiner` is read.
    classes: C.

  Raises:
    InputError: there must be more or fewer files, or the section is wrong.
  """
  settings = {'count': 1, **config['refiner']}
  count = settings.pop('count')
  if count != len(sources):
    raise InputError(
      f'{sources[0].path}: {len(sources)} of {count} refiners: the config has '
      'one for each stage after the first, or one for all; name all their '
      'files in the order of the stages, or set --config.refiner.count'
    )
  maps = (1, 8, 8, classes)
  module = build.refinement(classes=classes, **settings)
  return _shapes(module, scale=maps, coarse=maps)


def trunk(name: str, width: int) -> trees.Tree:
  """Shapes of one of `resnet.RESNETS`."""
  return _shapes(resnet.RESNETS[name](width=width), _IMAGES)


def resnet_settings(source: torch_states.Source) -> tuple[str, int]:
  """Name and width of a ResNet, from the blocks of its levels.

  Raises:
    InputError: it is none of `resnet.RESNETS`.
  """
  blocks = {key.rpartition('.conv')[0] for key in source.state}
  counts = tuple(
    len([b for b in blocks if b.startswith(f'layer{level}.')])
    for level in range(1, 5)
  )
  deep = 'layer1.0.conv3.weight' in source.state
  stem = source.state.get('conv1.weight')
  # Without a stem the width matters no more: that it is missing is said later.
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
