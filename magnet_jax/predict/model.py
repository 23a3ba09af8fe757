"""A trained segmenter and refiner, ready to be run on images."""

from collections.abc import Callable, Iterable, Mapping
import dataclasses
import functools
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from magnet_jax.cascade import released, settings
from magnet_jax.cascade.host_segmenter import HostSegmenter
from magnet_jax.cascade.progressive import Cascade, predict
from magnet_jax.cascade.released import Released
from magnet_jax.files import checkpoints
from magnet_jax.models import build
from magnet_jax.models.refiner import HALO, join, split
from magnet_jax.ops import strips
from magnet_jax.types import (
  ClassTable,
  InputError,
  LabelCodes,
  Network,
  Size,
  Stage,
)

PIPELINES = ('aligned', 'released')
AnyCascade = Cascade | Released
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
    pipeline: one of PIPELINES: 'aligned', ours, or 'released', the published
      behaviour, for checkpoints trained with it.

  Raises:
    InputError: for an unknown pipeline.
  """

  segmenter: Network | HostSegmenter
  refiners: tuple[Network, ...]
  classes: ClassTable
  settings: Mapping[str, Any]
  pipeline: str = 'aligned'

  def __post_init__(self) -> None:
    if self.pipeline not in PIPELINES:
      raise InputError(
        f'pipeline {self.pipeline!r}: unknown; choose one of '
        f'{", ".join(PIPELINES)}'
      )

  @property
  def network(self) -> Size:
    """(height, width) of the networks' input."""
    height, width = self.settings['plan']['network']
    return height, width

  def plan(self, size: Size) -> tuple[Stage, ...]:
    """The stages of an image of some size."""
    planner = {'aligned': settings.planner, 'released': released.planner}
    return planner[self.pipeline](self.settings['plan'])(size)

  def cascade(self, **changes: Any) -> AnyCascade:
    """Puts the networks on the devices.

    Args:
      **changes: settings of the section `refine` to change, such as
        windows=0.25 for MagNet-Fast.
    """
    kinds: dict[str, type[Cascade] | type[Released]] = {
      'aligned': Cascade,
      'released': Released,
    }
    return kinds[self.pipeline](
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
  variables: Mapping[str, Any],
  meta: Mapping[str, Any],
  *,
  name: str,
  segmenter: HostSegmenter | None = None,
) -> Model:
  """Builds a model of loaded variables.

  Args:
    variables: {'segmenter': …, 'refiner': …}; the refiner may be missing, as
      may the segmenter where there is another.
    meta: config and classes, as training saves them.
    name: what messages call it.
    segmenter: one to take in place of the variables'.

  Raises:
    InputError: if the variables are not finite or do not fit the config.
  """
  if 'segmenter' not in variables and segmenter is None:
    raise InputError(
      f'{name}: holds a {" and a ".join(variables)} alone: a segmenter is '
      'needed beside it; give the folder of a run, or --segmenter=RUN '
      '--refiner=PATH'
    )
  config = meta['config']
  table = class_table(meta)
  return Model(
    segmenter=segmenter or _segmenter(variables, config, len(table), name),
    refiners=_refiners(variables, config, len(table), name),
    classes=table,
    settings={'plan': config['plan'], 'refine': config['refine']},
  )


def class_table(meta: Mapping[str, Any]) -> ClassTable:
  """The classes that networks were trained for."""
  classes = meta['classes']
  return ClassTable(
    names=tuple(classes['names']),
    colours=tuple(tuple(c) for c in classes['colours']),
    unscored=tuple(classes.get('unscored', ())),
    codes=_codes(classes.get('codes')),
  )


def _codes(found: Mapping[str, Any] | None) -> LabelCodes | None:
  """What label files held, out of JSON, which has lists for tuples."""
  if not found:
    return None

  def plain(codes: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(c if isinstance(c, int) else tuple(c) for c in codes)

  return LabelCodes(
    classes=tuple(plain(each) for each in found['classes']),
    ignored=plain(found['ignored']),
    tolerance=found['tolerance'],
  )


def _segmenter(
  variables: Mapping[str, Any],
  config: Mapping[str, Any],
  classes: int,
  name: str,
) -> Network:
  """The segmenter with its variables, checked and placed."""
  module = build.segmenter(classes=classes, **config['segmenter'])
  image = jnp.zeros((1, 64, 64, 3))
  init = functools.partial(module.init, jax.random.key(0), image)
  _check(name, 'segmenter', variables, init)
  # Once: each cascade of this model then uses the same copy.
  placed = jax.device_put(variables['segmenter'])
  return jax.tree_util.Partial(module.apply, placed)


def _refiners(
  variables: Mapping[str, Any],
  config: Mapping[str, Any],
  classes: int,
  name: str,
) -> tuple[Network, ...]:
  """The refiners of stages 1, 2, …, if there are any."""
  if 'refiner' not in variables:
    return ()
  # Checkpoints of earlier versions have one refiner and do not say so.
  wanted = {'count': 1, **config['refiner']}
  number = wanted.pop('count')
  module = build.refinement(classes=classes, **wanted)
  maps = jnp.zeros((1, 8, 8, classes))
  init = functools.partial(
    module.init, jax.random.key(0), scale=maps, coarse=maps
  )
  _check(name, 'refiner', variables, lambda: join([init()] * number))
  apply = strips.InStrips(module.apply, halo=HALO)
  placed = jax.device_put(variables['refiner'])
  return tuple(
    jax.tree_util.Partial(apply, each) for each in split(placed, number)
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
