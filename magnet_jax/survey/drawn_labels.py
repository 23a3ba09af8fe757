"""Draws the labels of images from the files of annotation tools."""

from collections.abc import Callable, Iterator
import dataclasses
import pathlib

import numpy as np

from magnet_jax.data import file_names
from magnet_jax.files import atomic, images
from magnet_jax.survey import annotation_files, layout, naming, shapes
from magnet_jax.survey.annotated import Annotated
from magnet_jax.survey.annotation_files import REMEDY, Found, listed
from magnet_jax.survey.findings import Finding, about, count, names
from magnet_jax.survey.layout import Pair
from magnet_jax.types import ClassTable, InputError

_MOST = 254  # classes
_NONE = 'background'  # the class of pixels in no shape


@dataclasses.dataclass(frozen=True)
class Drawn:
  """Labels drawn from annotations.

  Attributes:
    pairs: of images and their labels.
    given: the names of the classes, whose values count from 0.
    findings: what was left out.
  """

  pairs: list[Pair]
  given: naming.Given
  findings: list[Finding]


def draw(
  folder: pathlib.Path,
  out: pathlib.Path,
  *,
  chosen: pathlib.Path | None = None,
  force: bool = False,
  progress: Callable[[int], None] = lambda of: None,
) -> Drawn | None:
  """Writes a label file for each annotated image that is there.

  Pixels in no shape are of the class background, the first. Where shapes
  overlap, the smaller one is on top.

  Args:
    folder: of the data.
    out: the folder that receives drawn_labels/.
    chosen: the file of annotations; None: all that are found.
    force: replace label files that differ from what is drawn.
    progress: called after each image with the number of all.

  Returns:
    The pairs; None if there are no annotations.

  Raises:
    InputError: there are too many classes, no image has a shape, a label file
      was changed, or the system refuses to write.
  """
  files = layout.files_in(folder, out)
  found = annotation_files.find(folder, files, chosen)
  if not found:
    return None
  classes = _classes(found)
  pictures = annotation_files.pictures(folder, files)
  matched, findings = annotation_files.matched(folder, pictures, found)
  boxes, bad, pairs, taken = [], [], [], set()
  pixels = np.zeros(len(classes), np.int64)
  for image, annotated in matched.items():
    relative = image.relative_to(folder)
    boxes += [str(relative)] * sum(not s.draw for s in annotated.shapes)
    path = out / layout.DRAWN / relative.with_suffix('.png')
    if path in taken:  # another suffix
      path = path.with_name(f'{relative.name}.png')
    taken.add(path)
    try:
      label = _label(annotated, classes)
    except (ValueError, TypeError, KeyError) as error:
      bad.append(f'{relative} ({" ".join(str(error).split()):.120})')
      continue
    finally:
      progress(len(matched))
    _write(path, label, classes, force)
    pixels += np.bincount(label.ravel(), minlength=len(classes))
    split = file_names.read(relative).split
    pairs.append(Pair(image, path, split))
  findings += _further(folder, found, (boxes, bad), pixels)
  if not pairs:
    raise InputError(
      f'{folder}: no image of {listed(found)} can be used: '
      f'{"; ".join(each.text for each in findings[:2])}'
    )
  given = naming.Given(listed(found), classes.names)
  return Drawn(sorted(pairs, key=lambda p: str(p.image)), given, findings)


def _classes(
  found: Found,
) -> ClassTable:
  """The classes that shapes have, after the background."""
  used = {
    shape.name
    for _, each in found.values()
    for image in each
    for shape in image.shapes
    if shape.draw
  }
  known = [name for each, _ in found.values() for name in each]
  kept = dict.fromkeys(name for name in known if name in used)
  kept = dict.fromkeys(n for n in kept if n.lower() != _NONE)
  if not 0 < len(kept) < _MOST:
    raise InputError(
      f'{listed(found)}: has outlines of {len(kept)} classes, must be of '
      f'1 to {_MOST - 1}; draw outlines, or join classes'
    )
  given = naming.Given(listed(found), (_NONE, *kept))
  return naming.table(range(len(given.names)), {}, given)


def _label(annotated: Annotated, classes: ClassTable) -> np.ndarray:
  """Draws uint8 [H,W], the largest shapes first."""
  height, width = annotated.size
  if not (height > 0 and width > 0 and height * width <= shapes.MOST):
    raise ValueError(f'a size of {height} x {width} pixels')
  drawn = [shape for shape in annotated.shapes if shape.draw]
  # Drawn twice, as all masks at once may not fit into memory.
  areas = [int(s.draw(annotated.size).pixels.sum()) for s in drawn if s.draw]
  label = np.zeros(annotated.size, np.uint8)
  for index in np.argsort([-area for area in areas], kind='stable'):
    shape = drawn[index]
    if shape.draw:
      mask, top, left = shape.draw(annotated.size)
      rows, columns = mask.shape
      part = label[top : top + rows, left : left + columns]
      background = shape.name.lower() == _NONE
      part[mask] = 0 if background else classes.names.index(shape.name)
  return label


def _write(
  path: pathlib.Path, label: np.ndarray, classes: ClassTable, force: bool
) -> None:
  """Writes a label unless it is there; one that differs only if forced."""
  if path.exists() and not force:
    try:
      same = np.array_equal(images.read_label(path, classes), label)
    except InputError:
      same = False
    if same:
      return
    raise InputError(
      f'{path}: differs from what is drawn from the annotations; keep it by '
      'another --out, or replace it by --force'
    )
  atomic.prepare_folder(path.parent)
  images.write_label(path, label, classes)


def _further(
  folder: pathlib.Path,
  found: Found,
  left_out: tuple[list[str], list[str]],
  pixels: np.ndarray,
) -> Iterator[Finding]:
  boxes, bad = left_out
  yield from about(
    bad, 'image', 'damaged annotation',
    'with a shape that cannot be drawn, left out', REMEDY, level='error',
  )  # fmt: skip
  yield from about(
    boxes, 'annotation', 'no outline', 'without an outline, such as a box or a '
    'point, left out', 'draw its outline', level='warning',
  )  # fmt: skip
  share = pixels[0] / max(pixels.sum(), 1)
  where = names(folder, [*found])
  yield Finding(
    'note',
    'annotations',
    f'labels drawn to {layout.DRAWN}/ from {count(len(where), "file")} of '
    f'annotations; pixels in no shape ({share:.1%}) are the class {_NONE}',
    'if these are unknown rather than a class, move 0 to "ignored" in '
    'classes.json',
    where,
  )
