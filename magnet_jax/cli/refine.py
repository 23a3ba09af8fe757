"""`magnet-jax refine`."""

import contextlib
import functools
import pathlib

from absl import flags

from magnet_jax.cli import filter_flags, messages, model_flags, offset_flags
from magnet_jax.cli.command_line import Arguments
from magnet_jax.data import classes as class_tables
from magnet_jax.files import atomic, decoding, images
from magnet_jax.filters.table import FILTERS, Filter
from magnet_jax.predict import (
  correctors,
  finished_maps,
  image_offsets,
  refine_run,
)
from magnet_jax.predict import outputs as files
from magnet_jax.predict.finished_maps import FinishedMap
from magnet_jax.predict.outputs import Outputs
from magnet_jax.rasters import open_image
from magnet_jax.survey import naming
from magnet_jax.types import ClassTable, InputError, Size

NAMES = True
_LISTED = '\n'.join(f'    {n:14}{f.about}' for n, f in FILTERS.items())
_TRAINED = {correctors.shown(name): name for name in correctors.CORRECTORS}
_ABOUT = '\n'.join(
  f'    {n:14}{correctors.CORRECTORS[name].about}'
  for n, name in _TRAINED.items()
)
_MOST = 254
HELP = f"""
  usage: magnet-jax refine IMAGE --label=FILE|--probabilities=FILE [flags]

  Improves a segmentation that somebody else has made, by the image alone, and
  writes
    NAME_label.png     class indices, with the classes' colours; a tiled .tif if
                       the image is georeferenced or has more than 2**28 pixels
    NAME_overlay.jpg   the image tinted by its classes
    NAME_panel.png     before and after
  The methods:
{_LISTED}
  and those of a trained model, which needs no segmenter; all but segfix and
  cascade-psp are for its own classes:
{_ABOUT}
  Pixels without a label, 255, stay so.

  examples:
    magnet-jax refine aerial.jpg --label=theirs.png
    magnet-jax refine aerial.jpg --label=theirs.png --classes=classes.json
    magnet-jax refine aerial.jpg --probabilities=maps.npy --method=fast-guided
    magnet-jax refine a.jpg --label=b.png --method=iterative --checkpoint=runs/a
    magnet-jax refine a.jpg --label=b.png --method=segfix --offsets=c.png
"""


def define(values: flags.FlagValues) -> None:
  """Defines the flags."""
  text = functools.partial(flags.DEFINE_string, flag_values=values)
  group = 'input and output'
  text(
    'label',
    '',
    'FILE: the segmentation, an image of class indices, or of the colours of '
    '--classes',
    module_name=group,
  )
  text(
    'probabilities',
    '',
    'FILE: or its probabilities: .npy or .npz, floats [height,width,classes] '
    'that sum to 1, or .tif, a band per class, as segment --probabilities '
    'writes them',
    module_name=group,
  )
  text(
    'classes',
    '',
    'TABLE: names and colours of the classes: a .json file or the name of a '
    "data set; numbers and the label's palette if not given",
    module_name=group,
  )
  text('out', 'magnet_jax_out', 'DIR: where to write', module_name=group)
  group = 'how to refine'
  flags.DEFINE_enum(
    'method',
    'guided',
    [*FILTERS, *_TRAINED],
    'how to improve it',
    flag_values=values,
    module_name=group,
  )
  model_flags.define_checkpoint(values, group)
  offset_flags.define(values, group)
  filter_flags.define(values, group)


def run(arguments: Arguments) -> int:
  """Refines one segmentation."""
  values = arguments.flags
  if len(arguments.names) != 1:
    raise InputError(
      f'refine: {len(arguments.names)} images given; name one: magnet-jax '
      'refine IMAGE --label=FILE'
    )
  if bool(values.label) == bool(values.probabilities):
    raise InputError(
      'refine: needs the segmentation of the image; give either --label=FILE '
      'or --probabilities=FILE'
    )
  path, folder = pathlib.Path(arguments.names[0]), pathlib.Path(values.out)
  other = pathlib.Path(values.label or values.probabilities)
  settings = filter_flags.settings(values)
  written = [folder / each for each in files.names(path.stem, Outputs())]
  further = offset_flags.check(values, [path, other, *written])
  inputs = [path, other, *further]
  files.keep_inputs(inputs, folder, [path.stem], Outputs())
  with contextlib.closing(open_image.open_image(path)) as source:
    corrects, table = _chosen(values, path, source.size)
    for name in settings:
      if name not in corrects.settings:
        raise InputError(
          f'--{name}: {values.method} has no such setting; leave it out'
        )
    if values.label:
      settings = {**corrects.for_labels, **settings}
    corrects.check(settings)
    classes, given = _given(values, path, other, source.size, table)
    atomic.prepare_folder(folder)
    changed, note = refine_run.refine(
      source,
      given,
      corrects,
      classes,
      path=folder / path.stem,
      title=values.method,
      settings=settings,
    )
  if note:
    messages.tell(f'{path}: {note}')
  messages.tell(
    f'{100 * changed:.2f} % of the pixels have another class: {folder}'
  )
  return 0


def _chosen(
  values: flags.FlagValues, image: pathlib.Path, size: Size
) -> tuple[Filter, ClassTable | None]:
  """Returns the filter, and the classes that it was trained for, if any."""
  if values.method in FILTERS:
    if values['checkpoint'].present:
      raise InputError(
        f'--checkpoint={values.checkpoint}: {values.method} is not trained, '
        'and has no use for a model; leave it out'
      )
    return FILTERS[values.method], None
  if values.method == image_offsets.NAME:
    return offset_flags.chosen(values, image, size), None
  return correctors.read(model_flags.path(values), _TRAINED[values.method])


def _given(
  values: flags.FlagValues,
  path: pathlib.Path,
  other: pathlib.Path,
  size: Size,
  trained: ClassTable | None,
) -> tuple[ClassTable, FinishedMap]:
  """Returns the classes and the segmentation that is to be refined."""
  table = class_tables.get(values.classes) if values.classes else trained
  if trained and table and table.names != trained.names:
    raise InputError(
      f'--classes={values.classes}: has {", ".join(table.names)}, the model '
      f'{", ".join(trained.names)}: must be the same; give a model that was '
      'trained for these classes, or another --method'
    )
  if values.label:
    table = table or _of_file(other)
    return table, finished_maps.of_label(
      other, table, path, size, every=trained is not None
    )
  given = finished_maps.of_probabilities(other, path, size)
  count = len(given.classes)
  table = table or naming.table(range(count), {}, None)
  if len(table) != count:
    raise InputError(
      f'{other}: has {count} classes, '
      + (f'--classes={values.classes}' if values.classes else 'the model')
      + f' has {len(table)}: must be equal; give '
      + ('a model' if trained else 'the table')
      + ' of these probabilities'
    )
  return table, given


def _of_file(path: pathlib.Path) -> ClassTable:
  """Returns numbered classes up to the largest of a label of indices."""
  if finished_maps.holds_colours(path):
    raise InputError(
      f'{path}: holds colours; give the classes that they stand for by '
      '--classes=TABLE'
    )
  pixels = images.read_codes(path, colours=False)
  found = pixels[(pixels >= 0) & (pixels <= _MOST)]
  palette: dict[int, tuple[int, int, int]] = {}
  with decoding.opened(path) as image:
    flat = image.getpalette() if image.mode == 'P' else None
  if flat:
    colours = zip(flat[::3], flat[1::3], flat[2::3], strict=True)
    palette = dict(enumerate(colours))
  highest = int(found.max()) if found.size else 0
  return naming.table(range(highest + 1), palette, None)
