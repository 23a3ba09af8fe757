"""Your own labelled images, named by lists or found in folders."""

from collections.abc import Mapping, Sequence
import functools
import os
import pathlib

from magnet_jax.data import file_pairs
from magnet_jax.datasets.recipes import Item, Recipe
from magnet_jax.files import decoding, images
from magnet_jax.types import ClassTable, InputError

_SPLITS = ('train', 'val', 'test')


def recipe(
  variant: str, classes: ClassTable, *, colours: bool = False
) -> Recipe:
  """Returns the recipe for your own images.

  Args:
    variant: their name, one word.
    classes: of the labels.
    colours: whether the labels hold the colours of the classes.

  Raises:
    InputError: the name is invalid.
  """
  if not variant.replace('-', '_').isidentifier():
    raise InputError(
      f'file_list/{variant}: must be one word of letters, digits and _, such '
      'as file_list/fields; rename it'
    )
  return Recipe(
    name=f'file_list/{variant}',
    classes=classes,
    description=f'Images and labels of {", ".join(classes.names)}.',
    homepage='',
    citation='',
    layout=(
      'put train.txt, val.txt and test.txt with image<TAB>label lines there, '
      'or folders of these names that contain images/ and labels/ (or masks/, '
      'gt/, …), or only images/ and labels/'
    ),
    find=functools.partial(_find, classes=classes, colours=colours),
  )


def _find(
  folder: pathlib.Path, *, classes: ClassTable, colours: bool
) -> Mapping[str, Sequence[Item]]:
  places = _places(folder)
  found: dict[str, list[Item]] = {}
  owner: dict[str, str] = {}
  for split, place in places.items():
    found[split] = []
    for each in file_pairs.find(place):
      if each.label is None:
        raise InputError(
          f'{each.image}: has no label; write image<TAB>label lines'
        )
      where = os.path.realpath(each.image)
      if where in owner:
        raise InputError(
          f'{each.image}: is in {owner[where]} and in {split}: an image '
          'may occur once, in one split; remove it from the others'
        )
      owner[where] = split
      found[split].append(_item(each.image, each.label, classes, colours))
  return found


def _item(
  image: pathlib.Path, label: pathlib.Path, classes: ClassTable, colours: bool
) -> Item:
  return Item(
    name=image.stem,
    origin=str(image),
    image=functools.partial(decoding.read_file, image),
    label=lambda: images.read_label(label, classes, colours=colours),
  )


def _places(folder: pathlib.Path) -> dict[str, pathlib.Path]:
  """Returns the list or folder of each split; a single list is train."""
  if folder.is_file():
    return {'train': folder}
  found: dict[str, pathlib.Path] = {}
  for split in _SPLITS:
    both = [
      path
      for path in (folder / f'{split}.txt', folder / split)
      if path.exists()
    ]
    if len(both) > 1:
      raise InputError(
        f'{folder}: has both {split}.txt and {split}/: must be one of them; '
        'move the other away'
      )
    if both:
      found[split] = both[0]
  if not found and (folder / 'images').is_dir():
    return {'train': folder}
  if not found:
    raise InputError(
      f'{folder}: has no train.txt, val.txt or test.txt, no folders of these '
      'names and no images/; add one of them'
    )
  return found
