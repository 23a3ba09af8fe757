"""`magnet-jax prepare`."""

import functools
import pathlib
import time

from absl import flags
import tqdm

from magnet_jax.cli import messages
from magnet_jax.cli.command_line import Arguments
from magnet_jax.datasets import preparing
from magnet_jax.datasets.preparing import Prepared
from magnet_jax.evaluate import tables
from magnet_jax.types import InputError

NAMES = True
HELP = """
  usage: magnet-jax prepare NAME --manual_dir=DIR [--data_dir=DIR] [flags]

  Converts the official files of a data set, which you have downloaded, once
  into a form that is quick to read; checks every image and label on the way,
  and prints the frequencies of the classes. The sets:
    cityscapes_magnet          leftImg8bit_trainvaltest.zip and
                               gtFine_trainvaltest.zip, zipped
    cityscapes_magnet/coarse   the same, and leftImg8bit_trainextra.zip and
                               gtCoarse.zip
    deepglobe_land_cover       the folder train/ of *_sat.jpg and *_mask.png;
                               train.txt, val.txt, test.txt if you have them
    gleason2019                Train_imgs/ and Maps1_T/ to Maps6_T/
    file_list/NAME             your own: train.txt, val.txt, test.txt with
                               image<TAB>label lines, or folders of these names
                               with images/ and labels/ (masks/, gt/) in them

  examples:
    magnet-jax prepare deepglobe_land_cover --manual_dir=~/downloads/deepglobe
    magnet-jax train --config=deepglobe --workdir=runs/deepglobe
    magnet-jax prepare file_list/mine --manual_dir=mine --classes=mine.json
"""


def define(values: flags.FlagValues) -> None:
  """Defines the flags."""
  text = functools.partial(flags.DEFINE_string, flag_values=values)
  group = 'files'
  text(
    'manual_dir',
    '',
    'DIR: the official files (required)',
    module_name=group,
  )
  text(
    'data_dir',
    '',
    'DIR: where prepared sets go, as data.data_dir of configs '
    '(default: $TFDS_DATA_DIR or ~/tensorflow_datasets)',
    module_name=group,
  )
  group = 'file_list'
  text(
    'classes',
    '',
    'TABLE: name of a class table, or a .json file with one',
    module_name=group,
  )
  flags.DEFINE_bool(
    'colours',
    False,
    'labels hold the colours of the classes, not values',
    flag_values=values,
    module_name=group,
  )


def run(arguments: Arguments) -> int:
  """Prepares a data set and prints what it contains."""
  values = arguments.flags
  if len(arguments.names) != 1 or not values.manual_dir:
    raise InputError(
      'magnet-jax prepare NAME --manual_dir=DIR: needs one name and the folder '
      'of the official files; magnet-jax prepare --help lists the names'
    )
  recipe = preparing.recipe_of(
    arguments.names[0], values.classes, colours=values.colours
  )
  start = time.perf_counter()
  with tqdm.tqdm(
    total=0, desc='prepare', unit=' images', dynamic_ncols=True, disable=None
  ) as bar:

    def begins(count: int) -> None:
      bar.total = count

    def done(text: str) -> None:
      bar.set_postfix_str(text)
      bar.update()

    result = preparing.prepare(
      recipe,
      pathlib.Path(values.manual_dir).expanduser(),
      values.data_dir,
      begins=begins,
      done=done,
    )
  _show(result, time.perf_counter() - start)
  for path in preparing.leftovers(recipe, values.data_dir):
    messages.tell(f'{path}: is left over from a run that was killed; remove it')
  return 0


def _show(result: Prepared, seconds: float) -> None:
  counts = ', '.join(f'{n} {split}' for split, n in result.images.items())
  how = (
    'as prepared by an earlier run; to prepare it again, remove the folder'
    if result.before
    else f'{seconds:.0f} s'
  )
  messages.tell(f'{result.folder}: {counts} images, {how}')
  messages.tell('\n'.join(tables.aligned(preparing.frequencies(result))))
  for split, names in preparing.never(result).items():
    messages.tell(
      f'never in {split}: {", ".join(names)}; counts only if predicted'
    )
