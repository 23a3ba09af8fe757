"""DeepGlobe land cover from its official training folder."""

from collections.abc import Mapping, Sequence
import functools
import pathlib

import numpy as np

from magnet_jax.data import classes
from magnet_jax.datasets import name_lists, recipes
from magnet_jax.datasets.recipes import Item, Recipe
from magnet_jax.files import images, label_codes
from magnet_jax.types import InputError

# The set's description: masks went through lossy compression, so each channel
# is to be read as 0 below 128 and as 255 from there on.
_THRESHOLD = 128
_IMAGE, _MASK = '_sat.jpg', '_mask.png'
_FOLDERS = ('train', 'land-train')  # as on Kaggle, as in the challenge's zip
_LISTS = {
  'train': ('train.txt',),
  'val': ('val.txt', 'crossvali.txt'),
  'test': ('test.txt',),
}
# How many of the 803 images GLNet (Chen et al., CVPR 2019) put in each split.
_SHARES = {'train': 454, 'val': 207, 'test': 142}
_SAMPLES = 16  # masks, of which one without any colour is rare
_SITE = (
  'http://deepglobe.org or kaggle.com/datasets/balraj98/'
  'deepglobe-land-cover-classification-dataset'
)
_CITATION = """@inproceedings{DeepGlobe18,
  author={Demir, Ilke and Koperski, Krzysztof and Lindenbaum, David and Pang,
    Guan and Huang, Jing and Basu, Saikat and Hughes, Forest and Tuia, Devis
    and Raskar, Ramesh},
  title={DeepGlobe 2018: A Challenge to Parse the Earth Through Satellite
    Images},
  booktitle={The IEEE Conference on Computer Vision and Pattern Recognition
    (CVPR) Workshops},
  year={2018}
}"""


def read_label(path: pathlib.Path) -> np.ndarray:
  """Class indices, uint8 [H,W], of a mask of colours.

  Raises:
    InputError: damaged, not of colours, or of colours of no class.
  """
  pixels = images.read_codes(path, colours=True)
  brightest = int(pixels.max())
  if 0 < brightest < _THRESHOLD:
    raise InputError(
      f'{path}: its brightest value is {brightest}: is no mask of '
      'colours, whose channels are near 0 or 255; take the official mask'
    )
  table = classes.TABLES['deepglobe']
  pure = np.where(pixels < _THRESHOLD, np.uint8(0), np.uint8(255))
  return label_codes.translate(pure, label_codes.of_colours(table), table, path)


def _check_land_cover(paths: Sequence[pathlib.Path]) -> None:
  """Raises InputError if masks are those of roads, which have the same names.

  Args:
    paths: of masks, of which some are read until one has a colour.
  """
  names = classes.TABLES['deepglobe'].names
  black_and_white = {names.index('unknown'), names.index('barren')}
  some = paths[:: max(1, len(paths) // _SAMPLES)][:_SAMPLES]
  seen: set[int] = set()
  for path in some:
    seen.update(np.unique(read_label(path)).tolist())
    if seen - black_and_white:
      return
  if seen == black_and_white:  # a set that is black alone is none of roads
    raise InputError(
      f'{paths[0].parent}: masks hold black and white alone, in all '
      f'{len(some)} that were read: are those of DeepGlobe roads, not of land '
      f'cover; {RECIPE.layout}'
    )


def _by_key(folder: pathlib.Path, ending: str) -> dict[str, str]:
  return recipes.keyed(
    [
      (path.name.removesuffix(ending), path.name)
      for path in sorted(folder.iterdir())
      if path.name.endswith(ending)
    ],
    str(folder),
  )


def _find(folder: pathlib.Path) -> Mapping[str, Sequence[Item]]:
  inside = next((folder / n for n in _FOLDERS if (folder / n).is_dir()), folder)
  pictures, masks = _by_key(inside, _IMAGE), _by_key(inside, _MASK)
  if not pictures and not masks:
    raise InputError(
      f'{inside}: holds no *{_IMAGE} and *{_MASK}; {RECIPE.layout}'
    )
  items = {
    key: Item(
      name=key,
      origin=str(inside / image),
      image=(inside / image).read_bytes,
      label=functools.partial(read_label, inside / mask),
    )
    for key, image, mask in recipes.pair(pictures, masks, str(inside))
  }
  _check_land_cover([inside / masks[key] for key in items])
  names = name_lists.from_lists(folder, list(items), _LISTS)
  if names is None:
    names = name_lists.by_shares(list(items), _SHARES)
  return {split: [items[k] for k in keys] for split, keys in names.items()}


RECIPE = Recipe(
  name='deepglobe_land_cover',
  classes=classes.TABLES['deepglobe'],
  description=(
    'Satellite images of 2448x2448 with 7 classes of land cover, of which '
    '"unknown" is not scored. Only the official training images have public '
    'labels: they are split by the lists train.txt, val.txt (or crossvali.txt) '
    'and test.txt of file names, such as those of GLNet, or without lists as '
    '454 : 207 : 142 in the order of the SHA-256 of their names, which is not '
    'the published split: scores are then not those of the literature.'
  ),
  homepage='http://deepglobe.org',
  citation=_CITATION,
  layout=(
    f'put the official train/ folder of NUMBER{_IMAGE} and NUMBER{_MASK} '
    f'there; it comes from {_SITE}'
  ),
  find=_find,
)
