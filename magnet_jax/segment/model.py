"""A trained segmenter and refiner, ready to be run on images."""

from collections.abc import Callable, Mapping
import dataclasses
import functools
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from magnet_jax.io import checkpoints
from magnet_jax.models import build
from magnet_jax.models.refiner import HALO, join, split
from magnet_jax.ops import strips
from magnet_jax.segment import settings
from magnet_jax.segment.host_segmenter import HostSegmenter
from magnet_jax.segment.progressive import Cascade, predict
from magnet_jax.types import ClassTable, InputError, Network, Size, Stage

EMBEDDED = pathlib.Path(__file__).parent / 'embedded.npz'


@dataclasses.dataclass(frozen=True)
class Model:
  """Networks with the settings that they were trained for.

  Attributes:
    segmenter: normalised images [B,h,w,3] -> logits [B,h,w,C], or a
      function of NumPy arrays as a `HostSegmenter`.
    refiners: (scale=, coarse=) [B,h,w,C] -> logits, one for all stages or one
      for each after stage 0; none where only the segmenter is trained.
    classes: names and colours of the C classes.
    settings: the sections `plan` and `refine` of the config.
    pipeline: 'aligned', ours, or 'released', the published behaviour.
  """

  segmenter: Network | HostSegmenter
  refiners: tuple[Network, ...]
  classes: ClassTable
  settings: Mapping[str, Any]
  pipeline: str = 'aligned'

  @property
  def network(self) -> Size:
    """(height, width) of the networks' input."""
    height, width = self.settings['plan']['network']
    return height, width

  def plan(self, size: Size) -> tuple[Stage, ...]:
    """The stages of an image of some size."""
    return settings.planner(self.settings['plan'])(size)

  def cascade(self, **changes: Any) -> Cascade:
    """Puts the networks on the devices.

    Args:
      **changes: settings of the section `refine` to change, such as
        windows=0.25 for MagNet-Fast.
    """
    return Cascade(
      self.segmenter,
      self.refiners,
      network=self.network,
      options=settings.options(self.settings['refine'], **changes),
    )


def segment_image(
  model: Model, image: np.ndarray, **changes: Any
) -> np.ndarray:
  """Segments one image coarse to fine.

  Args:
    model: the networks.
    image: uint8 [H,W,3], RGB.
    **changes: as for `Model.cascade`.

  Returns:
    uint8 [H,W], the most probable class of each pixel.
  """
  size = (image.shape[0], image.shape[1])
  return predict(model.cascade(**changes).segment(image, model.plan(size)))


def load(path: pathlib.Path = EMBEDDED) -> Model:
  """Loads a model: the embedded one, a run's folder or an exported file.

  Args:
    path: where it lies.

  Raises:
    InputError: if it is missing, damaged, not finite or does not fit its own
      settings.
  """
  variables, meta = checkpoints.load(path)
  return from_variables(variables, meta, name=str(path))


def from_variables(
  variables: Mapping[str, Any], meta: Mapping[str, Any], *, name: str
) -> Model:
  """Builds a model of loaded variables.

  Args:
    variables: {'segmenter': …, 'refiner': …}; the refiner may be missing.
    meta: config and classes, as training saves them.
    name: what messages call it.

  Raises:
    InputError: if the variables are not finite or do not fit the config.
  """
  config = meta['config']
  table = ClassTable(
    names=tuple(meta['classes']['names']),
    colours=tuple(tuple(c) for c in meta['classes']['colours']),
    unscored=tuple(meta['classes'].get('unscored', ())),
  )
  count = len(table)
  if 'segmenter' not in variables:
    raise InputError(
      f'{name}: holds a refiner alone: a segmenter is needed beside it; give '
      'the folder of the run'
    )
  # Once: each cascade of this model then uses the same copy.
  placed = jax.device_put(dict(variables))
  segmenter = build.segmenter(classes=count, **config['segmenter'])
  image = jnp.zeros((1, 64, 64, 3))
  _check(
    name,
    'segmenter',
    variables,
    functools.partial(segmenter.init, jax.random.key(0), image),
  )
  refiners: tuple[Network, ...] = ()
  if 'refiner' in variables:
    # Checkpoints of earlier versions have one refiner and do not say so.
    wanted = {'count': 1, **config['refiner']}
    number = wanted.pop('count')
    module = build.refinement(classes=count, **wanted)
    maps = jnp.zeros((1, 8, 8, count))
    init = functools.partial(
      module.init, jax.random.key(0), scale=maps, coarse=maps
    )
    _check(name, 'refiner', variables, lambda: join([init()] * number))
    apply = strips.InStrips(module.apply, halo=HALO)
    refiners = tuple(
      jax.tree_util.Partial(apply, each)
      for each in split(placed['refiner'], number)
    )
  return Model(
    segmenter=jax.tree_util.Partial(segmenter.apply, placed['segmenter']),
    refiners=refiners,
    classes=table,
    settings={'plan': config['plan'], 'refine': config['refine']},
  )


def _check(
  name: str,
  network: str,
  variables: Mapping[str, Any],
  init: Callable[[], Any],
) -> None:
  """Compares variables with the shapes that `init` would make."""
  wanted = jax.eval_shape(init)
  shapes = {
    jax.tree_util.keystr(path): leaf.shape
    for path, leaf in jax.tree_util.tree_leaves_with_path(wanted)
  }
  found = {
    jax.tree_util.keystr(path): np.asarray(leaf)
    for path, leaf in jax.tree_util.tree_leaves_with_path(variables[network])
  }
  for key in sorted(shapes.keys() ^ found.keys()):
    where = 'missing' if key in shapes else 'unknown'
    raise InputError(
      f'{name}: {network}{key} is {where}: the variables must be those of the '
      "checkpoint's config; export it again from its run"
    )
  for key, leaf in found.items():
    if leaf.shape != shapes[key]:
      raise InputError(
        f'{name}: {network}{key} has shape {leaf.shape}, but the '
        f'config needs {shapes[key]}; use the config it was trained with'
      )
    if not np.isfinite(leaf).all():
      raise InputError(
        f'{name}: {network}{key} holds NaN or infinity: weights must be '
        'finite; take an earlier checkpoint'
      )
