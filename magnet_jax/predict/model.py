"""A trained segmenter and refiner, ready for images."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
import dataclasses
from typing import Any, Self, cast

import numpy as np

from magnet_jax import checked
from magnet_jax.cascade import last_filter, settings
from magnet_jax.cascade.cascade import Cascade
from magnet_jax.cascade.host_segmenter import HostSegmenter
from magnet_jax.cascade.policy import ALIGNED, Planner, Policy
from magnet_jax.cascade.released import RELEASED
from magnet_jax.files import checkpoints, embedded
from magnet_jax.files.atomic import PathLike
from magnet_jax.filters.table import Filter
from magnet_jax.predict import correctors, networks, segmentation
from magnet_jax.predict import way as way_files
from magnet_jax.predict.segmentation import Segmentation
from magnet_jax.predict.way import Way
from magnet_jax.rasters import given_image
from magnet_jax.rasters.given_image import Given
from magnet_jax.refiners import table
from magnet_jax.refiners.refiner import Refiner
from magnet_jax.types import (
  ClassTable,
  InputError,
  Meta,
  Network,
  Section,
  Size,
  Stage,
  Tones,
)

PIPELINES: Mapping[str, Policy] = {
  policy.name: policy for policy in (ALIGNED, RELEASED)
}


@dataclasses.dataclass(frozen=True, repr=False)
class Model:
  """Networks with the settings that they were trained for.

  Attributes:
    segmenter: normalised images [B,h,w,3] -> logits [B,h,w,C], or a
      function of NumPy arrays as a `HostSegmenter`.
    refiners: the trained ones: one for all stages or one per stage after
      stage 0; none if only the segmenter is trained.
    classes: names and colours of the C classes.
    settings: the sections `plan` and `refine` of the config.
    ways: other settings that were chosen for it, by the name of their budget.
    pipeline: one of PIPELINES: 'aligned', ours, or 'released', the published
      behaviour, for checkpoints trained with it.
    tones: of the images that the segmenter was trained on, see `data.tones`;
      empty if they are unknown.
    correctors: the trained ones, which correct a finished map, by their names
      in `correctors.CORRECTORS`.
    planner: of the stages of an image size, instead of the settings' own.
    strict: whether images that `plan.first` makes smaller than a window are
      refused; otherwise they start with the whole image in one window.

  Raises:
    InputError: for an unknown pipeline.
  """

  segmenter: Network | HostSegmenter
  refiners: tuple[Refiner, ...]
  classes: ClassTable
  settings: Mapping[str, Any]
  pipeline: str = 'aligned'
  tones: Tones = dataclasses.field(default_factory=dict)
  strict: bool = False
  ways: Mapping[str, Way] = dataclasses.field(default_factory=dict)
  correctors: Mapping[str, Filter] = dataclasses.field(default_factory=dict)
  planner: Planner | None = None

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

  def way(self, name: str) -> Way:
    """Returns a way that was chosen for the model.

    Raises:
      InputError: there is none of this name.
    """
    if name not in self.ways:
      known = ', '.join(self.ways)
      raise InputError(
        f'budget {name!r}: '
        + (f'choose one of {known}' if known else 'the model is not tuned')
        + '; magnet-jax tune chooses the best way of running a model for each'
      )
    return self.ways[name]

  def with_way(self, way: Way) -> Self:
    """Returns the model with the settings of a way.

    Raises:
      InputError: a setting is unknown, of the wrong type or out of range.
    """
    sections = {
      'plan': {**self.settings['plan'], **way.plan},
      'refine': {**self.settings['refine'], **way.refine},
    }
    settings.planner(sections['plan'])
    settings.options(sections['refine'])
    return dataclasses.replace(self, settings=sections)

  def plan(self, size: Size) -> tuple[Stage, ...]:
    """Plans the stages for an image size."""
    if self.planner is not None:
      return self.planner(size)
    policy = PIPELINES[self.pipeline]
    stages = policy.planner(self.settings['plan'], strict=self.strict)(size)
    if settings.options(self.settings['refine']).filter_radius:
      return last_filter.of(stages)
    return stages

  def whole_plan(self, size: Size) -> tuple[Stage, ...]:
    """Plans stages from the whole image to full size, as baselines need."""
    plan = settings.from_the_whole(self.settings['plan'])
    return PIPELINES[self.pipeline].planner(plan)(size)

  def cascade(self, **changes: Any) -> Cascade:
    """Places the networks on the devices.

    Args:
      **changes: settings of the section `refine` to change, such as
        windows=0.25 for MagNet-Fast.

    Raises:
      InputError: a setting out of range, or one that needs a refiner which the
        model lacks.
    """
    options = settings.options(self.settings['refine'], **changes)
    for name in ('bias', 'trends'):
      given = len(getattr(options, name))
      if given and given != len(self.classes):
        raise InputError(
          f'refine.{name} has {given} numbers: must have one for each of the '
          f'{len(self.classes)} classes; choose it again with magnet-jax tune'
        )
    policy = PIPELINES[self.pipeline]
    return Cascade(
      self.segmenter,
      table.choose(options.fusion, self.refiners, policy.offers),
      network=self.network,
      options=options,
      policy=policy,
    )

  def segment(
    self,
    image: Given,
    *,
    plan: Sequence[Stage] | None = None,
    keep_stages: bool = False,
    **changes: Any,
  ) -> Segmentation:
    """Segments one image coarse to fine.

    What is compiled for an image serves all others, also of other sizes.

    Args:
      image: a path, read as by `given_image.read_image`; an image of Pillow;
        or an array [H,W,3], or [H,W] for grey, of uint8 or of floating-point
        numbers in 0..1.
      plan: stages for the image's size; None: those of `plan`.
      keep_stages: whether the result holds the maps of all stages.
      **changes: as for `cascade`.

    Raises:
      InputError: for another image, or a plan of another size.
    """
    raster = given_image.as_raster(image)
    model = self.with_way(Way({}, changes))
    return segmentation.segment(
      model.cascade(),
      raster,
      model.plan(raster.size) if plan is None else plan,
      self.classes,
      keep_stages=keep_stages,
    )

  def segment_all(
    self, images: Iterable[Given], **changes: Any
  ) -> Iterator[Segmentation]:
    """Segments images one after the other, as they are asked for.

    Args:
      images: each as for `segment`; an array [B,H,W,3] is B of them.
      **changes: as for `segment`.

    Raises:
      InputError: as `segment`; says which image it is, from 0.
    """
    for number, image in enumerate(images):
      with checked.named(f'image {number}'):
        found = self.segment(image, **changes)
      yield found

  def __repr__(self) -> str:
    # Without the weights, which would fill the screen.
    return (
      f'Model(classes={self.classes.names}, network={self.network}, '
      f'refiners={len(self.refiners)}, correctors={[*self.correctors]}, '
      f'ways={[*self.ways]}, pipeline={self.pipeline!r})'
    )


def segment_image(model: Model, image: Given, **changes: Any) -> np.ndarray:
  """Segments one image coarse to fine.

  Args:
    model: the networks.
    image: as for `Model.segment`.
    **changes: as for `Model.cascade`.

  Returns:
    uint8 [H,W], the most probable class of each pixel.
  """
  return model.segment(image, **changes).label


def load(path: PathLike | None = None) -> Model:
  """Loads a model: a run's folder, an exported file or an embedded model.

  Args:
    path: of the model, or the name of one of `embedded.MODELS`; None: aerial.

  Raises:
    InputError: it is missing, damaged, not finite or does not fit its own
      settings.
  """
  if path is None:
    path = embedded.file(embedded.AERIAL)
  variables, meta = checkpoints.load(path)
  return from_variables(variables, meta, name=str(path))


def from_variables(
  variables: Section,
  meta: Meta,
  *,
  name: str,
  segmenter: HostSegmenter | None = None,
) -> Model:
  """Builds a model from loaded variables.

  Args:
    variables: {'segmenter': …, 'refiner': …, 'refiner_NAME': …}; all but the
      segmenter may be missing, and that if another one is given.
    meta: of the networks, as saved by training.
    name: used in messages.
    segmenter: used instead of the one in the variables.

  Raises:
    InputError: the variables are not finite or do not fit the config, or a
      setting of it is missing, unknown, of the wrong type or out of range.
  """
  if 'segmenter' not in variables and segmenter is None:
    raise InputError(
      f'{name}: holds only a {" and a ".join(variables)}: a segmenter is also '
      'needed; give the folder of a run, or --segmenter=RUN --refiner=PATH'
    )
  with checked.named(name):
    table = networks.class_table(meta)
    sections = {key: meta.section(key) for key in ('plan', 'refine')}
    settings.planner(sections['plan'])
    settings.options(sections['refine'])
    ways = way_files.from_json(meta.config.get('ways', {}))
  own = None
  if segmenter is None:
    own = networks.segmenter(variables, meta, len(table), name)
  model = Model(
    segmenter=own or cast('HostSegmenter', segmenter),
    refiners=networks.refiners(variables, meta, len(table), name, own),
    classes=table,
    settings=sections,
    # Another segmenter was trained on images that nobody knows of here.
    tones={} if segmenter else meta.tones,
    ways=ways,
    correctors=correctors.load(variables, meta, len(table), name),
  )
  with checked.named(name):
    for way in ways.values():
      model.with_way(way)
  return model
