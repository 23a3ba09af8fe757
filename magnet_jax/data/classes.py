"""Class tables of the known data sets, as data."""

from magnet_jax.data.scene_classes import CLASSES as SCENES
from magnet_jax.types import ClassTable, InputError

TABLES: dict[str, ClassTable] = {
  # Lameski et al., ICT Innovations 2017: carrots, weeds and bare soil.
  'carrotweed': ClassTable(
    names=('soil', 'weed', 'carrot'),
    colours=((115, 85, 60), (220, 50, 47), (60, 180, 75)),
  ),
  # Mohammed Bin Rashid Space Centre / Humans in the Loop, its own colours.
  'dubai': ClassTable(
    names=('building', 'land', 'road', 'vegetation', 'water'),
    colours=(
      (60, 16, 152), (132, 41, 246), (110, 193, 228), (254, 221, 58),
      (226, 169, 41),
    ),
  ),
  # The generated scenes of this package.
  'scenes': SCENES,
}


def get(name: str) -> ClassTable:
  """The class table of a data set.

  Args:
    name: a key of `TABLES`.

  Raises:
    InputError: no such table; the known ones are named.
  """
  if name not in TABLES:
    raise InputError(
      f'class table {name!r}: is not known; choose one of '
      f'{", ".join(sorted(TABLES))}'
    )
  return TABLES[name]
