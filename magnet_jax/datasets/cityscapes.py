"""Cityscapes from its official zip files, without unpacking them."""

from collections.abc import Mapping, Sequence
import functools
import pathlib
import re

import numpy as np

from magnet_jax.data import classes
from magnet_jax.datasets import recipes
from magnet_jax.datasets.archives import Archive
from magnet_jax.datasets.recipes import Item, Recipe
from magnet_jax.files import images, label_codes
from magnet_jax.files.decoding import Encoded
from magnet_jax.types import IGNORE, InputError, LabelCodes

# Label ids of the 19 classes by train id; the remaining of the 34 ids, and -1
# (license plates) stored as a byte, are ignored. Source: the data set's own
# table, cityscapesscripts/helpers/labels.py.
_IDS = (
  7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33
)  # fmt: skip
_LAST_ID = 33
CODES = LabelCodes(
  classes=tuple((i,) for i in _IDS),
  ignored=(*(i for i in range(_LAST_ID + 1) if i not in _IDS), IGNORE),
)
_SITE = 'https://www.cityscapes-dataset.com/downloads'
_FINE = ('leftImg8bit_trainvaltest.zip', 'gtFine_trainvaltest.zip')
_EXTRA = ('leftImg8bit_trainextra.zip', 'gtCoarse.zip')
_CITATION = """@inproceedings{Cordts2016Cityscapes,
  title={The Cityscapes Dataset for Semantic Urban Scene Understanding},
  author={Cordts, Marius and Omran, Mohamed and Ramos, Sebastian and Rehfeld,
    Timo and Enzweiler, Markus and Benenson, Rodrigo and Franke, Uwe and Roth,
    Stefan and Schiele, Bernt},
  booktitle={Proc. of the IEEE Conference on Computer Vision and Pattern
    Recognition (CVPR)},
  year={2016}
}"""


def _members(archive: Archive, pattern: str) -> dict[str, str]:
  """Returns members by `city_sequence_frame`; there must be some."""
  matcher = re.compile(pattern)
  found = [
    (match[1], name)
    for name in archive.names
    if (match := matcher.fullmatch(name))
  ]
  if not found:
    example = archive.names[0] if archive.names else 'nothing'
    wanted = re.sub(r'[()\\]', '', pattern.replace('[^/]+', '*'))
    raise InputError(
      f'{archive.path}: holds no {wanted}, but {example}: it belongs to '
      f'another set, or was repacked; download it from {_SITE}'
    )
  return recipes.keyed(found, str(archive.path))


def _split(
  split: str, pictures: Archive, labels: Archive, kind: str
) -> list[Item]:
  """Returns the items of one split; `kind` is gtFine or gtCoarse."""
  left = _members(
    pictures, rf'leftImg8bit/{split}/[^/]+/([^/]+)_leftImg8bit\.png'
  )
  truth = _members(
    labels, rf'{kind}/{split}/[^/]+/([^/]+)_{kind}_labelIds\.png'
  )
  where = f'{pictures.path.name} and {labels.path.name}'
  return [
    Item(
      name=key,
      origin=f'{pictures.path}/{image}',
      image=functools.partial(pictures.read, image),
      label=functools.partial(read_label, labels, label),
    )
    for key, image, label in recipes.pair(left, truth, where)
  ]


def read_label(archive: Archive, name: str) -> np.ndarray:
  """Reads a label image of ids as train ids, uint8 [H,W].

  Raises:
    InputError: damaged, or an id that does not exist in the set.
  """
  origin = f'{archive.path}/{name}'
  ids = images.read_codes(Encoded(origin, archive.read(name)), colours=False)
  return label_codes.translate(ids, CODES, classes.TABLES['cityscapes'], origin)


def _open(folder: pathlib.Path, names: Sequence[str]) -> list[Archive]:
  missing = [name for name in names if not (folder / name).is_file()]
  if missing:
    raise InputError(
      f'{folder}: lacks {" and ".join(missing)}; download from {_SITE} (after '
      'registration) and leave zipped'
    )
  return [Archive(folder / name) for name in names]


def _fine(folder: pathlib.Path) -> Mapping[str, Sequence[Item]]:
  pictures, labels = _open(folder, _FINE)
  return {
    split: _split(split, pictures, labels, 'gtFine')
    for split in ('train', 'val')
  }


def _coarse(folder: pathlib.Path) -> Mapping[str, Sequence[Item]]:
  extra, labels = _open(folder, _EXTRA)
  more = {'train_extra': _split('train_extra', extra, labels, 'gtCoarse')}
  return {**_fine(folder), **more}


FINE = Recipe(
  name='cityscapes_magnet',
  classes=classes.TABLES['cityscapes'],
  description=(
    'Street scenes of 2048x1024 with fine labels: splits train and val. Labels '
    'hold the 19 train ids; all other label ids are 255, ignored. There is no '
    'test split, as its labels are not public.'
  ),
  homepage='https://www.cityscapes-dataset.com',
  citation=_CITATION,
  layout=f'put {" and ".join(_FINE)} there, zipped; they come from {_SITE}',
  find=_fine,
)
COARSE = Recipe(
  name='cityscapes_magnet/coarse',
  classes=FINE.classes,
  description=(
    f'{FINE.description} With the split train_extra, which has coarse labels.'
  ),
  homepage=FINE.homepage,
  citation=_CITATION,
  layout=(
    f'put {", ".join(_FINE)} and {" and ".join(_EXTRA)} there, zipped; they '
    f'come from {_SITE}'
  ),
  find=_coarse,
)
