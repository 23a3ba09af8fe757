"""Opens a split of a data set, given the section `data` of a config."""

from magnet_jax.data import classes as class_tables
from magnet_jax.data import file_pairs, prepared, reading, sources
from magnet_jax.types import InputError

SPLITS = ('test', 'val', 'train')


def _scenes(data: reading.Settings, split: str) -> sources.Source:
  """Returns generated scenes; seeds are consecutive, test before val, train."""
  first = data['first_seed']
  for name in SPLITS:
    count = data[f'{name}_scenes']
    if name == split:
      break
    first += count
  if count < 1:
    raise InputError(
      f'data.{split}_scenes {count}: must be at least 1 scene; raise it'
    )
  return sources.SceneSource(
    first, count, tuple(data['scene_size']), cache_mb=data['cache_mb']
  )


def _files(data: reading.Settings, split: str) -> sources.Source:
  """Returns files named by a list or found in a folder."""
  if not data[split]:
    raise InputError(
      f'data.{split} is empty: must name a list of image<TAB>label lines or a '
      f'folder of images and labels; set --config.data.{split}=PATH'
    )
  return sources.FileSource(
    file_pairs.find(data[split]),
    class_tables.get(data['classes']),
    colours=data['colours'],
    how=reading.from_settings(data),
    cache_mb=data['cache_mb'],
  )


def _tfds(data: reading.Settings, split: str) -> sources.Source:
  """Returns a set that `magnet-jax prepare` wrote."""
  return prepared.PreparedSource(
    prepared.find(data['name'], data['data_dir']),
    data[split] or split,
    class_tables.get(data['classes']),
    cache_mb=data['cache_mb'],
  )


_KINDS = {'scenes': _scenes, 'files': _files, 'tfds': _tfds}


def open_split(data: reading.Settings, split: str) -> sources.Source:
  """Opens one split of a data set.

  Args:
    data: the settings.
    split: 'train', 'val' or 'test'.

  Raises:
    InputError: the kind or split is unknown, or files are bad.
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


class Splits:
  """The splits of a data set, each opened once, when it is first needed."""

  def __init__(self, data: reading.Settings) -> None:
    """Opens nothing yet.

    Args:
      data: the settings.
    """
    self._data = data
    self._opened: dict[str, sources.Source] = {}

  def __getitem__(self, split: str) -> sources.Source:
    """Returns a split.

    Raises:
      InputError: as `open_split`.
    """
    if split not in self._opened:
      self._opened[split] = open_split(self._data, split)
    return self._opened[split]
