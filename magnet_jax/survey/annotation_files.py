"""Finds the files of annotation tools, and the images that they describe."""

from collections import defaultdict
from collections.abc import Callable, Sequence
import pathlib
from typing import Any

from magnet_jax import outside
from magnet_jax.data import file_names
from magnet_jax.data.file_pairs import SUFFIXES
from magnet_jax.files import plain_json
from magnet_jax.survey import coco, label_studio
from magnet_jax.survey.annotated import Annotated
from magnet_jax.survey.findings import Finding, about, names
from magnet_jax.types import InputError

SUFFIX = '.json'
REMEDY = "export it again as COCO or as Label Studio's JSON"
_LONGEST = 2**30  # bytes of a file of annotations
_Read = tuple[list[str], list[Annotated]]
Found = dict[pathlib.Path, _Read]  # classes and images, by file
_READERS: tuple[
  tuple[str, Callable[[object], bool], Callable[[Any], _Read]], ...
]
_READERS = (
  ('COCO', coco.is_coco, coco.read),
  ('Label Studio', label_studio.is_label_studio, label_studio.read),
)


def find(
  folder: pathlib.Path,
  files: Sequence[pathlib.Path],
  chosen: pathlib.Path | None,
) -> Found:
  """Reads the files of annotations in a folder.

  Args:
    folder: of the data.
    files: all below it.
    chosen: the only file to read; None: all, unless images have names of
      labels, as those are then the labels.

  Returns:
    Classes and images by file.

  Raises:
    InputError: one is damaged, or the chosen one is none.
  """
  if chosen is None and len(pictures(folder, files)) < len(_readable(files)):
    return {}
  found: Found = {}
  for path in [chosen] if chosen else files:
    if path.suffix.lower() != SUFFIX:
      continue
    try:
      document = plain_json.read(path, REMEDY, longest=_LONGEST)
    except InputError:
      if chosen:
        raise
      continue  # whatever it is, it is no annotation
    for form, fits, read in _READERS:
      if fits(document):
        with outside.reading(path, f'cannot be read as {form}', REMEDY):
          found[path] = read(document)
  if chosen and not found:
    raise InputError(
      f'--labels={chosen}: is neither COCO nor an export of Label Studio as '
      f'JSON; {REMEDY}'
    )
  return found


def pictures(
  folder: pathlib.Path, files: Sequence[pathlib.Path]
) -> list[pathlib.Path]:
  """Returns the image files that do not have names of labels."""
  return [
    file
    for file in _readable(files)
    if file_names.read(file.relative_to(folder)).role != 'label'
  ]


def _readable(files: Sequence[pathlib.Path]) -> list[pathlib.Path]:
  return [file for file in files if file.suffix.lower() in SUFFIXES]


def matched(
  folder: pathlib.Path,
  files: Sequence[pathlib.Path],
  found: Found,
) -> tuple[dict[pathlib.Path, Annotated], list[Finding]]:
  """Finds the file of each image by its name, then by the folders before it.

  Args:
    folder: of the data.
    files: its images.
    found: what `find` has read.

  Returns:
    What is said of each file, and findings about all others.
  """
  by_name = defaultdict(list)
  for file in files:
    by_name[file.name.lower()].append(file)
  pairs: dict[pathlib.Path, Annotated] = {}
  lost: list[str] = []
  doubted: list[str] = []
  twice: set[pathlib.Path] = set()
  for source, (_, annotated) in found.items():
    for each in annotated:
      parts = pathlib.PurePosixPath(each.name.replace('\\', '/')).parts
      there = by_name[parts[-1].lower()] if parts else []
      best = _nearest(there, parts, source)
      if len(best) == 1 and best[0] not in pairs:
        pairs[best[0]] = each
      elif len(best) == 1:
        twice.add(best[0])
      else:
        (doubted if best else lost).append(each.name)
  for image in twice:
    del pairs[image]
  unknown = {*files} - {*pairs} - twice
  return pairs, [
    *about(
      lost, 'image', 'image missing', 'of the annotations that no file has',
      'copy them into the folder', level='error',
    ),
    *about(
      doubted, 'image', 'several images',
      'of the annotations whose name several files have',
      'give each image a name of its own', level='error',
    ),
    *about(
      names(folder, sorted(twice)), 'image', 'annotated twice',
      'that is annotated twice, left out', 'keep one of the annotations',
      level='error',
    ),
    *about(
      names(folder, sorted(unknown)), 'image', 'not annotated',
      'without annotation, left out', 'annotate them if they should be used',
      level='note',
    ),
  ]  # fmt: skip


def _nearest(
  there: Sequence[pathlib.Path], parts: Sequence[str], source: pathlib.Path
) -> list[pathlib.Path]:
  """Those with most of the folders in common, then beside the annotations."""

  def common(file: pathlib.Path) -> tuple[int, bool]:
    pairs = zip(reversed(file.parts), reversed(parts), strict=False)
    alike = [a.lower() == b.lower() for a, b in pairs]
    count = alike.index(False) if False in alike else len(alike)
    return count, file.parent == source.parent

  most = max(map(common, there), default=None)
  return [file for file in there if common(file) == most]


def listed(found: Found) -> str:
  """Returns the files of annotations, for messages."""
  first, *others = found
  return f'{first} and {len(others)} more' if others else str(first)
