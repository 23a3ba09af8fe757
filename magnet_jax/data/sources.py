"""Labelled images by index: from files, or generated."""

from collections.abc import Sequence
from typing import Protocol

from magnet_jax.data import cache, reading
from magnet_jax.data.file_pairs import Pair
from magnet_jax.files import images
from magnet_jax.scenes import generator
from magnet_jax.types import ClassTable, InputError, Sample, Size


class Source(Protocol):
  """Where the pipelines draw from: a grain random-access source with sizes."""

  def __len__(self) -> int: ...

  def __getitem__(self, index: int) -> Sample: ...

  def size(self, index: int) -> Size:
    """Returns (height, width) of one image without decoding it."""
    ...

  def place(self, index: int) -> str:
    """Returns where one image is from; neighbours have similar names."""
    ...


def count_bytes(sample: Sample) -> int:
  """Returns the memory of a sample in bytes."""
  label = 0 if sample.label is None else sample.label.nbytes
  return sample.image.nbytes + label


class FileSource:
  """Samples from image files, checked before the first is decoded."""

  def __init__(
    self,
    pairs: Sequence[Pair],
    classes: ClassTable,
    *,
    colours: bool = False,
    how: reading.Reading = reading.PLAIN,
    cache_mb: float = 1024,
  ) -> None:
    """Checks that all files exist, are images and agree in size.

    Args:
      pairs: the files, from `file_pairs`.
      classes: the classes that the labels may hold.
      colours: whether labels hold the colours of `classes`, not indices.
      how: how images are read.
      cache_mb: memory for decoded samples in MiB, in each reading process.

    Raises:
      InputError: names the first bad file and says how many are bad.
    """
    self._pairs = tuple(pairs)
    self._classes = classes
    self._colours = colours
    self._how = how
    self._cache = cache.ByteCache[Sample](cache_mb)
    self._sizes = self._check()

  def _check(self) -> tuple[Size, ...]:
    sizes, errors = [], []
    for pair in self._pairs:
      try:
        sizes.append(self._how.size(pair.image))
        if pair.label is not None:
          label = images.read_size(pair.label, turned=False)
          images.check_sizes(pair.image, sizes[-1], pair.label, label)
      except InputError as error:
        errors.append(error)
    if len(errors) > 1:
      raise InputError(
        f'{errors[0]} ({len(errors)} of {len(self._pairs)} samples are bad)'
      ) from errors[0]
    if errors:
      raise errors[0]
    if not sizes:
      raise InputError('list of 0 samples: need at least one; add images')
    return tuple(sizes)

  def __len__(self) -> int:
    return len(self._pairs)

  def __repr__(self) -> str:
    # grain prints sources in its messages, where names would fill pages.
    return f'FileSource({len(self)} samples from {self._pairs[0].image})'

  def size(self, index: int) -> Size:
    """Returns (height, width) of one image, from its header."""
    return self._sizes[index]

  def place(self, index: int) -> str:
    """Returns the path of one image."""
    return self._pairs[index].image.as_posix()

  def __getitem__(self, index: int) -> Sample:
    """Decodes one sample, or takes it from the cache.

    Raises:
      InputError: a file is damaged, or a label holds an unknown class.
    """
    pair = self._pairs[index]

    def read() -> Sample:
      return reading.read_sample(
        pair.image,
        pair.label,
        self._classes,
        colours=self._colours,
        reading=self._how,
      )

    return self._cache.get(index, read, count_bytes)


class SceneSource:
  """Generated scenes of consecutive seeds, made on demand."""

  def __init__(
    self,
    first_seed: int,
    count: int,
    size: Size,
    *,
    cache_mb: float = 1024,
  ) -> None:
    """Makes no scene yet.

    Args:
      first_seed: seed of scene 0, at least 0.
      count: number of scenes, at least 1.
      size: (height, width) of each, 1 to 32768 pixels.
      cache_mb: memory for scenes in MiB, in each reading process.

    Raises:
      InputError: a value is out of range.
    """
    if count < 1:
      raise InputError(f'count {count}: must be at least 1 scene; raise it')
    if first_seed < 0 or min(size) < 1:
      # `generate` reports anything else when it makes the first scene.
      raise InputError(
        f'scenes of {size} from seed {first_seed}: must be at least 1 pixel '
        'a side and seed 0; raise them'
      )
    self._first_seed = first_seed
    self._count = count
    self._size = size
    self._cache = cache.ByteCache[Sample](cache_mb)

  def __len__(self) -> int:
    return self._count

  def __repr__(self) -> str:
    return f'SceneSource({self._first_seed}, {self._count}, {self._size})'

  def size(self, index: int) -> Size:
    """Returns (height, width), the same for every scene."""
    del index
    return self._size

  def place(self, index: int) -> str:
    """Returns the seed of one scene."""
    return str(self._first_seed + index)

  def __getitem__(self, index: int) -> Sample:
    """Makes one scene, or takes it from the cache."""
    if not 0 <= index < self._count:
      raise IndexError(f'scene {index} of {self._count}')
    return self._cache.get(
      index,
      lambda: generator.generate(self._first_seed + index, self._size),
      count_bytes,
    )
