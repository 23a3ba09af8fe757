"""Class tables of the known data sets."""

from magnet_jax.data import class_files
from magnet_jax.scenes.classes import CLASSES as SCENES
from magnet_jax.types import ClassTable, InputError

TABLES: dict[str, ClassTable] = {
  # Lameski et al., ICT Innovations 2017: carrots, weeds and bare soil.
  'carrotweed': ClassTable(
    names=('soil', 'weed', 'carrot'),
    colours=((115, 85, 60), (220, 50, 47), (60, 180, 75)),
  ),
  # Cordts et al., CVPR 2016: the 19 classes used for training and scoring, by
  # train id, in the benchmark's colours.
  'cityscapes': ClassTable(
    names=(
      'road',
      'sidewalk',
      'building',
      'wall',
      'fence',
      'pole',
      'traffic light',
      'traffic sign',
      'vegetation',
      'terrain',
      'sky',
      'person',
      'rider',
      'car',
      'truck',
      'bus',
      'train',
      'motorcycle',
      'bicycle',
    ),
    colours=(
      (128, 64, 128),
      (244, 35, 232),
      (70, 70, 70),
      (102, 102, 156),
      (190, 153, 153),
      (153, 153, 153),
      (250, 170, 30),
      (220, 220, 0),
      (107, 142, 35),
      (152, 251, 152),
      (70, 130, 180),
      (220, 20, 60),
      (255, 0, 0),
      (0, 0, 142),
      (0, 0, 70),
      (0, 60, 100),
      (0, 80, 100),
      (0, 0, 230),
      (119, 11, 32),
    ),
  ),
  # Demir et al., CVPR Workshops 2018: land cover, its own colours. Unknown
  # ground (clouds) is a class, but is not scored.
  'deepglobe': ClassTable(
    names=(
      'unknown',
      'urban',
      'agriculture',
      'rangeland',
      'forest',
      'water',
      'barren',
    ),
    colours=(
      (0, 0, 0),
      (0, 255, 255),
      (255, 255, 0),
      (255, 0, 255),
      (0, 255, 0),
      (0, 0, 255),
      (255, 255, 255),
    ),
    unscored=(0,),
  ),
  # Nir et al., Medical Image Analysis 2018 (Gleason 2019 challenge): prostate
  # tissue; the set has no colours of its own.
  'gleason': ClassTable(
    names=('background', 'benign', 'grade 3', 'grade 4', 'grade 5'),
    colours=(
      (240, 240, 240),
      (80, 160, 80),
      (80, 110, 220),
      (240, 200, 60),
      (200, 40, 40),
    ),
  ),
  # Mohammed Bin Rashid Space Centre / Humans in the Loop, its own colours.
  'dubai': ClassTable(
    names=('building', 'land', 'road', 'vegetation', 'water'),
    colours=(
      (60, 16, 152),
      (132, 41, 246),
      (110, 193, 228),
      (254, 221, 58),
      (226, 169, 41),
    ),
  ),
  # The generated scenes of this package.
  'scenes': SCENES,
}


# The Cityscapes categories by train id, from the data set's own table; the
# eighth, void, is ignored.
_CATEGORIES = {
  TABLES['cityscapes'].names: (
    *('flat',) * 2,
    *('construction',) * 3,
    *('object',) * 3,
    *('nature',) * 2,
    'sky',
    *('human',) * 2,
    *('vehicle',) * 6,
  ),
}


def categories(table: ClassTable) -> tuple[str, ...]:
  """Returns the category of each class, or () if the set has none."""
  return _CATEGORIES.get(table.names, ())


def get(name: str) -> ClassTable:
  """Returns the class table of a data set.

  Args:
    name: a key of `TABLES`, or the path of a .json file (see `class_files`).

  Raises:
    InputError: no such table; lists the known ones.
  """
  if name.endswith('.json'):
    return class_files.read(name)
  if name not in TABLES:
    raise InputError(
      f'class table {name!r}: unknown; choose one of '
      f'{", ".join(sorted(TABLES))}, or the path of a .json file of classes'
    )
  return TABLES[name]
