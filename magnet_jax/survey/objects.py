"""Labels of objects, which VOC and CVAT write beside those of classes."""

from collections.abc import Sequence
import pathlib

from magnet_jax.survey.findings import Finding, about, names

_OBJECTS = 'segmentationobject'


def left_out(
  folder: pathlib.Path,
  pictures: Sequence[pathlib.Path],
  labels: pathlib.Path | None,
) -> tuple[list[pathlib.Path], list[Finding]]:
  """Leaves out labels that tell objects apart rather than classes.

  Args:
    folder: of the data.
    pictures: all image files below it.
    labels: the folder of the labels, if it was named, which is kept.

  Returns:
    The other files, and a note.
  """
  objects = [
    file
    for file in pictures
    if any(p.name.lower() == _OBJECTS for p in file.parents)
    and not (labels and labels.name.lower() == _OBJECTS)
  ]
  return [f for f in pictures if f not in {*objects}], about(
    names(folder, objects),
    'file',
    'objects',
    'of SegmentationObject, which tell objects apart rather than classes, left '
    'out',
    level='note',
  )
