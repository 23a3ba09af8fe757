"""Trained networks from whatever training, conversion or export wrote."""

import dataclasses
import pathlib

from magnet_jax.files import bundle, embedded, tuned
from magnet_jax.files.atomic import PathLike
from magnet_jax.files.trees import Tree
from magnet_jax.types import CORRECTOR, KINDS, InputError, Meta


def load(path: PathLike) -> tuple[dict[str, Tree], Meta]:
  """Loads networks from what training, conversion or export wrote.

  Args:
    path: an exported .npz file; a run's folder; `segmenter`, `refiner`,
      `trunk` or `refiner_NAME`, a corrector, in there; the `checkpoints` of one
      of these; or one checkpoint.
      Of several the best is used, and of a training the averaged variables.
      If nothing is there, the name of an embedded model.

  Returns:
    {'segmenter': {'params', 'batch_stats'}, 'refiner': …, 'trunk': …,
    'refiner_NAME': …}, as far as present, NumPy arrays, and the metadata, of
    the refiner if there is one; its tones are those of the segmenter, if there
    is one, and its section `correctors` has the settings of each.

  Raises:
    InputError: there is none of these, or it is damaged.
  """
  path = embedded.find(path)
  if not path.is_dir():
    return bundle.read(path)
  parts = load_parts(path)
  metas = {kind: meta for kind, (_, meta) in parts.items()}
  *_, meta = [metas[kind] for kind in KINDS if kind in parts] or metas.values()
  settings = {
    kind.removeprefix(CORRECTOR): own.section('correctors')
    for kind, own in metas.items()
    if kind.startswith(CORRECTOR)
  }
  if settings:
    found = {name: own.get(name, {}) for name, own in settings.items()}
    meta = tuned.lay_over(meta, {'correctors': found})
  if 'segmenter' in parts:
    meta = dataclasses.replace(meta, tones=parts['segmenter'][1].tones)
  return {kind: variables for kind, (variables, _) in parts.items()}, meta


def load_parts(path: pathlib.Path) -> dict[str, tuple[Tree, Meta]]:
  """Loads the networks of a folder as `load` does, each with its metadata."""
  from magnet_jax.files import checkpoint_store  # of Orbax, which takes long

  own = _best_folder(path)
  correctors = sorted(each.name for each in path.glob(f'{CORRECTOR}*'))
  below = [_best_folder(path / kind) for kind in (*KINDS, *correctors)]
  found = [step for step in ([own] if own else below) if step]
  if not found:
    names = sorted(entry.name for entry in path.iterdir())
    shown = ', '.join(names[:5]) + (', …' if len(names) > 5 else '')
    raise InputError(
      f'{path}: holds no checkpoint, but {shown or "nothing"}; give the '
      'folder of a run, its checkpoints, or an exported .npz file'
    )
  parts: dict[str, tuple[Tree, Meta]] = {}
  for step in found:
    state, meta = checkpoint_store.read(step)
    average = state.get('average') if isinstance(state, dict) else None
    if meta.kind is None or not isinstance(average, dict):
      raise InputError(
        f'{step}: is not a checkpoint of a network of magnet-jax (kind '
        f'{meta.kind!r}); give one of {", ".join(KINDS)}'
      )
    latest = tuned.laid_over(meta, step)
    # A gate brings the segmenter that was trained together with it.
    segmenter = _within(average, 'segmenter') if meta.kind == 'refiner' else {}
    if segmenter:
      average = {'params': {'gate': _within(average, 'gate').get('params', {})}}
      parts['segmenter'] = (
        segmenter,
        dataclasses.replace(latest, kind='segmenter'),
      )
    parts[meta.kind] = (average, latest)
  return parts


def _within(variables: Tree, part: str) -> Tree:
  """The variables of a part of a network, {} if there is none."""
  return {
    kind: tree[part]
    for kind, tree in variables.items()
    if isinstance(tree, dict) and part in tree
  }


def _best_folder(folder: pathlib.Path) -> pathlib.Path | None:
  """Returns the checkpoint to use in a folder of any level, None if none."""
  from magnet_jax.files import checkpoint_store

  if (folder / 'state').is_dir() and (folder / 'meta').is_dir():
    return folder
  stores = map(checkpoint_store.best, (folder, folder / 'checkpoints'))
  return next((step for step in stores if step), None)
