"""Images and their labels in a folder of any usual layout."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
import dataclasses
import os
import pathlib
from typing import NoReturn

from magnet_jax.data import file_names
from magnet_jax.data.file_pairs import SUFFIXES
from magnet_jax.survey import label_counts, objects
from magnet_jax.survey.findings import Finding, about, count, names
from magnet_jax.types import InputError

_OTHERS = ('.bmp', '.gif', '.webp', '.jp2', '.heic', '.tga', '.npy', '.mat')
SHEET = 'pairs.jpg'  # among the results
DRAWN = 'drawn_labels'  # the folder there of labels drawn from annotations
OTHERS = 'other formats'  # the kind of a finding
Key = tuple[str, tuple[str, ...], str]  # split, folders, stem
_Found = dict[Key, list[pathlib.Path]]


@dataclasses.dataclass(frozen=True)
class Pair:
  """An image, its label, and the split it is already in, or ''."""

  image: pathlib.Path
  label: pathlib.Path
  split: str = ''

  @property
  def files(self) -> tuple[pathlib.Path, pathlib.Path]:
    """Its two files."""
    return self.image, self.label


@dataclasses.dataclass
class Layout:
  """Pairs, and what could not be paired."""

  pairs: list[Pair]
  findings: list[Finding]


def files_in(folder: pathlib.Path, skip: pathlib.Path) -> list[pathlib.Path]:
  """Lists all files below a folder, except hidden ones and those below `skip`.

  Also leaves out what macOS adds to zip files. Follows links to folders, but
  visits each folder only once.

  Raises:
    InputError: one of the folders cannot be read.
  """
  found = []
  seen = {skip.resolve()}
  for root, folders, files in os.walk(folder, True, _refuse, True):
    here = pathlib.Path(root)
    real = here.resolve()
    if real in seen:
      folders.clear()
      continue
    seen.add(real)
    folders[:] = sorted(
      each for each in folders if each[0] != '.' and each != '__MACOSX'
    )
    found += [here / each for each in sorted(files) if each[0] != '.']
  return found


def _refuse(error: OSError) -> NoReturn:
  raise InputError(
    f'{error.filename}: cannot be read, {error.strerror}; change its '
    'permissions or move it away'
  ) from error


def check_apart(folder: pathlib.Path, out: pathlib.Path) -> None:
  """Raises InputError if results would mix with images or replace lists.

  Args:
    folder: of the data.
    out: for results.
  """
  here, there = folder.resolve(), out.resolve()
  inside = sorted(out.rglob('*')) if here in there.parents else []
  found = [
    os.path.relpath(path, folder)
    for path in inside
    if path.suffix.lower() in SUFFIXES
    and path.name != SHEET
    and DRAWN not in path.parts
  ]
  if found or here == there:
    what = found[0] if found else 'its lists and classes'
    raise InputError(
      f'{out}: is a folder of the data, with {what}: results need a folder of '
      'their own; choose another --out'
    )


def find(
  folder: pathlib.Path,
  files: Sequence[pathlib.Path],
  listed: Iterable[Pair],
  labels: pathlib.Path | None = None,
  stems: Collection[str] = (),
) -> Layout:
  """Pairs images and labels by their names.

  Args:
    folder: of the data.
    files: all below it.
    listed: pairs named by lists, which are used as they are.
    labels: the folder of the labels, where several could be it; None: by names.
    stems: of images that other lists name without their labels.

  Raises:
    InputError: there is no image file at all, or none in the folder of labels.
  """
  pictures, findings = objects.left_out(
    folder, [f for f in files if f.suffix.lower() in SUFFIXES], labels
  )
  others = [f for f in files if f.suffix.lower() in _OTHERS]
  suffixes = ', '.join(sorted({f.suffix.lower() for f in others}))
  findings += about(
    names(folder, others),
    'file',
    OTHERS,
    f'of type {suffixes}, which cannot be read',
    'convert them to PNG, JPEG or TIFF',
    level='warning',
  )
  if not pictures:
    but = f', but {findings[-1].text}' if findings else ''
    raise InputError(
      f'{folder}: holds no {", ".join(SUFFIXES)} file{but}; give the folder '
      'that holds the images and their labels in one of these formats'
    )
  pairs = list(listed)
  if pairs:
    # Lists may name a file by way of other folders.
    used = {os.path.realpath(p) for pair in pairs for p in pair.files}
    rest = [f for f in pictures if os.path.realpath(f) not in used]
    by_name = _by_names(folder, rest, [], labels).pairs if stems else []
    pairs += [p for p in by_name if file_names.stem(p.image) in stems]
    found = {file for pair in pairs for file in pair.files}
    return Layout(
      pairs,
      findings
      + about(
        names(folder, (f for f in rest if f not in found)),
        'file',
        'not listed',
        'in no list, left out',
        'add lines to the lists if they should be used',
        level='note',
      ),
    )
  return _by_names(folder, pictures, findings, labels)


def _by_names(
  folder: pathlib.Path,
  pictures: Sequence[pathlib.Path],
  findings: list[Finding],
  chosen: pathlib.Path | None,
) -> Layout:
  """Pairs images and labels of the same name; adds to the findings."""
  images, labels = _by_key(folder, pictures, chosen)
  findings += _doubles(folder, labels, images, 'label', 'image')
  findings += _doubles(folder, images, labels, 'image', 'label')
  pairs = _match(images, labels)
  for found, noun, other in (
    (images, 'image', 'label'),
    (labels, 'label', 'image'),
  ):
    findings += about(
      names(folder, (file for each in found.values() for file in each)),
      noun,
      f'{noun} without {other}',
      f'without {other} ({count(len(pairs), "pair")} found), left out',
      f'add one of the same name, or remove the {noun}',
      level='error',
    )
  return Layout(pairs, findings)


def _by_key(
  folder: pathlib.Path,
  pictures: Sequence[pathlib.Path],
  chosen: pathlib.Path | None,
) -> tuple[_Found, _Found]:
  """Returns images and labels by what pairs them."""
  named = {f: file_names.read(f.relative_to(folder)) for f in pictures}
  labels = {file for file, each in named.items() if each.role == 'label'}
  if chosen:
    others = labels
    there = chosen.resolve()
    labels = {file for file in named if there in file.resolve().parents}
    named = {f: each for f, each in named.items() if f not in others - labels}
    if not labels:
      raise InputError(
        f'--labels={chosen}: holds no {", ".join(SUFFIXES)} file of {folder}; '
        'name a folder in it'
      )
  apart = False
  if not labels:
    # If no name tells, files with few colours are labels.
    groups = defaultdict(list)
    for file in pictures:
      groups[file.parent, file.suffix.lower()].append(file)
    for group in groups.values():
      if label_counts.look_like_labels(group):
        labels.update(group)
    # Folders of labels alone have names that differ from the images': a/1, b/1.
    parents = {file.parent for file in labels}
    apart = bool(labels) and all(
      file in labels for file in pictures if file.parent in parents
    )
  found: tuple[_Found, _Found] = defaultdict(list), defaultdict(list)
  for file, each in named.items():
    context = each.context[:-1] if apart else each.context
    found[file in labels][each.split, context, each.stem].append(file)
  return found


def _doubles(
  folder: pathlib.Path, found: _Found, partners: _Found, noun: str, other: str
) -> list[Finding]:
  """Removes and reports files of which several have the same partner."""
  twice = [k for k, files in found.items() if len(files) > 1 and k in partners]
  files = [file for key in twice for file in found.pop(key)]
  for key in twice:
    del partners[key]
  if not twice:
    return []
  parents = sorted({file.parent for file in files})
  where = ', '.join(f'{each}/' for each in names(folder, parents))
  remedy = f'keep one of the {noun}s'
  if noun == 'label' and len(parents) > 1:
    remedy = f'choose their folder, such as --labels={parents[0]}'
  return [
    Finding(
      'error',
      f'two {noun}s for one {other}',
      f'{count(len(twice), other)} with several {noun}s each, in {where}, left '
      'out: which one is right is unknown',
      f'{remedy}, or name the pairs in a list of image<TAB>label lines',
      names(folder, files),
    )
  ]


def _match(images: _Found, labels: _Found) -> list[Pair]:
  """Takes out pairs by key, by stem alone, then by longest common start."""
  pairs = []

  def take(image: Key, label: Key) -> None:
    for one, other in zip(images.pop(image), labels.pop(label), strict=False):
      pairs.append(Pair(one, other, image[0] or label[0]))

  for key in [key for key in images if key in labels]:
    take(key, key)
  for part in (lambda key: key[1:], lambda key: key[2:]):
    ours, theirs = _unique(images, part), _unique(labels, part)
    for each in [each for each in ours if each in theirs]:
      take(ours[each], theirs[each])
  for label in list(labels):
    starts = [
      key
      for key in images
      # An equal name that is not taken yet is that of several images.
      if label[2].startswith(key[2])
      and label[2] != key[2]
      and not label[2][len(key[2])].isalnum()
      and label[1] == key[1]
      and label[0] in ('', key[0])
    ]
    if starts:
      take(max(starts, key=lambda key: len(key[2])), label)
  return sorted(pairs, key=lambda pair: str(pair.image))


def _unique(
  found: _Found, part: Callable[[Key], tuple[object, ...]]
) -> dict[tuple[object, ...], Key]:
  """Returns keys by a part of them that no other key shares."""
  groups = defaultdict(list)
  for key in found:
    groups[part(key)].append(key)
  return {each: keys[0] for each, keys in groups.items() if len(keys) == 1}
