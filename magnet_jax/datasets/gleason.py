"""Gleason 2019 from its official folders, by majority vote."""

from collections.abc import Mapping, Sequence
import functools
import pathlib

import numpy as np

from magnet_jax.data import classes
from magnet_jax.datasets import name_lists, recipes
from magnet_jax.datasets.recipes import Item, Recipe
from magnet_jax.files import decoding, images, label_codes
from magnet_jax.types import InputError, LabelCodes

# Map values: 0 background, 1 benign, 3 to 5 the Gleason grades. 6 is an error
# and means 1 (Foucart, Debeir, Decaestecker, SIPAIM 2021, with corrections).
CODES = LabelCodes(classes=((0,), (1, 6), (3,), (4,), (5,)))
_FOLDERS = ('Train_imgs', 'Train Imgs')
_MAPS = tuple(f'Maps{number}_T' for number in range(1, 7))
_ENDING = '_classimg_nonconvex.png'
_LISTS = {'train': ('train.txt',), 'val': ('val.txt',)}
_EVERY = 5  # of 244 images, this leaves 195 for training
_ROWS = 512  # voted on at a time
_SITE = 'https://gleason2019.grand-challenge.org/Register'
_CITATION = """@article{Nir2018Gleason,
  title={Automatic grading of prostate cancer in digitized histopathology
    images: Learning from multiple experts},
  author={Nir, Guy and Hor, Soheil and Karimi, Davood and Fazli, Ladan and
    Skinnider, Brian F and Tavassoli, Peyman and Turbin, Dmitry and Villamil,
    Carlos F and Wang, Gang and Wilson, R Storey and others},
  journal={Medical Image Analysis},
  volume={50},
  pages={167--180},
  year={2018}
}"""


def majority(maps: Sequence[np.ndarray], count: int) -> np.ndarray:
  """Computes the class that most maps agree on, pixel by pixel.

  Ties go to the lowest class.

  Args:
    maps: uint8 [H,W] each, values below `count`.
    count: of classes, C.

  Returns:
    uint8 [H,W].
  """
  result = np.empty_like(maps[0])
  for top in range(0, len(result), _ROWS):
    rows = slice(top, top + _ROWS)
    votes = np.stack(
      [
        np.sum([each[rows] == index for each in maps], axis=0, dtype=np.uint8)
        for index in range(count)
      ]
    )
    result[rows] = votes.argmax(axis=0)
  return result


def read_label(paths: Sequence[pathlib.Path]) -> np.ndarray:
  """Reads some maps and returns their majority, uint8 [H,W].

  Raises:
    InputError: a map is damaged, coloured, of another size, or has a value of
      no class.
  """
  table = classes.TABLES['gleason']
  maps = []
  for path in paths:
    _check_bands(path)
    values = images.read_codes(path, colours=False)
    maps.append(label_codes.translate(values, CODES, table, path))
    images.check_sizes(paths[0], maps[0].shape, path, maps[-1].shape)
  return majority(maps, len(table))


def _check_bands(path: pathlib.Path) -> None:
  """Raises InputError for a coloured picture of a map."""
  with decoding.opened(path) as image:
    bands = image.getbands()
  if len(bands) > 1:
    raise InputError(
      f'{path}: has the bands {", ".join(bands)}, like a coloured picture: a '
      f'map has one, with values 0 to 6, as in {_MAPS[0]} to {_MAPS[-1]} of '
      f'the official files; unpack them again, they come from {_SITE}'
    )


def _find(folder: pathlib.Path) -> Mapping[str, Sequence[Item]]:
  inside = next((folder / n for n in _FOLDERS if (folder / n).is_dir()), None)
  missing = [name for name in _MAPS if not (folder / name).is_dir()]
  if inside is None or missing:
    names = [_FOLDERS[0]] * (inside is None) + missing
    raise InputError(f'{folder}: lacks {", ".join(names)}; {RECIPE.layout}')
  pictures = recipes.keyed(
    [(path.stem, str(path)) for path in sorted(inside.rglob('*.jpg'))],
    str(inside),
  )
  # Maps of cores without an image are ignored.
  experts = [
    recipes.keyed(
      [
        (path.name.removesuffix(_ENDING), str(path))
        for path in sorted((folder / name).rglob(f'*{_ENDING}'))
      ],
      str(folder / name),
    )
    for name in _MAPS
  ]
  items = {
    key: _item(key, pathlib.Path(image), experts)
    for key, image in pictures.items()
  }
  names_of = name_lists.from_lists(folder, list(items), _LISTS)
  if names_of is None:
    keys = sorted(items)
    names_of = {
      'train': [k for i, k in enumerate(keys) if i % _EVERY],
      'val': keys[::_EVERY],
    }
  return {split: [items[k] for k in keys] for split, keys in names_of.items()}


def _item(
  key: str, image: pathlib.Path, experts: Sequence[Mapping[str, str]]
) -> Item:
  maps = [pathlib.Path(each[key]) for each in experts if key in each]
  if not maps:
    raise InputError(
      f'{image}: has no label, {key}{_ENDING}, in {_MAPS[0]} to {_MAPS[-1]}; '
      'unpack all maps again or remove the image'
    )
  return Item(
    name=key,
    origin=str(image),
    image=functools.partial(decoding.read_file, image),
    label=functools.partial(read_label, maps),
  )


RECIPE = Recipe(
  name='gleason2019',
  classes=classes.TABLES['gleason'],
  description=(
    'Prostate tissue cores of about 5000x5000, each labelled by three to six '
    'pathologists: the label is the majority of their maps, or the lower class '
    'for a tie. Map values: 0 background, 1 and 6 benign, 3, 4, 5 Gleason '
    'grades. The split follows the lists train.txt and val.txt of file names; '
    'without them, every fifth image by name, from the first, is val.'
  ),
  homepage='https://gleason2019.grand-challenge.org',
  citation=_CITATION,
  layout=(
    f'unpack {_FOLDERS[0]} and {_MAPS[0]} to {_MAPS[-1]} there; they come from '
    f'{_SITE}'
  ),
  find=_find,
)
