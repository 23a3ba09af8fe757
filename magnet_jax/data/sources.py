"""Labelled images by index: from files, or generated."""

from collections.abc import Sequence
import dataclasses
import os
import pathlib
from typing import Protocol

from magnet_jax.data import cache, reading, words
from magnet_jax.files import images
from magnet_jax.scenes import generator
from magnet_jax.types import ClassTable, InputError, Sample, Size

SUFFIXES = ('.jpg', '.jpeg', '.png', '.tif', '.tiff')
PathLike = str | os.PathLike[str]


class Source(Protocol):
  """What the pipelines draw from; grain's RandomAccessDataSource and sizes."""

  def __len__(self) -> int: ...

  def __getitem__(self, index: int) -> Sample: ...

  def size(self, index: int) -> Size:
    """(height, width) of one image, without decoding it."""
    ...


@dataclasses.dataclass(frozen=True)
class Pair:
  """The files of one sample; `label` is None where there is none."""

  image: pathlib.Path
  label: pathlib.Path | None = None


def _count_bytes(sample: Sample) -> int:
  label = 0 if sample.label is None else sample.label.nbytes
  return sample.image.nbytes + label


def read_lines(path: pathlib.Path) -> list[str]:
  """The lines of a list.

  Raises:
    InputError: it cannot be read, or is no text in UTF-8.
  """
  try:
    text = path.read_text(encoding='utf-8-sig')  # as Windows writes it, too
  except FileNotFoundError as error:
    raise InputError(f'{path}: no such list; check the path') from error
  except (OSError, UnicodeDecodeError) as error:
    reason = getattr(error, 'strerror', None) or 'it is not a text file'
    raise InputError(
      f'{path}: list cannot be read, {reason}; give a text file (UTF-8) of '
      'image<TAB>label lines'
    ) from error
  return text.splitlines()


def read_list(path: PathLike) -> tuple[Pair, ...]:
  """Reads a list of `image<TAB>label` lines, relative to the list's folder.

  Empty lines and lines that start with # are passed over; a line of one
  path is an image without a label.

  Args:
    path: the list, a text file.

  Raises:
    InputError: it cannot be read, is empty, or has a malformed line.
  """
  path = pathlib.Path(path)
  pairs = []
  for number, line in enumerate(read_lines(path), start=1):
    if not line.strip() or line.startswith('#'):
      continue
    names = [name.strip() for name in line.split('\t')]
    if len(names) > 2 or not all(names):
      raise InputError(
        f'{path}: line {number} is {line[:80]!r}: must be image<TAB>label; '
        'correct the line'
      )
    pairs.append(Pair(*(path.parent / name for name in names)))
  if not pairs:
    raise InputError(f'{path}: names no image; add image<TAB>label lines')
  return tuple(pairs)


def _by_stem(folder: pathlib.Path) -> dict[str, pathlib.Path]:
  if not folder.is_dir():
    raise InputError(f'{folder}: no such folder; check the path')
  found: dict[str, pathlib.Path] = {}
  for file in sorted(folder.iterdir()):
    if file.suffix.lower() not in SUFFIXES or file.name.startswith('.'):
      continue
    if file.stem in found:
      raise InputError(
        f'{file}: has the same name as {found[file.stem].name}; files are '
        'paired by name without suffix, rename one'
      )
    found[file.stem] = file
  return found


def pair_folders(
  image_folder: PathLike, label_folder: PathLike | None
) -> tuple[Pair, ...]:
  """Pairs the images and labels of two folders by name without suffix.

  Args:
    image_folder: holds JPEG, PNG or TIFF files; others are passed over.
    label_folder: holds a label of the same name for each; None: no labels.

  Raises:
    InputError: a folder or a partner is missing, or there are no images.
  """
  files = _by_stem(pathlib.Path(image_folder))
  if not files:
    raise InputError(
      f'{image_folder}: holds no {", ".join(SUFFIXES)} file; add images'
    )
  if label_folder is None:
    return tuple(Pair(file) for file in files.values())
  labels = _by_stem(pathlib.Path(label_folder))
  lonely = sorted(files.keys() ^ labels.keys())
  if lonely:
    file = files.get(lonely[0]) or labels[lonely[0]]
    raise InputError(
      f'{file}: has no partner of the same name in '
      f'{label_folder if lonely[0] in files else image_folder} '
      f'({len(lonely)} such); add or remove files'
    )
  return tuple(Pair(file, labels[stem]) for stem, file in files.items())


def find_pairs(path: PathLike) -> tuple[Pair, ...]:
  """Pairs of a list file, or of a folder with `images` and labels in it.

  Raises:
    InputError: as the readers of both, or none or several hold labels.
  """
  folder = pathlib.Path(path)
  if not folder.is_dir():
    return read_list(folder)
  _by_stem(folder / 'images')  # what is missing there is told first
  found = [
    each
    for each in sorted(folder.iterdir())
    if each.is_dir() and words.of_labels(each.name) and _by_stem(each)
  ]
  if len(found) != 1:
    several = ' and '.join(f'{each.name}/' for each in found)
    raise InputError(
      f'{folder}: has {several or "no labels"} beside images/: must be one '
      'folder of labels, such as masks/, or a list of image<TAB>label lines'
    )
  return pair_folders(folder / 'images', found[0])


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
      pairs: the files, from `find_pairs`, `read_list` or `pair_folders`.
      classes: the classes that the labels may hold.
      colours: whether labels hold the colours of `classes`, not indices.
      how: images are read.
      cache_mb: memory for decoded samples in 2**20 bytes, in each process
        that reads.

    Raises:
      InputError: names the first bad file and the number of all.
    """
    self._pairs = tuple(pairs)
    self._classes = classes
    self._colours = colours
    self._how = how
    self._cache = cache.ByteCache(cache_mb)
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
    # grain shows sources in its messages; the names would fill pages.
    return f'FileSource({len(self)} samples from {self._pairs[0].image})'

  def size(self, index: int) -> Size:
    """(height, width) of one image, from its header."""
    return self._sizes[index]

  def __getitem__(self, index: int) -> Sample:
    """Decodes one sample, or takes it from the cache.

    Raises:
      InputError: a file is damaged, or a label of no class.
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

    sample: Sample = self._cache.get(index, read, _count_bytes)
    return sample


class SceneSource:
  """Generated scenes of consecutive seeds, made when they are asked for."""

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
      first_seed: of scene 0, at least 0.
      count: number of scenes, at least 1.
      size: (height, width) of each, 1 to 32768 pixels.
      cache_mb: memory for scenes in 2**20 bytes, in each process that reads.

    Raises:
      InputError: for a value out of its range.
    """
    if count < 1:
      raise InputError(f'count {count}: must be at least 1 scene; raise it')
    if first_seed < 0 or min(size) < 1:
      # What else can be wrong, `generate` says when the first is made.
      raise InputError(
        f'scenes of {size} from seed {first_seed}: must be at least 1 pixel '
        'a side and seed 0; raise them'
      )
    self._first_seed = first_seed
    self._count = count
    self._size = size
    self._cache = cache.ByteCache(cache_mb)

  def __len__(self) -> int:
    return self._count

  def __repr__(self) -> str:
    return f'SceneSource({self._first_seed}, {self._count}, {self._size})'

  def size(self, index: int) -> Size:
    """(height, width), the same for every scene."""
    del index
    return self._size

  def __getitem__(self, index: int) -> Sample:
    """Makes one scene, or takes it from the cache."""
    if not 0 <= index < self._count:
      raise IndexError(f'scene {index} of {self._count}')
    sample: Sample = self._cache.get(
      index,
      lambda: generator.generate(self._first_seed + index, self._size),
      _count_bytes,
    )
    return sample
