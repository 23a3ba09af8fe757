"""DeepGlobe land cover from its official training folder."""

from collections.abc import Mapping, Sequence
import functools
import pathlib

import numpy as np

from magnet_jax.data import classes
from magnet_jax.datasets import name_lists, recipes
from magnet_jax.datasets.recipes import Item, Recipe
from magnet_jax.files import decoding, images, label_codes
from magnet_jax.types import InputError

# According to the set's description, masks were compressed with loss: each
# channel counts as 0 below 128 and as 255 otherwise.
_THRESHOLD = 128
_IMAGE, _MASK = '_sat.jpg', '_mask.png'
_FOLDERS = ('train', 'land-train')  # as on Kaggle, as in the challenge's zip
_LISTS = {
  'train': ('train.txt',),
  'val': ('val.txt', 'crossvali.txt'),
  'test': ('test.txt',),
}
# How many of the 803 images GLNet (Chen et al., CVPR 2019) puts in each split.
_SHARES = {'train': 454, 'val': 207, 'test': 142}
_SAMPLES = 16  # masks; few of them have no colour
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
  """Reads a mask of colours as class indices, uint8 [H,W].

  Raises:
    InputError: damaged, not a mask of colours, or with unknown colours.
  """
  pixels = images.read_codes(path, colours=True)
  brightest = int(pixels.max())
  if 0 < brightest < _THRESHOLD:
    raise InputError(
      f'{path}: its brightest value is {brightest}: not a mask of colours, '
      'whose channels are near 0 or 255; use the official mask'
    )
  table = classes.TABLES['deepglobe']
  pure = np.where(pixels < _THRESHOLD, np.uint8(0), np.uint8(255))
  return label_codes.translate(pure, label_codes.of_colours(table), table, path)


def _check_land_cover(paths: Sequence[pathlib.Path]) -> None:
  """Raises InputError for masks of roads, which have the same names.

  Args:
    paths: of masks; some are read until one has a colour.
  """
  names = classes.TABLES['deepglobe'].names
  black_and_white = {names.index('unknown'), names.index('barren')}
  some = paths[:: max(1, len(paths) // _SAMPLES)][:_SAMPLES]
  seen: set[int] = set()
  for path in some:
    seen.update(np.unique(read_label(path)).tolist())
    if seen - black_and_white:
      return
  if seen == black_and_white:  # masks of roads are never all black
    raise InputError(
      f'{paths[0].parent}: the {len(some)} masks that were read are black and '
      f'white only: they belong to DeepGlobe roads, not to land cover; '
      f'{RECIPE.layout}'
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
      image=functools.partial(decoding.read_file, inside / image),
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
    'labels. They are split by the lists train.txt, val.txt (or crossvali.txt) '
    'and test.txt of file names, such as those of GLNet, or, without lists, as '
    '454 : 207 : 142 by the SHA-256 of their names. That is not the published '
    'split, so scores do not compare with the literature.'
  ),
  homepage='http://deepglobe.org',
  citation=_CITATION,
  layout=(
    f'put the official train/ folder of NUMBER{_IMAGE} and NUMBER{_MASK} '
    f'there; it comes from {_SITE}'
  ),
  find=_find,
)
