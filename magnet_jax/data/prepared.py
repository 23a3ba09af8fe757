"""Prepared data sets, read through TFDS without TensorFlow."""

from collections.abc import Mapping, Sequence
import os
import pathlib
import re
from typing import Protocol, TypedDict, cast

import numpy as np

from magnet_jax import checked, outside
from magnet_jax.data import cache, sources
from magnet_jax.files import images, plain_json
from magnet_jax.files.decoding import Encoded
from magnet_jax.types import ClassTable, InputError, Sample, Size

FORMAT = 'array_record'
_VERSION = re.compile(r'(\d+)\.(\d+)\.(\d+)')


class Metadata(TypedDict):
  """What preparing a set found out about it.

  Attributes:
    classes: names.
    sizes: (height, width) of each image, by split.
    pixels: of each class and, last, of none, by split.
  """

  classes: list[str]
  sizes: dict[str, list[Size]]
  pixels: dict[str, list[int]]


class _Records(Protocol):
  def __getitem__(self, index: int) -> Mapping[str, bytes]: ...


def root(data_dir: str = '') -> pathlib.Path:
  """Returns the folder of the prepared sets.

  Args:
    data_dir: the folder; '': that of TFDS, $TFDS_DATA_DIR or
      ~/tensorflow_datasets.
  """
  usual = os.environ.get('TFDS_DATA_DIR') or '~/tensorflow_datasets'
  return pathlib.Path(data_dir or usual).expanduser()


def find(name: str, data_dir: str = '') -> pathlib.Path:
  """Returns the folder of the newest version of a prepared set.

  Args:
    name: of the set, followed by a slash and the variant if there is one.
    data_dir: see `root`.

  Raises:
    InputError: there is none.
  """
  folder = root(data_dir) / name
  versions = [
    (tuple(int(n) for n in match.groups()), path)
    for path in (folder.iterdir() if name and folder.is_dir() else ())
    if (match := _VERSION.fullmatch(path.name))
    and (path / 'dataset_info.json').is_file()
  ]
  if not versions:
    raise InputError(
      f'data set {name!r}: is not prepared in {root(data_dir)}; run magnet-jax '
      f'prepare {name or "NAME"} --manual_dir=DIR --data_dir={root(data_dir)}, '
      'or set data.data_dir'
    )
  return max(versions)[1]


def read_metadata(folder: pathlib.Path) -> Metadata:
  """Reads what was found when a set was prepared.

  Raises:
    InputError: the set was not prepared by this package.
  """
  try:
    found = plain_json.read(folder / 'metadata.json', 'prepare it again')
    checked.call(_check, found, 'metadata')
  except (OSError, InputError) as error:
    raise InputError(
      f'{folder}: not a data set written by magnet-jax prepare; prepare the '
      'set with that command'
    ) from error
  return cast(Metadata, found)


def _check(
  *,
  classes: tuple[str, ...],
  sizes: Mapping[str, tuple[tuple[int, int], ...]],
  pixels: Mapping[str, tuple[int, ...]],
  **others: object,
) -> None:
  """Takes what metadata must be, for the types of its parts."""


class PreparedSource:
  """The samples of one or more splits of a prepared set."""

  def __init__(
    self,
    folder: pathlib.Path,
    split: str,
    classes: ClassTable,
    *,
    cache_mb: float = 1024,
  ) -> None:
    """Opens the set without reading an image.

    Args:
      folder: of one version, from `find`.
      split: a name, or parts and sums in the syntax of TFDS: 'train[:90%]+val'.
      classes: of the labels, as they were when the set was prepared.
      cache_mb: memory for decoded samples in MiB, in each reading process.

    Raises:
      InputError: no such split, other classes, or a damaged set.
    """
    self._folder, self._split, self._classes = folder, split, classes
    self._cache = cache.ByteCache[Sample](cache_mb)
    metadata = read_metadata(folder)
    if list(classes.names) != metadata['classes']:
      raise InputError(
        f'{folder}: was prepared with the classes '
        f'{", ".join(metadata["classes"])}, not {", ".join(classes.names)}; '
        'set data.classes to the table it was prepared with'
      )
    self._records, self._sizes = _open(folder, split, metadata['sizes'])

  def __reduce__(self) -> tuple[object, ...]:
    # Open files cannot be sent to worker processes.
    return _reopen, (self._folder, self._split, self._classes, self._cache)

  def __len__(self) -> int:
    return len(self._sizes)

  def __repr__(self) -> str:
    where = f'{self._split} of {self._folder}'
    return f'PreparedSource({len(self)} samples, {where})'

  def size(self, index: int) -> Size:
    """Returns (height, width) of one image, from the metadata."""
    return self._sizes[index]

  def place(self, index: int) -> str:
    """Returns the number of one image: sets are prepared in order."""
    return str(index)

  def __getitem__(self, index: int) -> Sample:
    """Decodes one sample, or takes it from the cache.

    Raises:
      InputError: the set has been damaged since it was prepared.
    """
    if not 0 <= index < len(self):
      raise IndexError(f'sample {index} of {len(self)}')
    return self._cache.get(
      index,
      lambda: self._read(index),
      sources.count_bytes,
    )

  def _read(self, index: int) -> Sample:
    record = self._records[index]
    name = record['name'].decode()
    where = f'{self._folder}: {name}'
    image = images.read_image(Encoded(where, record['image']))
    label = images.read_codes(Encoded(where, record['label']), colours=False)
    return Sample(name, image, label.astype(np.uint8))


def _reopen(
  folder: pathlib.Path,
  split: str,
  classes: ClassTable,
  kept: cache.ByteCache[Sample],
) -> PreparedSource:
  source = PreparedSource(folder, split, classes, cache_mb=0)
  source._cache = kept
  return source


def _open(
  folder: pathlib.Path, split: str, sizes: Mapping[str, Sequence[Size]]
) -> tuple[_Records, tuple[Size, ...]]:
  """Returns the undecoded records of a split and their sizes."""
  import tensorflow_datasets as tfds

  with outside.reading(
    folder, 'cannot be read', 'remove the folder and prepare the set again'
  ):
    builder = tfds.builder_from_directory(folder)
    try:
      # How TFDS decodes palettes depends on what is installed.
      skip = tfds.decode.SkipDecoding()
      records = builder.as_data_source(
        split, decoders={'image': skip, 'label': skip}
      )
      parts = tfds.core.ReadInstruction.from_spec(split).to_absolute(
        builder.info.splits
      )
    except (ValueError, KeyError, AssertionError) as error:
      raise InputError(
        f'{folder}: has no split {split!r}; choose from {", ".join(sizes)}, or '
        "parts such as 'train[:90%]'"
      ) from error
  chosen = [
    (int(height), int(width))
    for part in parts
    for height, width in sizes[part.splitname][part.from_ : part.to]
  ]
  return records, tuple(chosen)
