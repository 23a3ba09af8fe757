"""Turns the official files of a data set into a prepared set."""

from collections.abc import Callable, Mapping
import dataclasses
import pathlib
import tempfile

from magnet_jax.data import classes, prepared
from magnet_jax.datasets import cityscapes, deepglobe, file_list, gleason
from magnet_jax.datasets.recipes import Recipe, Splits
from magnet_jax.files import atomic
from magnet_jax.types import ClassTable, InputError

RECIPES = {
  recipe.name: recipe
  for recipe in (
    cityscapes.FINE,
    cityscapes.COARSE,
    deepglobe.RECIPE,
    gleason.RECIPE,
  )
}
OWN = 'file_list'


@dataclasses.dataclass(frozen=True)
class Prepared:
  """A prepared set.

  Attributes:
    folder: of this version.
    classes: of its labels.
    images: number by split.
    pixels: of each class and, last, ignored, by split.
    before: whether an earlier run prepared it.
  """

  folder: pathlib.Path
  classes: ClassTable
  images: Mapping[str, int]
  pixels: Mapping[str, tuple[int, ...]]
  before: bool = False


def recipe_of(
  name: str, class_table: str = '', *, colours: bool = False
) -> Recipe:
  """Returns the recipe of a data set.

  Args:
    name: of a published set, or file_list/NAME for your own images.
    class_table: of your own images, see `data.classes.get`.
    colours: whether the labels of your own images hold colours.

  Raises:
    InputError: no such set, or no table for your own images.
  """
  if name in RECIPES:
    if class_table or colours:
      raise InputError(
        f'{name}: has its own classes; --classes and --colours are for '
        f'{OWN}/NAME, leave them out'
      )
    return RECIPES[name]
  start, _, variant = name.partition('/')
  if start != OWN:
    raise InputError(
      f'data set {name!r}: unknown; choose one of '
      f'{", ".join(RECIPES)} or {OWN}/NAME'
    )
  if not class_table:
    raise InputError(
      f'{name}: needs --classes; give a .json file, or the name of a class '
      f'table: {", ".join(classes.TABLES)}'
    )
  return file_list.recipe(variant, classes.get(class_table), colours=colours)


def prepare(
  recipe: Recipe,
  manual_dir: pathlib.Path,
  data_dir: str = '',
  *,
  begins: Callable[[int], None] = lambda images: None,
  done: Callable[[str], None] = lambda text: None,
) -> Prepared:
  """Prepares a data set unless it is prepared already.

  Everything is first written into a temporary folder, which is renamed when it
  is complete.

  Args:
    recipe: of the set.
    manual_dir: with the official files.
    data_dir: the folder of all prepared sets, see `prepared.root`.
    begins: called with the number of images before the first one.
    done: called after each image.

  Raises:
    InputError: the files do not belong to the set, an image or a label is bad,
      or the set cannot be written.
  """
  folder = prepared.root(data_dir) / recipe.name / recipe.version
  before = (folder / 'dataset_info.json').is_file()
  if not before:
    found = recipe.items(manual_dir)
    _write(recipe, found, data_dir, begins, done)
  metadata = prepared.read_metadata(folder)
  if metadata['classes'] != list(recipe.classes.names):
    raise InputError(
      f'{folder}: is prepared already, with the classes '
      f'{", ".join(metadata["classes"])}; choose another name or remove it'
    )
  return Prepared(
    folder,
    recipe.classes,
    {split: len(sizes) for split, sizes in metadata['sizes'].items()},
    {split: tuple(each) for split, each in metadata['pixels'].items()},
    before,
  )


def _write(
  recipe: Recipe,
  found: Splits,
  data_dir: str,
  begins: Callable[[int], None],
  done: Callable[[str], None],
) -> None:
  root = prepared.root(data_dir)
  begins(sum(len(items) for items in found.values()))
  # Importing it takes seconds, so bad folders are refused before.
  from magnet_jax.datasets import tfds_builders

  with (
    atomic.made_for(root / recipe.name),
    tempfile.TemporaryDirectory() as downloads,
  ):
    tfds_builders.write(recipe, found, str(root), downloads, done)


def leftovers(recipe: Recipe, data_dir: str = '') -> list[pathlib.Path]:
  """Returns folders left behind by preparations that were killed."""
  folder = prepared.root(data_dir) / recipe.name
  return sorted(folder.glob(f'incomplete.*_{recipe.version}'))


def never(result: Prepared) -> dict[str, list[str]]:
  """Returns the classes without a single pixel, by split."""
  return {
    split: missing
    for split, pixels in result.pixels.items()
    if (
      missing := [
        name
        for name, count in zip(result.classes.names, pixels[:-1], strict=True)
        if not count
      ]
    )
  }


def frequencies(result: Prepared) -> list[list[str]]:
  """Returns table cells: the share of each class among labelled pixels.

  Returns:
    The heading, a row for each class and one for ignored pixels, whose share
    is of all pixels; in percent.
  """
  splits = list(result.pixels)
  lines = [['% of labelled pixels', *splits]]
  for index, name in enumerate(result.classes.names):
    lines.append([name])
    for split in splits:
      labelled = sum(result.pixels[split][:-1])
      share = result.pixels[split][index] / max(labelled, 1)
      lines[-1].append(f'{100 * share:.3f}')
  lines.append(['(ignored, of all)'])
  for split in splits:
    pixels = result.pixels[split]
    lines[-1].append(f'{100 * pixels[-1] / max(sum(pixels), 1):.3f}')
  return lines
