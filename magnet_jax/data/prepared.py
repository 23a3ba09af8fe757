"""Data sets that were prepared, read through TFDS; no TensorFlow is needed."""

from collections.abc import Mapping
import json
import os
import pathlib
import re
from typing import Any

import numpy as np

from magnet_jax.data import cache
from magnet_jax.files import images
from magnet_jax.files.decoding import Encoded
from magnet_jax.types import ClassTable, InputError, Sample, Size

FORMAT = 'array_record'
_VERSION = re.compile(r'(\d+)\.(\d+)\.(\d+)')


def root(data_dir: str = '') -> pathlib.Path:
  """Folder of the prepared sets.

  Args:
    data_dir: the folder; '': where TFDS has it, in $TFDS_DATA_DIR or in
      ~/tensorflow_datasets.
  """
  usual = os.environ.get('TFDS_DATA_DIR') or '~/tensorflow_datasets'
  return pathlib.Path(data_dir or usual).expanduser()


def find(name: str, data_dir: str = '') -> pathlib.Path:
  """Folder of the newest version of a prepared set.

  Args:
    name: of the set, with its variant after a slash if it has some.
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


def read_metadata(folder: pathlib.Path) -> dict[str, Any]:
  """What was found when a set was prepared.

  Returns:
    'classes': names; 'sizes': by split, (height, width) of each image;
    'pixels': by split, of each class and, last, ignored.

  Raises:
    InputError: the set was not prepared by this package.
  """
  try:
    found: dict[str, Any] = json.loads((folder / 'metadata.json').read_text())
    _ = found['classes'], found['sizes'], found['pixels']
  except (OSError, ValueError, KeyError) as error:
    raise InputError(
      f'{folder}: holds no data set that magnet-jax prepare wrote; prepare it '
      'with that'
    ) from error
  return found


class PreparedSource:
  """Samples of one split, or of several, of a prepared set."""

  def __init__(
    self,
    folder: pathlib.Path,
    split: str,
    classes: ClassTable,
    *,
    cache_mb: float = 1024,
  ) -> None:
    """Opens the set; no image is read.

    Args:
      folder: of one version, from `find`.
      split: a name, or as TFDS writes parts and sums: 'train[:90%]+val'.
      classes: of the labels, as they were when the set was prepared.
      cache_mb: memory for decoded samples in 2**20 bytes, in each process
        that reads.

    Raises:
      InputError: no such split, other classes, or a damaged set.
    """
    self._folder, self._split, self._classes = folder, split, classes
    self._cache = cache.ByteCache(cache_mb)
    metadata = read_metadata(folder)
    if list(classes.names) != metadata['classes']:
      raise InputError(
        f'{folder}: was prepared with the classes '
        f'{", ".join(metadata["classes"])}, not {", ".join(classes.names)}; '
        'set data.classes to the table it was prepared with'
      )
    self._records, self._sizes = _open(folder, split, metadata['sizes'])

  def __reduce__(self) -> Any:
    # Open files do not travel to worker processes.
    return _reopen, (self._folder, self._split, self._classes, self._cache)

  def __len__(self) -> int:
    return len(self._sizes)

  def __repr__(self) -> str:
    where = f'{self._split} of {self._folder}'
    return f'PreparedSource({len(self)} samples, {where})'

  def size(self, index: int) -> Size:
    """(height, width) of one image, known since the set was prepared."""
    return self._sizes[index]

  def __getitem__(self, index: int) -> Sample:
    """Decodes one sample, or takes it from the cache.

    Raises:
      InputError: the set was damaged after it was prepared.
    """
    if not 0 <= index < len(self):
      raise IndexError(f'sample {index} of {len(self)}')
    sample: Sample = self._cache.get(
      index,
      lambda: self._read(index),
      lambda sample: sample.image.nbytes + sample.label.nbytes,
    )
    return sample

  def _read(self, index: int) -> Sample:
    record = self._records[index]
    name = record['name'].decode()
    where = f'{self._folder}: {name}'
    image = images.read_image(Encoded(where, record['image']))
    label = images.read_codes(Encoded(where, record['label']), colours=False)
    return Sample(name, image, label.astype(np.uint8))


def _reopen(
  folder: pathlib.Path, split: str, classes: ClassTable, kept: cache.ByteCache
) -> PreparedSource:
  source = PreparedSource(folder, split, classes, cache_mb=0)
  source._cache = kept
  return source


def _open(
  folder: pathlib.Path, split: str, sizes: Mapping[str, Any]
) -> tuple[Any, tuple[Size, ...]]:
  """Undecoded records of a split, and their sizes."""
  import tensorflow_datasets as tfds

  try:
    builder = tfds.builder_from_directory(folder)
    # TFDS would decode labels as what is installed reads palettes.
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
  except (OSError, RuntimeError) as error:
    raise InputError(
      f'{folder}: cannot be read ({str(error).splitlines()[0]}); remove the '
      'folder and prepare the set again'
    ) from error
  chosen = [
    (int(height), int(width))
    for part in parts
    for height, width in sizes[part.splitname][part.from_ : part.to]
  ]
  return records, tuple(chosen)
