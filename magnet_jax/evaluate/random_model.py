"""Models with seeded random weights: time does not depend on their values."""

from collections.abc import Mapping
from typing import Any

from flax import linen as nn
import jax
import numpy as np

from magnet_jax.models import build
from magnet_jax.models.refiner import HALO
from magnet_jax.ops import strips
from magnet_jax.predict.model import Model
from magnet_jax.refiners import magnet
from magnet_jax.scenes import generator
from magnet_jax.types import ClassTable


def make(
  *,
  num_classes: int,
  segmenter: Mapping[str, Any],
  refiner: Mapping[str, Any],
  plan: Mapping[str, object],
  refine: Mapping[str, object],
  seed: int = 0,
) -> Model:
  """Makes a model with random weights.

  Args:
    num_classes: C, at least 2.
    segmenter: settings of `models.build.segmenter`.
    refiner: settings of `models.build.refinement`.
    plan: the section `plan` of a config.
    refine: the section `refine` of a config.
    seed: of the weights.
  """
  rng = np.random.default_rng(seed)
  module = build.segmenter(num_classes=num_classes, **segmenter)
  pixels = np.zeros((1, 64, 64, 3), np.float32)
  maps = np.zeros((1, 8, 8, num_classes), np.float32)
  second = build.refinement(num_classes=num_classes, **refiner)
  first_weights, second_weights = jax.device_put(
    (
      weights(rng, module, pixels),
      weights(rng, second, scale=maps, coarse=maps),
    )
  )
  return Model(
    jax.tree_util.Partial(module.apply, first_weights),
    (
      magnet.refiner(
        jax.tree_util.Partial(
          strips.InStrips(second.apply, halo=HALO), second_weights
        )
      ),
    ),
    _table(num_classes),
    {'plan': plan, 'refine': refine},
  )


def weights(
  rng: np.random.Generator,
  module: nn.Module,
  *arrays: np.ndarray,
  **named: np.ndarray,
) -> Any:
  """Draws weights of a realistic scale, without compiling the initialisers.

  Args:
    rng: random generator.
    module: a network.
    *arrays: arguments of its `init`.
    **named: keyword arguments of its `init`.
  """

  def draw(
    path: tuple[jax.tree_util.DictKey, ...], leaf: jax.ShapeDtypeStruct
  ) -> np.ndarray:
    kind = path[-1].key
    if kind == 'kernel':
      drawn = rng.standard_normal(leaf.shape, np.float32)
      drawn *= np.float32(np.sqrt(2 / np.prod(leaf.shape[:-1])))
      return drawn
    fill = 1 if kind in ('scale', 'var') else 0
    return np.full(leaf.shape, fill, np.float32)

  shapes = jax.eval_shape(module.init, jax.random.key(0), *arrays, **named)
  return jax.tree_util.tree_map_with_path(draw, shapes)


def _table(num_classes: int) -> ClassTable:
  if num_classes == len(generator.CLASSES):
    return generator.CLASSES
  names = tuple(f'class {c}' for c in range(num_classes))
  return ClassTable(names, ((127, 127, 127),) * num_classes)
