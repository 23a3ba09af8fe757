"""The networks that are compared, at their published inputs."""

from collections.abc import Callable, Mapping, Sequence
import dataclasses
from typing import Any

import jax
import numpy as np

from magnet_jax.evaluate import random_model
from magnet_jax.models import build
from magnet_jax.types import InputError, Size


@dataclasses.dataclass(frozen=True)
class Network:
  """A network at its published input.

  Attributes:
    num_classes: C.
    size: (height, width) of the input.
    settings: of `models.build.segmenter`; None for the refiner.
    names: its table in `weights.torch_names`.
    other: its name in `torch_networks.NETWORKS`.
    other_settings: its settings there, besides the number of classes.
  """

  num_classes: int
  size: Size
  settings: Mapping[str, Any] | None
  names: str
  other: str
  other_settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)

  def shapes(self, batch: int) -> list[tuple[int, ...]]:
    """Returns the shapes of the inputs: images, or the refiner's two maps."""
    if self.settings is None:
      return [(batch, *self.size, self.num_classes)] * 2
    return [(batch, *self.size, 3)]


_CITYSCAPES: tuple[int, Size] = (19, (128, 256))
_DEEPGLOBE: tuple[int, Size] = (7, (508, 508))
_GLEASON: tuple[int, Size] = (5, (625, 625))
NETWORKS = {
  'fpn': Network(
    *_DEEPGLOBE, {'name': 'fpn', 'trunk': 'resnet50'}, 'fpn', 'fpn'
  ),
  'psp': Network(
    *_GLEASON, {'name': 'pspnet', 'trunk': 'resnet101'}, 'psp', 'pspnet'
  ),
  'hrnet18': Network(
    *_CITYSCAPES,
    {'name': 'hrnet_ocr', 'trunk': 'hrnet18'},
    'hrnet',
    'hrnet_ocr',
  ),
  'hrnet48': Network(
    *_CITYSCAPES,
    {'name': 'hrnet_ocr', 'trunk': 'hrnet48'},
    'hrnet',
    'hrnet_ocr',
    {'width': 48, 'blocks': (4, 4), 'modules': (1, 4, 3)},
  ),
  'deeplab': Network(
    *_DEEPGLOBE,
    {'name': 'deeplab', 'trunk': 'resnet50'},
    'deeplab',
    'deeplab',
  ),
  'unet': Network(*_DEEPGLOBE, {'name': 'unet'}, 'unet', 'unet'),
  'refiner': Network(*_DEEPGLOBE, None, 'refiner', 'refiner'),
}


def select(names: Sequence[str]) -> dict[str, Network]:
  """Returns the networks of these names, in their order.

  Raises:
    InputError: for an unknown name.
  """
  for name in names:
    if name not in NETWORKS:
      raise InputError(
        f'network {name!r}: unknown; choose among {", ".join(NETWORKS)}'
      )
  return {name: NETWORKS[name] for name in names}


def with_weights(
  network: Network, dtype: str
) -> tuple[Callable[..., Any], Any]:
  """Returns a function (variables, *maps) -> logits, and seeded variables.

  Args:
    network: which.
    dtype: 'float32' or 'bfloat16', of the computation.
  """
  rng = np.random.default_rng(0)
  if network.settings is None:
    refiner = build.refinement(num_classes=network.num_classes, dtype=dtype)
    maps = np.zeros((1, 8, 8, network.num_classes), np.float32)
    variables = random_model.weights(rng, refiner, scale=maps, coarse=maps)

    def apply(variables: Any, scale: jax.Array, coarse: jax.Array) -> Any:
      return refiner.apply(variables, scale=scale, coarse=coarse)

    return apply, _tempered(rng, variables)
  module = build.segmenter(
    num_classes=network.num_classes, dtype=dtype, **network.settings
  )
  pixels = np.zeros((1, 64, 64, 3), np.float32)
  return module.apply, _tempered(rng, random_model.weights(rng, module, pixels))


def _tempered(rng: np.random.Generator, variables: Any) -> Any:
  """Weights with which maps neither grow nor vanish through many blocks.

  Statistics and biases other than 0 and 1 let the difference to PyTorch show
  whether each of them is in its place.
  """

  def change(path: Any, leaf: np.ndarray) -> np.ndarray:
    kind = path[-1].key
    if kind in ('bias', 'mean', 'negative_slope'):
      return (0.1 * rng.standard_normal(leaf.shape)).astype(np.float32)
    if kind == 'var':
      return rng.uniform(1, 2, leaf.shape).astype(np.float32)
    return leaf

  return jax.tree_util.tree_map_with_path(change, variables)
