"""The networks that a checkpoint holds, whether they are a model or less."""

from __future__ import annotations

from collections.abc import Mapping
import dataclasses

from magnet_jax import checked
from magnet_jax.cascade import settings
from magnet_jax.predict import correctors, networks
from magnet_jax.refiners.corrector import Corrector
from magnet_jax.refiners.refiner import Refiner
from magnet_jax.types import (
  CORRECTOR,
  ClassTable,
  InputError,
  Meta,
  Network,
  Section,
  Size,
)


@dataclasses.dataclass(frozen=True)
class Held:
  """Networks in float32.

  Attributes:
    segmenter: normalised images [B,h,w,3] -> logits [B,h,w,C].
    refiners: of the stages after the first.
    correctors: by name, each with its variables.
    classes: None for correctors of any.
    network: (h, w) of the input of segmenter and refiners, None if there are
      none.
  """

  segmenter: Network | None
  refiners: tuple[Refiner, ...]
  correctors: Mapping[str, tuple[Corrector, Section]]
  classes: ClassTable | None
  network: Size | None


def of_variables(variables: Section, meta: Meta, *, name: str) -> Held:
  """Makes networks of loaded variables.

  Args:
    variables: by kind, as `checkpoints.load` returns them.
    meta: of the networks.
    name: used in messages.

  Raises:
    InputError: there are none to be run, or they do not fit the config.
  """
  kinds = [kind for kind in ('segmenter', 'refiner') if kind in variables]
  corrects = any(kind.startswith(CORRECTOR) for kind in variables)
  if not kinds and not corrects:
    raise InputError(
      f'{name}: holds only a {" and a ".join(variables)}, which is a part of a '
      'network; give the folder of a run, or a model'
    )
  with checked.named(name):
    meta = _in_float32(meta)
    # Those that correct any classes may come without a table of them.
    classes = networks.class_table(meta) if kinds or meta.classes else None
    window = _window(meta) if kinds else None
  count = 1 if classes is None else len(classes)
  segmenter = None
  if 'segmenter' in variables:
    segmenter = networks.segmenter(variables, meta, count, name)
  found = correctors.trained(variables, meta, count, name)
  return Held(
    segmenter,
    networks.refiners(variables, meta, count, name, segmenter),
    {
      which: (each, variables[CORRECTOR + which])
      for which, each in found.items()
    },
    classes,
    window,
  )


def _window(meta: Meta) -> Size:
  plan = meta.section('plan')
  settings.planner(plan)  # checks it
  height, width = plan['network']
  return height, width


def _in_float32(meta: Meta) -> Meta:
  """Settings of networks that compute in float32, whatever they trained in."""
  config = {**meta.config}
  for kind in ('segmenter', 'refiner'):
    if kind in config:
      config[kind] = {**meta.section(kind), 'dtype': 'float32'}
  if 'correctors' in config:
    config['correctors'] = {
      name: _changed(own) for name, own in meta.section('correctors').items()
    }
  return dataclasses.replace(meta, config=config)


def _changed(own: object) -> object:
  # What are no settings at all is refused where a corrector is made of them.
  if isinstance(own, Mapping) and 'dtype' in own:
    return {**own, 'dtype': 'float32'}
  return own
