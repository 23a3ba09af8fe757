"""The table of correctors, and those of a model: a new one is a row here.

A corrector is a trained network that corrects a finished map by its image; in
a model it is a filter like the untrained ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
import dataclasses
import functools

import jax
import numpy as np

from magnet_jax import checked
from magnet_jax.cascade import cascade_psp, finished, segfix
from magnet_jax.files import checkpoints
from magnet_jax.files.atomic import PathLike
from magnet_jax.filters import bands
from magnet_jax.filters.table import Filter
from magnet_jax.models import initial
from magnet_jax.predict import networks
from magnet_jax.refiners import deep_guided, iterative
from magnet_jax.refiners.corrector import STARTS, Correct, Corrector
from magnet_jax.refiners.refiner import Refiner
from magnet_jax.types import (
  CORRECTOR,
  ClassTable,
  InputError,
  Meta,
  Section,
  Size,
)


@dataclasses.dataclass(frozen=True)
class Row:
  """A kind of corrector.

  Attributes:
    about: what it does, as a line of the help.
    make: (num_classes=, **settings) -> Corrector; the settings are those of
      its section of `correctors` in a config.
  """

  about: str
  make: Callable[..., Corrector]


CORRECTORS: dict[str, Row] = {
  'deep_guided': Row(
    'the guided filter, by a guide that is learnt for each class',
    deep_guided.make,
  ),
  'iterative': Row(
    'a network that sees image and map, and then its own result, repeatedly',
    iterative.make,
  ),
  'cascade_psp': Row(
    'a network that corrects the mask of each part of a class, then in crops',
    cascade_psp.make,
  ),
  'segfix': Row(
    'labels near outlines are taken from further inside, where a network that '
    'sees the image alone says it is',
    segfix.make,
  ),
}


def shown(name: str) -> str:
  """Returns a corrector's name as a method."""
  return name.replace('_', '-')


def make(name: str, settings: Section, num_classes: int) -> Corrector:
  """Makes a corrector, without variables.

  Args:
    name: a key of CORRECTORS.
    settings: keyword arguments of its `make`.
    num_classes: C.

  Raises:
    InputError: a setting is unknown, of the wrong type or out of range.
  """
  of_classes = functools.partial(CORRECTORS[name].make, num_classes=num_classes)
  corrector = checked.call(of_classes, settings, f'correctors.{name}')
  if corrector.start not in STARTS:
    raise InputError(
      f'correctors.{name}.start {corrector.start!r}: unknown; choose one of '
      f'{", ".join(STARTS)}'
    )
  return corrector


def trained(
  variables: Section, meta: Meta, num_classes: int, name: str
) -> dict[str, Corrector]:
  """Returns the correctors whose variables are there, by their names.

  Args:
    variables: of all networks, by kind.
    meta: with the section `correctors` if there are any.
    num_classes: C.
    name: of the model, for messages.

  Raises:
    InputError: one is unknown, or does not fit its settings.
  """
  found = {}
  for kind in variables:
    if kind.startswith(CORRECTOR):
      which = kind.removeprefix(CORRECTOR)
      if which not in CORRECTORS:
        raise InputError(
          f'{name}: holds a corrector {which!r}: must be one of '
          f'{", ".join(CORRECTORS)}; upgrade magnet-jax'
        )
      with networks.building(name, 'correctors'):
        settings = meta.section('correctors').get(which, {})
        corrector = make(which, settings, num_classes)
        shapes = initial.shapes(corrector.module.init, **corrector.inputs)
      networks.check(name, kind, variables, shapes)
      found[which] = corrector
  return found


def load(
  variables: Section, meta: Meta, num_classes: int, name: str
) -> dict[str, Filter]:
  """Returns the correctors among loaded variables as filters, as `trained`."""
  return {
    which: of_variables(
      which, corrector, variables[CORRECTOR + which], num_classes
    )
    for which, corrector in trained(variables, meta, num_classes, name).items()
  }


def read(path: PathLike, name: str) -> tuple[Filter, ClassTable | None]:
  """Reads a corrector of a model, which needs no segmenter for that.

  Args:
    path: as for `model.load`, or a folder that holds nothing but correctors.
    name: a key of CORRECTORS.

  Returns:
    The corrector, and the classes that it was trained for, None if it corrects
    maps of any.

  Raises:
    InputError: there is none of this name, or it is damaged.
  """
  variables, meta = checkpoints.load(path)
  kind = CORRECTOR + name
  if kind not in variables:
    raise InputError(
      f'{path}: holds {", ".join(sorted(variables))}, no {kind}: train it by '
      f'magnet-jax train --stage={name} --workdir=RUN, with the --config of '
      'the run'
    )
  # Those that correct any classes may come without a table of them.
  count = len(meta.classes or (name,))
  own = {kind: variables[kind]}
  corrects = load(own, meta, count, str(path))[name]
  if corrects.num_classes is None:
    return corrects, None
  return corrects, networks.class_table(meta)


def of_variables(
  name: str, corrector: Corrector, variables: object, num_classes: int
) -> Filter:
  """Returns a corrector with its variables as a filter.

  Args:
    name: a key of CORRECTORS.
    corrector: without variables.
    variables: of its network.
    num_classes: C.
  """
  network = jax.tree_util.Partial(
    corrector.module.apply, jax.device_put(variables)
  )
  as_filter = functools.partial(
    Filter,
    about=CORRECTORS[name].about,
    start=corrector.start,
    num_classes=None if corrector.any_classes else num_classes,
  )
  if corrector.refiner is None:
    assert corrector.correct is not None
    apply = corrector.correct(network)
    return as_filter(
      apply=apply, warm_up=functools.partial(_halves, apply, num_classes)
    )
  refiner = corrector.refiner(network)
  return as_filter(
    apply=functools.partial(_whole, refiner),
    bands=functools.partial(finished.bands, refiner),
    warm_up=functools.partial(_warm_up, refiner, num_classes),
  )


def _whole(
  refiner: Refiner, image: np.ndarray, probabilities: np.ndarray
) -> np.ndarray:
  read = bands.reader(image, probabilities)
  found: Iterator[np.ndarray] = finished.bands(refiner, image, read)
  return bands.joined(found, probabilities.shape)


def _warm_up(refiner: Refiner, num_classes: int, size: Size) -> None:
  """Corrects a black window of the size that those of an image have."""
  height, width = finished.window(refiner, size)
  blank = np.zeros((height, width, 3), np.uint8)
  maps = np.full((height, width, num_classes), 1 / num_classes, np.float32)
  _whole(refiner, blank, maps)


def _halves(apply: Correct, num_classes: int, size: Size) -> None:
  """Corrects a map of a black image whose halves are of different classes."""
  maps = np.zeros((*size, num_classes), np.float32)
  maps[:, : size[1] // 2, 0] = maps[:, size[1] // 2 :, -1] = 1
  apply(np.zeros((*size, 3), np.uint8), maps)
