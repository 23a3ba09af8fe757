"""Converts PyTorch files to a folder of checkpoints, and back."""

from collections.abc import Mapping, Sequence
import dataclasses
import pathlib

import jax
import numpy as np

from magnet_jax import checked
from magnet_jax.files import atomic, checkpoint_store, checkpoints
from magnet_jax.models import refiner
from magnet_jax.types import (
  CORRECTOR,
  KINDS,
  ClassTable,
  InputError,
  Meta,
  Origin,
  Section,
)
from magnet_jax.weights import (
  segfix_template,
  torch_colours,
  torch_files,
  torch_names,
  torch_notes,
  torch_states,
  torch_templates,
  torch_weights,
)

_EXCHANGED = torch_states.ORDERS[1]


@dataclasses.dataclass(frozen=True)
class Written:
  """One network that was converted.

  Attributes:
    path: the folder or file, as its name in the output folder.
    network: a key of `torch_names.NAMES`.
    tensors: number of arrays, PyTorch's counters included.
    parameters: number of trained parameters.
    notes: what the user should know about it, one line each.
  """

  path: str
  network: str
  tensors: int
  parameters: int
  notes: tuple[str, ...] = ()


def class_count(sources: Sequence[torch_states.Source]) -> int | None:
  """Returns the number of classes of files that belong together.

  Args:
    sources: one segmenter, refiners, or both; or one trunk or corrector.

  Returns:
    C; None for a trunk or a corrector.

  Raises:
    InputError: files that do not belong together.
  """
  kinds = [source.kind for source in sources]
  for kind, source in zip(kinds, sources, strict=True):
    if kind.startswith(CORRECTOR) and len(kinds) > 1:
      raise InputError(
        f'{source.path}: is a corrector for any classes; convert it alone'
      )
  for kind in ('segmenter', 'trunk'):
    if kinds.count(kind) > 1:
      raise InputError(
        f'{sources[-1].path}: another {kind}: a folder can hold only one; '
        'convert it into a folder of its own'
      )
  if 'trunk' in kinds and len(kinds) > 1:
    path = sources[kinds.index('trunk')].path
    raise InputError(
      f'{path}: is a trunk, which is not a segmenter yet; convert it alone and '
      'train from it'
    )
  counts = {source.path: source.classes for source in sources}
  if len(set(counts.values())) > 1:
    shown = ', '.join(f'{path}: {count}' for path, count in counts.items())
    raise InputError(
      f'{shown} classes: all files must have the same number; choose files '
      'that belong together'
    )
  return next(iter(counts.values()))


def to_trunk(source: torch_states.Source, folder: pathlib.Path) -> Written:
  """Writes a trunk without its classifier, as the start of a training.

  Args:
    source: what was read.
    folder: 'trunk/checkpoints/0' is written in there.

  Raises:
    InputError: it is not a known trunk, or cannot be written.
  """
  settings = torch_templates.trunk_settings(source)
  template = torch_templates.trunk(settings)
  return _save(folder, [source], template, Meta({'segmenter': settings}))


def to_corrector(source: torch_states.Source, folder: pathlib.Path) -> Written:
  """Writes a corrector, for the folder of a run or the start of a training.

  Args:
    source: what was read.
    folder: 'refiner_NAME/checkpoints/0' is written in there.

  Raises:
    InputError: it is not complete, or cannot be written.
  """
  settings, template = torch_templates.corrector(source)
  name = source.kind.removeprefix(CORRECTOR)
  meta = Meta({'correctors': {name: settings}})
  return _save(folder, [source], template, meta)


def to_checkpoint(
  sources: Sequence[torch_states.Source],
  folder: pathlib.Path,
  *,
  config: Section,
  classes: ClassTable,
  order: str = torch_states.ORDERS[0],
) -> list[Written]:
  """Writes a segmenter, refiners or both as checkpoints of a training.

  Args:
    sources: what was read; refiners in the order of their stages.
    folder: 'segmenter/checkpoints/0' and 'refiner/checkpoints/0' are written
      in there.
    config: all sections; `segmenter` and `refiner` must describe the files.
    classes: of the networks.
    order: of a refiner's input in the files, one of `torch_states.ORDERS`.

  Raises:
    InputError: a file and the config do not fit, a key is missing or left
      over, weights are not finite, or writing fails.
  """
  count = class_count(sources)
  if count != len(classes):
    raise InputError(
      f'{sources[0].path}: has {count} classes, but the config has '
      f'{len(classes)} ({", ".join(classes.names)}): must be the same; choose '
      'another config or class table'
    )
  segmenters = [s for s in sources if s.kind == 'segmenter']
  for source in segmenters:
    told = {**source.settings, **config['segmenter']}
    config = {**config, 'segmenter': told}
  meta = Meta(config, classes)
  refiners = [s for s in sources if s.kind == 'refiner']
  written = []
  if segmenters:
    template = torch_templates.segmenter(segmenters[0], meta, len(classes))
    written.append(_save(folder, segmenters, template, meta))
  if refiners:
    template = torch_templates.refiner(refiners, meta, len(classes))
    written.append(_save(folder, refiners, template, meta, order))
  return written


def to_files(
  run: pathlib.Path,
  folder: pathlib.Path,
  *,
  suffix: str,
  order: str | None = None,
) -> list[Written]:
  """Writes the networks of a run as PyTorch files.

  Args:
    run: anything that `checkpoints.load` accepts.
    folder: where segmenter, refiner (or refiner_1, …) and trunk are written.
    suffix: '.pth' or '.safetensors'.
    order: of a refiner's input in the files; None keeps that of the file it
      was converted from.

  Raises:
    InputError: nothing is there, its metadata are damaged, a network has no
      names in PyTorch, or writing fails.
  """
  written = []
  parts, lost = _without_gate(run, _parts(run))
  for kind, (variables, meta) in parts.items():
    with checked.named(str(run)):
      network = torch_templates.network(kind, meta)
      notes = (*lost, *torch_notes.lost(kind, meta, network))
      count = 1
      if kind == 'refiner':
        count, _ = refiner.refiner_count(meta.section('refiner'))
      # A model file records the origin of its last network only.
      origin = meta.torch if meta.kind == kind else None
      if origin and len(origin.counters) not in (0, count):
        raise InputError(
          f'meta.torch.counters of {len(origin.counters)} networks: must be '
          f'of {count}, as the config says; convert the files again'
        )
      trees_of = refiner.split(variables, count)
    own_order = order or (origin and origin.order)
    for i, tree in enumerate(trees_of):
      counts = origin.counters[i] if origin and origin.counters else None
      state = torch_weights.to_torch(tree, network, counts)
      if kind == 'refiner' and own_order == _EXCHANGED:
        state = torch_states.exchange_inputs(state)
      number = f'_{i + 1}' if len(trees_of) > 1 else ''
      name = f'{kind}{number}{suffix}'
      state |= torch_colours.keys(network, torch_templates.settings(kind, meta))
      torch_files.write(folder / name, state)
      written.append(Written(name, network, len(state), _size(tree), notes))
  return written


def _without_gate(
  run: pathlib.Path, parts: Mapping[str, tuple[Section, Meta]]
) -> tuple[Mapping[str, tuple[Section, Meta]], tuple[str, ...]]:
  """Leaves out a gate, and keeps the segmenter that was trained with it."""
  if 'gate' not in parts.get('refiner', ({},))[0].get('params', {}):
    return parts, ()
  variables, meta = checkpoints.load(run)
  note = 'the gate of scale attention has no counterpart in PyTorch: left out'
  return {'segmenter': (variables['segmenter'], meta)}, (note,)


def _parts(run: pathlib.Path) -> Mapping[str, tuple[Section, Meta]]:
  """Returns variables and metadata of each network of a run or model file."""
  if run.is_dir():
    parts = checkpoints.load_parts(run)
  else:
    exported, meta = checkpoints.load(run)
    parts = {kind: (variables, meta) for kind, variables in exported.items()}
  known = *KINDS, *(CORRECTOR + name for name in torch_names.CORRECTORS)
  named = {kind: parts[kind] for kind in known if kind in parts}
  segfix = CORRECTOR + 'segfix'
  if segfix in named and not segfix_template.has_names(named[segfix][1]):
    del named[segfix]
  if not named:
    raise InputError(
      f'{run}: holds {", ".join(sorted(parts))}, which has no names in '
      'PyTorch; give a run with another network'
    )
  return named


def _save(
  folder: pathlib.Path,
  sources: Sequence[torch_states.Source],
  template: Section,
  meta: Meta,
  order: str = torch_states.ORDERS[0],
) -> Written:
  """Writes the checkpoint of one network, or of the refiners of all stages."""
  found, counters = [], []
  for source in sources:
    state: Mapping[str, np.ndarray] = source.state
    if order == _EXCHANGED:
      state = torch_states.exchange_inputs(state)
    variables, counts = torch_weights.from_torch(
      state, source.network, template, name=str(source.path)
    )
    torch_states.check_finite(source.state, str(source.path))
    found.append(variables)
    counters.append(counts)
  kind = sources[0].kind
  origin = Origin(
    network=sources[0].network,
    dtype=sources[0].dtype,
    counters=tuple(counters),
    order=order if kind == 'refiner' else None,
  )
  path = folder / kind
  average = refiner.join(found)
  # Orbax would notice only half-way through.
  atomic.check_space(folder, sum(x.nbytes for x in jax.tree.leaves(average)))
  with checkpoint_store.CheckpointStore(path / 'checkpoints') as store:
    meta = dataclasses.replace(meta, kind=kind, torch=origin)
    store.save(0, {'average': average}, meta)
  tensors = sum(len(source.state) for source in sources)
  size = sum(_size(variables) for variables in found)
  notes = torch_notes.found(sources[0])
  return Written(path.name, sources[0].network, tensors, size, notes)


def _size(variables: Section) -> int:
  """Returns the number of trained parameters."""
  leaves = jax.tree.leaves(variables['params'])
  return sum(int(np.size(leaf)) for leaf in leaves)
