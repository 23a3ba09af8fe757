"""The output files of an image: which, their names, and how to write them."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
import dataclasses
import importlib.util
import math
import os
import pathlib

import numpy as np

from magnet_jax.files import atomic
from magnet_jax.rasters import (
  geo_labels,
  polygons,
  qgis_styles,
  world_files,
)
from magnet_jax.rasters.rasters import Raster
from magnet_jax.types import ClassTable, InputError, Plane, Size

# Few programs open larger PNGs; many open a tiled TIFF with overviews.
_MOST_OF_PNG = 2**28
_STRIP = 2**22  # pixels written at a time, in at most 512 rows
_PREVIEWS = ('.png', '.jpg', '.jpeg')


@dataclasses.dataclass(frozen=True)
class Outputs:
  """What is written for an image besides its label and overlay.

  Attributes:
    panel: a picture of each stage: segmentation, uncertainty, points.
    confidence: how certain the label is, 0 to 255.
    probabilities: float16 [H,W,C]; of a georeferenced image a TIFF with a band
      per class.
    polygons: the suffix of the file of the label's regions, or ''.
    simplify: pixels of detail that their edges lose.
    preview: a picture that is redrawn after every stage, or None.

  Raises:
    InputError: the preview is neither PNG nor JPEG, or the package for polygons
      is missing.
  """

  panel: bool = True
  confidence: bool = False
  probabilities: bool = False
  polygons: str = ''
  simplify: float = 0
  preview: pathlib.Path | None = None

  def __post_init__(self) -> None:
    if self.preview and self.preview.suffix.lower() not in _PREVIEWS:
      raise InputError(
        f'--preview={self.preview}: is a picture; name a file that ends in '
        f'{", ".join(_PREVIEWS)}'
      )
    if self.simplify and not self.polygons:
      raise InputError(
        f'--simplify={self.simplify:g}: is for the edges of polygons; add '
        '--polygons=gpkg, or leave it out'
      )
    if self.polygons:
      polygons.check_path(f'label{self.polygons}', simplify=self.simplify)


def suffix(raster: Raster) -> str:
  """Returns '.tif' for an image that is georeferenced or very large.

  Without rasterio '.png', with a world file if it has a place.
  """
  large = math.prod(raster.size) > _MOST_OF_PNG
  wanted = raster.place is not None or large
  return '.tif' if wanted and importlib.util.find_spec('rasterio') else '.png'


def names(name: str, outputs: Outputs) -> list[str]:
  """Returns all names that the files of an image may have."""
  found = [f'{name}_label.{end}' for end in ('png', 'pgw', 'tif', 'qml')]
  found.append(f'{name}_overlay.jpg')
  if outputs.panel:
    found.append(f'{name}_panel.png')
  if outputs.confidence:
    found += [f'{name}_confidence.{end}' for end in ('png', 'pgw', 'tif')]
  if outputs.probabilities:
    found += [f'{name}_probabilities.npy', f'{name}_probabilities.tif']
  if outputs.polygons:
    found += [f'{name}_polygons{end}' for end in (outputs.polygons, '.qml')]
  return found


def names_of(paths: Sequence[pathlib.Path]) -> list[str]:
  """Returns a name for the outputs of each file: its stem if that is unique.

  Files of the same stem are told apart by their folder, then by their suffix,
  then by a number.
  """
  ways: list[Callable[[pathlib.Path], str]] = [
    lambda p: p.stem,
    lambda p: f'{p.absolute().parent.name}_{p.stem}',
    lambda p: f'{p.absolute().parent.name}_{p.stem}_{p.suffix[1:]}',
  ]
  names: list[str] = []
  taken: set[str] = set()
  counts = [Counter(way(path) for path in paths) for way in ways]
  for path in paths:
    for way, count in zip(ways, counts, strict=True):
      name = way(path)
      if count[name] == 1 and name not in taken:
        break
    number = 2
    unique = name
    while unique in taken:
      unique, number = f'{name}-{number}', number + 1
    taken.add(unique)
    names.append(unique)
  return names


def keep_inputs(
  paths: Sequence[pathlib.Path],
  folder: pathlib.Path,
  stems: Sequence[str],
  outputs: Outputs,
) -> None:
  """Raises InputError if an output would replace one of the images."""
  # Not Path.resolve, which raises for a link that leads to itself.
  inputs = {os.path.realpath(path) for path in paths}
  written = [folder / file for name in stems for file in names(name, outputs)]
  if outputs.preview:
    written.append(outputs.preview)
  for file in written:
    if os.path.realpath(file) in inputs:
      raise InputError(
        f'{file}: is an input image that an output would replace; choose '
        'another --out'
      )


def check_place(path: pathlib.Path, raster: Raster, outputs: Outputs) -> None:
  """Raises InputError if an image's place forbids what is to be written."""
  if outputs.polygons:
    polygons.check_place(path, raster.size, raster.place)


def write_polygons(
  stem: pathlib.Path, end: str, classes: ClassTable, outputs: Outputs
) -> None:
  """Writes the regions of an image's label beside it, if they are wanted.

  Args:
    stem: the path of all files of the image, without what follows its name.
    end: the suffix of the label file.
    classes: provide the names.
    outputs: what is written.
  """
  if outputs.polygons:
    path = stem.with_name(f'{stem.name}_polygons{outputs.polygons}')
    polygons.write_polygons(
      path,
      stem.with_name(f'{stem.name}_label{end}'),
      classes,
      simplify=outputs.simplify,
    )
    qgis_styles.write_for_polygons(path, classes)


def write_plane(
  path: pathlib.Path,
  plane: Plane,
  raster: Raster,
  classes: ClassTable | None = None,
) -> None:
  """Writes a label, or grey values without classes, completely or not at all.

  Args:
    path: ends in `suffix` of the image.
    plane: uint8 [H,W].
    raster: the image; provides the georeference.
    classes: provide the label's colours.
  """
  geo_labels.export_labels(
    path, _strips(plane), size=plane.size, place=raster.place, classes=classes
  )
  if raster.place is not None and path.suffix == '.png':
    world_files.write(path, raster.place)
  if raster.place is not None and path.suffix == '.tif' and classes:
    qgis_styles.write_for_labels(path, classes)


def write_probabilities(
  stem: pathlib.Path,
  plane: Plane,
  label: Plane,
  raster: Raster,
  classes: ClassTable,
) -> None:
  """Writes probabilities in half precision, a strip at a time.

  As a TIFF if the image is georeferenced, else in NumPy's format.

  Args:
    stem: the path without its suffix.
    plane: float32 [H,W,C].
    label: uint8 [H,W], the ignored label where there is no data.
    raster: the image; provides the georeference.
    classes: names of the bands.
  """
  if raster.place is None or suffix(raster) == '.png':
    _write_array(stem.with_name(f'{stem.name}.npy'), plane)
    return
  masked = (
    np.where(found[..., None] == classes.ignore_label, np.float32(np.nan), maps)
    for maps, found in zip(_strips(plane), _strips(label), strict=True)
  )
  geo_labels.export_probabilities(
    stem.with_name(f'{stem.name}.tif'),
    masked,
    size=plane.size,
    place=raster.place,
    names=classes.names,
  )


def _strips(plane: Plane) -> Iterator[np.ndarray]:
  """Yields a plane as strips from the top down."""
  height, width = plane.size
  rows = max(64, min(512, _STRIP // width // 64 * 64))
  for top in range(0, height, rows):
    yield plane.read(top, 0, min(rows, height - top), width)


def _write_array(path: pathlib.Path, plane: Plane) -> None:
  """Writes float32 [H,W,C] as float16 in NumPy's format."""
  size: Size = plane.size
  classes = plane.read(0, 0, 1, 1).shape[-1]
  atomic.check_space(path.parent, 2 * math.prod(size) * classes)
  # Written by hand, as np.save needs the whole array in memory.
  header = {'descr': '<f2', 'fortran_order': False, 'shape': (*size, classes)}
  with atomic.replacing(path) as temporary, temporary.open('wb') as file:
    np.lib.format.write_array_header_1_0(file, header)
    rows = max(1, 2**20 // size[1])
    for top in range(0, size[0], rows):
      strip = plane.read(top, 0, min(rows, size[0] - top), size[1])
      file.write(strip.astype('<f2').tobytes())
