"""From the settings of a data set to the source of one of its splits."""

from collections.abc import Mapping
from typing import Any

from magnet_jax.data import classes as class_tables
from magnet_jax.data import prepared, reading, sources
from magnet_jax.types import InputError

SPLITS = ('test', 'val', 'train')


def _scenes(data: Mapping[str, Any], split: str) -> sources.Source:
  """Generated scenes; the splits' seeds follow one another, test first."""
  first = data['first_seed']
  for name in SPLITS:
    count = data[f'{name}_scenes']
    if name == split:
      break
    first += count
  return sources.SceneSource(
    first, count, tuple(data['scene_size']), cache_mb=data['cache_mb']
  )


def _files(data: Mapping[str, Any], split: str) -> sources.Source:
  """Files named by a list, or found in a folder."""
  if not data[split]:
    raise InputError(
      f'data.{split} is empty: must name a list of image<TAB>label lines or a '
      f'folder of images and labels; set --config.data.{split}=PATH'
    )
  return sources.FileSource(
    sources.find_pairs(data[split]),
    class_tables.get(data['classes']),
    colours=data['colours'],
    how=reading.from_settings(data),
    cache_mb=data['cache_mb'],
  )


def _tfds(data: Mapping[str, Any], split: str) -> sources.Source:
  """A set that `magnet-jax prepare` wrote."""
  return prepared.PreparedSource(
    prepared.find(data['name'], data['data_dir']),
    data[split] or split,
    class_tables.get(data['classes']),
    cache_mb=data['cache_mb'],
  )


_KINDS = {'scenes': _scenes, 'files': _files, 'tfds': _tfds}


def open_split(data: Mapping[str, Any], split: str) -> sources.Source:
  """Opens one split of a data set.

  Args:
    data: the section `data` of a config.
    split: 'train', 'val' or 'test'.

  Raises:
    InputError: for an unknown kind or split, or bad files.
  """
  if split not in SPLITS:
    raise InputError(
      f'split {split!r}: unknown; choose one of {", ".join(SPLITS)}'
    )
  if data['kind'] not in _KINDS:
    raise InputError(
      f'data.kind {data["kind"]!r}: unknown; choose one of {", ".join(_KINDS)}'
    )
  return _KINDS[data['kind']](data, split)
