"""`magnet-jax segment`."""

import functools
import pathlib

from absl import flags

from magnet_jax import parallel
from magnet_jax.cli import (
  command_line,
  engine_flags,
  host_flags,
  input_flags,
  messages,
  method_flags,
  model_flags,
  refinement_flags,
)
from magnet_jax.cli.command_line import Arguments
from magnet_jax.cli.progress_bar import Bar, Transfer
from magnet_jax.files import embedded
from magnet_jax.methods import recipes, table
from magnet_jax.predict import batch_run, budget, fetching, image_names
from magnet_jax.predict.budget import Budget
from magnet_jax.predict.outputs import Outputs
from magnet_jax.predict.task import Recipe
from magnet_jax.types import InputError, Size

NAMES = True
HELP = f"""
  usage: magnet-jax segment IMAGE… [--out=DIR] [flags]

  Segments JPEG, PNG and TIFF images of any size, coarse to fine. IMAGE may also
  be a folder of images, a list of them (.txt), an address (https://…), a member
  of a zip file (/vsizip/a.zip/b.tif), or a STAC item (.json, or its address);
  what is elsewhere is first copied into DIR/downloads. For each image it writes
    NAME_label.png          class indices, with the classes' colours; a tiled
                            .tif if the image is georeferenced or has more
                            than 2**28 pixels
    NAME_overlay.jpg        the image tinted by its classes
    NAME_panel.png          each stage: segmentation, uncertainty, points
    NAME_confidence.png     0 uncertain, 255 certain, with --confidence; or .tif
    NAME_polygons.gpkg      regions of the label, with --polygons=gpkg
    NAME_probabilities.npy  float16 [H,W,C], with --probabilities; or a .tif
                            with a band per class if it is georeferenced
  Invalid pixels (nodata, transparent) get the label 255.

  --method chooses how:
{table.about()}
  or, of another method's map, a filter or a network that corrects it:
{table.about(usual=False)}

  An image that would take more memory than --memory is streamed: its maps go
  through the folder NAME.partial in DIR, which is removed at the end. A run
  that was stopped, even by kill -9, is resumed by the same command. The
  pictures of a streamed image are small and do not show points. What needs a
  map as a whole works in memory only: multiscale, glnet, cascade-psp, segfix.

  A file that cannot be read does not stop the others; it is reported at the
  end, and the exit status is 2. Images that look unlike those that the model
  was trained on are named at the end, too.

  examples:
    magnet-jax segment aerial.jpg
    magnet-jax segment photos/*.jpg --checkpoint=runs/mine --out=labels
    magnet-jax segment photos --checkpoint=runs/mine --out=labels
    magnet-jax segment huge.tif --windows=0.25 --no-panel
    magnet-jax segment huge.tif --memory=4 --preview=so_far.png
    magnet-jax segment satellite.tif --bands=4,3,2 --polygons=gpkg
    magnet-jax segment https://example.org/aerial.tif /vsizip/tiles.zip/a.tif
    magnet-jax segment street.png --segmenter=net.onnx --refiner=runs/mine
    magnet-jax segment huge.tif --method=guided --start=magnet
"""


def define(values: flags.FlagValues) -> None:
  """Defines the flags."""
  group = 'input and output'
  model_flags.define_networks(values, group, embedded.AERIAL)
  model_flags.define_correctors(values, group)
  _define_output(values, group)
  input_flags.define(values, 'what to read')
  _define_memory(values, 'memory')
  group = 'how to segment'
  flags.DEFINE_enum(
    'method',
    method_flags.DEFAULT,
    [*table.METHODS],
    'as listed above',
    flag_values=values,
    module_name=group,
  )
  method_flags.define(values, group)
  model_flags.define_budget(values, group)
  _define_windows(values, group)
  model_flags.define_plan(values, group)
  refinement_flags.define(values, group)
  engine_flags.define(values, group)
  host_flags.define(values)
  flags.DEFINE_enum(
    'divide',
    'auto',
    batch_run.DIVIDE,
    'what several processes divide: the images, or the windows of each image '
    '(which needs an --out that all can access); auto: the windows if there '
    'are fewer images than processes',
    flag_values=values,
    module_name=host_flags.GROUP,
  )


def _define_output(values: flags.FlagValues, group: str) -> None:
  bound = {'flag_values': values, 'module_name': group}
  text = functools.partial(flags.DEFINE_string, **bound)
  switch = functools.partial(flags.DEFINE_bool, **bound)
  text('out', 'magnet_jax_out', 'DIR: where to write')
  switch('panel', True, 'write the panels')
  switch('confidence', False, 'also write how certain labels are')
  switch('probabilities', False, 'also write the probabilities')
  flags.DEFINE_enum(
    'polygons',
    None,
    ['geojson', 'gpkg'],
    "also write the label's regions; needs magnet-jax[geo]",
    **bound,
  )
  flags.DEFINE_float(
    'simplify',
    0,
    'PIXELS: of detail that edges of polygons lose; neighbours share theirs',
    **bound,
  )
  text(
    'preview',
    '',
    'FILE: a picture that is redrawn after every stage, to follow the progress '
    'from coarse to fine',
  )


def _define_memory(values: flags.FlagValues, group: str) -> None:
  bound = {'flag_values': values, 'module_name': group}
  flags.DEFINE_float(
    'memory',
    None,
    'GB: memory for an image and its maps, without the networks; larger images '
    'are streamed; half of the free memory if not given',
    **bound,
  )
  flags.DEFINE_enum(
    'store',
    'auto',
    budget.STORES,
    'where to keep maps: as --memory requires, always in memory, or always on '
    'disk with that precision: float32 changes no label, uint16 some of a '
    'million, for half of the disk',
    **bound,
  )


def _define_windows(values: flags.FlagValues, group: str) -> None:
  text = functools.partial(
    flags.DEFINE_string, flag_values=values, module_name=group
  )
  text(
    'windows',
    '',
    'SHARE: MagNet-Fast: refine only this many windows, the highest scores '
    'first: a fraction of all, spent on coarse stages first, a count per '
    'stage, or fractions of each stage after the first, such as 0.5,0.2',
  )
  text(
    'window',
    '',
    'HxW: window in pixels of its stage, at most the image; '
    "the model's setting if not given",
  )
  text(
    'overlap',
    '',
    'X,X,…: least shared fraction of neighbouring windows, in [0, 0.9]: one '
    'for all stages, or one per stage, coarse to fine; '
    "the model's setting if not given",
  )


def run(arguments: Arguments) -> int:
  """Segments all images."""
  if not arguments.names:
    raise InputError(
      'segment: no image given; name at least one: magnet-jax segment IMAGE…'
    )
  values = arguments.flags
  window = command_line.size(values.window, 'window') if values.window else None
  folder = pathlib.Path(values.out)
  with host_flags.work(values):
    budget = Budget(values.store, values.memory)
    opener = input_flags.opener(values, budget.pixels)
    outputs = _outputs(values)
    images = image_names.find(arguments.names, folder / 'downloads')
    recipe = _recipe(values, window)
    # After all flags are known to be right, as it may take long.
    paths, errors = fetching.fetch(
      images, Transfer(silent=not parallel.is_main())
    )
    with Bar(silent=not parallel.is_main()) as bar:
      found = batch_run.segment_files(
        recipe,
        paths,
        folder,
        outputs=outputs,
        budget=budget,
        progress=bar,
        divide=values.divide,
        overviews=values.overviews,
        window=window,
        opener=opener,
      )
    errors += found.errors
    if parallel.is_main():
      for line in errors:
        messages.show(line)
      for note in found.notes:
        messages.tell(f'note: an image {note}')
      if found.unlike:
        messages.tell(f'warning: {found.unlike}')
      if found.images:
        messages.tell(f'{found.images} of {len(images)} images: {values.out}')
      else:
        messages.tell('no image was segmented')
  return 2 if errors else 0


def _recipe(values: flags.FlagValues, window: Size | None) -> Recipe:
  """What the flags say that is done with each image."""
  name, given = values.method, method_flags.settings(values)
  method_flags.check(values)
  plan: dict[str, object] = {}
  if window is not None:
    plan['window'] = window
  if values.overlap and 'overlap' in table.METHODS[name].settings:
    plan['overlap'] = given['overlap'] = _overlap(values.overlap)
  elif values.overlap:
    plan['overlap'] = _overlap(values.overlap)
  if values.windows and name == 'magnet-fast':
    given['windows'] = command_line.windows(values.windows, 'windows')
  return recipes.make(model_flags.load(values, **plan), name, **given)


def _overlap(text: str) -> float | tuple[float, ...]:
  """The overlap of all stages, or of each; the last serves further stages."""
  parts = tuple(
    command_line.fraction(part, 'overlap') for part in text.split(',')
  )
  return parts if len(parts) > 1 else parts[0]


def _outputs(values: flags.FlagValues) -> Outputs:
  return Outputs(
    panel=values.panel,
    confidence=values.confidence,
    probabilities=values.probabilities,
    polygons=f'.{values.polygons}' if values.polygons else '',
    simplify=values.simplify,
    preview=pathlib.Path(values.preview) if values.preview else None,
  )
