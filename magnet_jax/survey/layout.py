"""Images and their labels in a folder of any usual layout."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
import dataclasses
import os
import pathlib
from typing import NoReturn

from magnet_jax.data import file_names, file_pairs
from magnet_jax.survey import looks_like
from magnet_jax.survey.findings import Finding, count
from magnet_jax.types import InputError

_OTHERS = ('.bmp', '.gif', '.webp', '.jp2', '.heic', '.tga', '.npy', '.mat')
SHEET = 'pairs.jpg'  # among the results
OTHERS = 'other formats'  # the kind of a finding
Key = tuple[str, tuple[str, ...], str]


@dataclasses.dataclass(frozen=True)
class Pair:
  """An image, its label, and the split that it is in already, or ''."""

  image: pathlib.Path
  label: pathlib.Path
  split: str = ''


@dataclasses.dataclass
class Layout:
  """Pairs, and what could not be paired."""

  pairs: list[Pair]
  findings: list[Finding]


def files_in(folder: pathlib.Path, skip: pathlib.Path) -> list[pathlib.Path]:
  """All files below a folder but hidden ones and those below `skip`.

  What Macs put into zip files beside the files is passed over as well.

  Links to folders are followed, each folder once.

  Raises:
    InputError: one of the folders cannot be read.
  """
  found = []
  seen = {skip.resolve()}
  for root, folders, names in os.walk(folder, True, _refuse, True):
    here = pathlib.Path(root)
    real = here.resolve()
    if real in seen:
      folders.clear()
      continue
    seen.add(real)
    folders[:] = sorted(
      name
      for name in folders
      if not name.startswith('.') and name != '__MACOSX'
    )
    found += [here / n for n in sorted(names) if not n.startswith('.')]
  return found


def _refuse(error: OSError) -> NoReturn:
  raise InputError(
    f'{error.filename}: cannot be read, {error.strerror}; change its '
    'permissions or move it away'
  ) from error


def check_apart(folder: pathlib.Path, out: pathlib.Path) -> None:
  """Raises InputError if results would lie among the images or replace lists.

  Args:
    folder: the data's.
    out: for results.
  """
  inside = folder.resolve() in out.resolve().parents
  found = [
    os.path.relpath(path, folder)
    for path in (sorted(out.rglob('*')) if inside else ())
    if path.suffix.lower() in file_pairs.SUFFIXES and path.name != SHEET
  ]
  if found or folder.resolve() == out.resolve():
    what = found[0] if found else 'its lists and classes'
    raise InputError(
      f'{out}: is a folder of the data, with {what}: must be one for results '
      'alone; choose another --out'
    )


def find(
  folder: pathlib.Path, files: Sequence[pathlib.Path], listed: Iterable[Pair]
) -> Layout:
  """Pairs images and labels by their names.

  Args:
    folder: the data's.
    files: all below it.
    listed: pairs that lists name already: they are taken as they are.

  Raises:
    InputError: there is no image file at all.
  """
  pictures = [f for f in files if f.suffix.lower() in file_pairs.SUFFIXES]
  findings = _strangers(folder, files)
  if not pictures:
    others = f', but {findings[0].text}' if findings else ''
    raise InputError(
      f'{folder}: holds no {", ".join(file_pairs.SUFFIXES)} file{others}; name '
      'the folder that holds the images and their labels, as such files'
    )
  pairs = list(listed)
  if pairs:
    used = {path for pair in pairs for path in (pair.image, pair.label)}
    rest = [f for f in pictures if f not in used]
    if rest:
      findings.append(
        Finding(
          'note',
          'not listed',
          f'{count(len(rest), "file")} are in no list and left out',
          'add lines to the lists if they should be used',
          names(folder, rest),
        )
      )
    return Layout(pairs, findings)
  images, labels = _by_key(folder, pictures)
  findings += _doubles(folder, images, labels)
  pairs, lonely_images, lonely_labels = _match(images, labels)
  findings += _lonely(folder, lonely_images, lonely_labels, len(pairs))
  return Layout(pairs, findings)


def names(
  folder: pathlib.Path, files: Iterable[pathlib.Path]
) -> tuple[str, ...]:
  """Paths relative to the folder, for findings."""
  return tuple(os.path.relpath(file, folder) for file in files)


def _strangers(
  folder: pathlib.Path, files: Sequence[pathlib.Path]
) -> list[Finding]:
  others = [f for f in files if f.suffix.lower() in _OTHERS]
  if not others:
    return []
  kinds = ', '.join(sorted({f.suffix.lower() for f in others}))
  return [
    Finding(
      'warning',
      OTHERS,
      f'{count(len(others), "file")} of {kinds}, which are not read',
      'convert them to PNG, JPEG or TIFF',
      names(folder, others),
    )
  ]


_Found = dict[Key, list[pathlib.Path]]


def _by_key(
  folder: pathlib.Path, pictures: Sequence[pathlib.Path]
) -> tuple[_Found, _Found]:
  """Images and labels by what pairs them."""
  named = {f: file_names.read(f.relative_to(folder)) for f in pictures}
  roles = {file: each.role for file, each in named.items()}
  told = set()
  if 'label' not in roles.values():
    # No name tells: whatever holds few colours is a label.
    groups = defaultdict(list)
    for file in pictures:
      groups[file.parent, file.suffix.lower()].append(file)
    for group in groups.values():
      if looks_like.labels(group):
        told.add(group[0].parent)
        roles |= dict.fromkeys(group, 'label')
  images: _Found = defaultdict(list)
  labels: _Found = defaultdict(list)
  # Folders of labels that no word tells have names of their own: a/1, b/1.
  apart = told and not any(
    roles[f] != 'label' for f in pictures if f.parent in told
  )
  for file, each in named.items():
    context = each.context[:-1] if apart else each.context
    key = (each.split, context, each.stem)
    (labels if roles[file] == 'label' else images)[key].append(file)
  return images, labels


def _doubles(
  folder: pathlib.Path, images: _Found, labels: _Found
) -> list[Finding]:
  """Removes what is there twice, and tells of it."""
  findings = []
  for found, partner, noun, other in (
    (labels, images, 'labels', 'image'),
    (images, labels, 'images', 'label'),
  ):
    twice = [k for k, files in found.items() if len(files) > 1 and k in partner]
    if not twice:
      continue
    files = [file for key in twice for file in found.pop(key)]
    for key in twice:
      partner.pop(key)
    findings.append(
      Finding(
        'error',
        f'two {noun} for one {other}',
        f'{count(len(twice), other)} with several {noun} each, left out: which '
        'is right cannot be told',
        f'keep one of the {noun}, or name the pairs in a list of '
        'image<TAB>label lines',
        names(folder, files),
      )
    )
  return findings


def _match(
  images: _Found, labels: _Found
) -> tuple[list[Pair], list[pathlib.Path], list[pathlib.Path]]:
  """Pairs by key, then by stem alone, then by the longest common start."""
  pairs = []

  def take(image: Key, label: Key) -> None:
    for one, other in zip(images.pop(image), labels.pop(label), strict=False):
      pairs.append(Pair(one, other, image[0] or label[0]))

  for key in [key for key in images if key in labels]:
    take(key, key)
  for unique in (lambda key: key[1:], lambda key: key[2:]):
    for image, label in _unique(images, labels, unique):
      take(image, label)
  for label in list(labels):
    starts = [
      key
      for key in images
      if label[2].startswith(key[2])
      and not label[2][len(key[2])].isalnum()
      and label[1] == key[1]
      and label[0] in ('', key[0])
    ]
    if starts:
      take(max(starts, key=lambda key: len(key[2])), label)
  pairs.sort(key=lambda pair: str(pair.image))
  rest = [f for files in images.values() for f in files]
  return pairs, rest, [f for files in labels.values() for f in files]


def _unique(
  images: _Found, labels: _Found, part: Callable[[Key], tuple[object, ...]]
) -> list[tuple[Key, Key]]:
  """Keys that agree in a part which no other key has."""
  sides: list[dict[tuple[object, ...], list[Key]]] = []
  for found in (images, labels):
    side: dict[tuple[object, ...], list[Key]] = defaultdict(list)
    for key in found:
      side[part(key)].append(key)
    sides.append(side)
  return [
    (keys[0], sides[1][each][0])
    for each, keys in sides[0].items()
    if len(keys) == 1 and len(sides[1].get(each, ())) == 1
  ]


def _lonely(
  folder: pathlib.Path,
  images: Sequence[pathlib.Path],
  labels: Sequence[pathlib.Path],
  paired: int,
) -> list[Finding]:
  findings = []
  for files, noun, other in (
    (images, 'image', 'label'),
    (labels, 'label', 'image'),
  ):
    if files:
      findings.append(
        Finding(
          'error',
          f'{noun} without {other}',
          f'{count(len(files), noun)} without {other} ({paired} pairs found), '
          'left out',
          f'add one of the same name, or remove the {noun}',
          names(folder, files),
        )
      )
  return findings
