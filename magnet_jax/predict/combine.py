"""The segmenter of one training, or a foreign one, with another's refiner.

The refiner sees maps of classes and no RGB: trained with one segmenter, it can
be used with another one that has the same classes.
"""

import dataclasses

from magnet_jax import checked
from magnet_jax.cascade import settings
from magnet_jax.files import checkpoints
from magnet_jax.files.trees import Tree
from magnet_jax.predict import correctors, foreign, networks
from magnet_jax.predict import model as models
from magnet_jax.predict.model import Model
from magnet_jax.types import CORRECTOR, InputError, Meta


def load(
  segmenter: str, refiner: str | None, *, batch: int | None = None
) -> tuple[Model, Meta]:
  """Loads a segmenter and a refiner from two places.

  The network size, window and stages are those of the segmenter's training;
  points, median filter and the like those of the refiner's. A foreign segmenter
  has no settings and uses all those of the refiner's training, except for a
  fixed size, and is tried out on black windows. Correctors of either are left
  out.

  Args:
    segmenter: anything that `models.load` or `foreign.load` accepts.
    refiner: anything that `models.load` accepts; None: only the segmenter.
    batch: number of windows per call of a foreign segmenter; None uses the
      refiner's setting.

  Returns:
    The model, and the metadata that a training of both would have.

  Raises:
    InputError: either is missing or damaged, or their classes differ.
  """
  if foreign.is_foreign(segmenter):
    if refiner is None:
      raise InputError(
        f'{segmenter}: does not specify classes, windows and stages, which '
        'come from a refiner; add --refiner=RUN'
      )
    return _with_foreign(segmenter, refiner, batch)
  variables, meta = _part(segmenter, 'segmenter')
  name = segmenter
  if refiner is not None:
    theirs, other = _part(refiner, 'refiner')
    _check_classes(segmenter, meta, refiner, other)
    theirs_too = {key: other.config.get(key) for key in ('refiner', 'refine')}
    meta = dataclasses.replace(meta, config={**meta.config, **theirs_too})
    variables = {**variables, **theirs}
    name = f'{segmenter} with the refiner of {refiner}'
  return models.from_variables(variables, meta, name=name), meta


def with_correctors(model: Model, path: str) -> Model:
  """Returns a model with the correctors of another run or file.

  Args:
    model: the networks, of any origin.
    path: anything that `correctors.read` accepts.

  Raises:
    InputError: there is none, one is damaged, or was trained for other classes.
  """
  variables, meta = checkpoints.load(path)
  own = {k: v for k, v in variables.items() if k.startswith(CORRECTOR)}
  if not own:
    raise InputError(
      f'{path}: holds {" and ".join(sorted(variables))}, no corrector; train '
      'one by magnet-jax train --stage=NAME, or convert a published one'
    )
  count = len(meta.classes or model.classes)
  found = correctors.load(own, meta, count, path)
  for name, corrects in found.items():
    if corrects.num_classes is None:
      continue
    with checked.named(path):
      names = networks.class_table(meta).names
    if names != model.classes.names:
      raise InputError(
        f'{path}: its {correctors.shown(name)} corrects the {len(names)} '
        f'classes {", ".join(names)}, the segmenter has the '
        f'{len(model.classes)} classes {", ".join(model.classes.names)}: must '
        'be the same; choose correctors trained for these'
      )
  return dataclasses.replace(model, correctors={**model.correctors, **found})


def _with_foreign(
  segmenter: str, refiner: str, batch: int | None
) -> tuple[Model, Meta]:
  """The refiner with a foreign segmenter, which is tried out."""
  variables, meta = _part(refiner, 'refiner')
  with checked.named(refiner):
    num_classes = len(networks.class_table(meta))
    options = settings.options(meta.section('refine'))
  host = foreign.load(
    segmenter, num_classes=num_classes, batch=batch or options.batch or 1
  )
  model = models.from_variables(variables, meta, name=refiner, segmenter=host)
  if host.size is not None:
    plan = {**model.settings['plan'], 'network': host.size}
    model = dataclasses.replace(
      model, settings={**model.settings, 'plan': plan}
    )
  host.try_out(model.network)
  return model, meta


def _part(path: str, kind: str) -> tuple[dict[str, Tree], Meta]:
  """The variables of one network, and their metadata."""
  if kind == 'refiner' and foreign.is_foreign(path):
    raise InputError(
      f'{path}: is an ONNX file or a function, which has no refiner; set '
      '--refiner to the folder of a run or an exported model'
    )
  variables, meta = checkpoints.load(path)
  if kind == 'refiner' and networks.is_gate(variables.get(kind, {})):
    raise InputError(
      f'{path}: its refiner is a gate on features that only the segmenter '
      f'trained with it has; give --checkpoint={path}, or a --refiner that was '
      'trained with refine.fusion=magnet'
    )
  if kind not in variables:
    raise InputError(
      f'{path}: holds a {" and a ".join(variables)}, but a {kind} is needed; '
      f'give one that has a {kind}'
    )
  return {kind: variables[kind]}, meta


def _check_classes(
  segmenter: str, meta: Meta, refiner: str, other: Meta
) -> None:
  with checked.named(segmenter):
    names = networks.class_table(meta).names
  with checked.named(refiner):
    others = networks.class_table(other).names
  if names != others:
    raise InputError(
      f'{segmenter}: has the {len(names)} classes {", ".join(names)}, '
      f'{refiner} has the {len(others)} classes {", ".join(others)}: must be '
      'the same; choose a segmenter and a refiner trained for the same classes'
    )
