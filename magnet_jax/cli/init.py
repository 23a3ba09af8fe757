"""`magnet-jax init`."""

import contextlib
import functools
import pathlib
import shlex

from absl import flags
import tqdm

from magnet_jax.cli import messages
from magnet_jax.cli.command_line import Arguments
from magnet_jax.files import atomic
from magnet_jax.survey import config_text, output
from magnet_jax.survey import survey as surveys
from magnet_jax.types import InputError

NAMES = True
HELP = """
  usage: magnet-jax init FOLDER [--out=DIR] [flags]

  Inspects your images and labels and writes a config for train and evaluate.
  FOLDER holds them in any usual layout: images/ and labels/ (or masks/,
  annotations/), or NAME.jpg beside NAME_mask.png, both optionally in train/,
  val/ and test/; or it is a list of image<TAB>label lines. Labels hold values
  or colours; annotations in COCO's form or exported by Label Studio as JSON are
  drawn to DIR/drawn_labels. Reports what it finds, each problem with its fix,
  and writes to DIR config.py, train.txt, val.txt, test.txt, classes.json
  (rename classes there), findings.json, and index.html, which shows images with
  their labels. What you have changed in these is not replaced unless you say
  --force.

  examples:
    magnet-jax init photos
    magnet-jax init photos --classes=names.txt --out=setup
    magnet-jax train --config=photos/magnet_jax/config.py --workdir=runs/mine
    magnet-jax evaluate --checkpoint=runs/mine --split=test --out=runs/mine/test
"""


def define(values: flags.FlagValues) -> None:
  """Defines the flags."""
  text = functools.partial(flags.DEFINE_string, flag_values=values)
  group = 'data'
  text(
    'classes',
    '',
    'FILE|NAME: names of the classes, one per line (.txt, .csv with colours, '
    '.json), or a known class table; if not given, looks for classes.json, '
    'classes.txt, class_dict.csv or labelmap.txt',
    module_name=group,
  )
  text(
    'labels',
    '',
    'DIR|FILE.json: the folder of the labels, where FOLDER has several that '
    'could be it, or the file of annotations to draw them from',
    module_name=group,
  )
  flags.DEFINE_integer(
    'seed',
    0,
    'N: seed for drawing the splits, if there are none',
    flag_values=values,
    module_name=group,
  )
  text(
    'out',
    '',
    'DIR: where to write; magnet_jax in FOLDER if not given',
    module_name='output',
  )
  flags.DEFINE_bool(
    'force',
    False,
    'replace files in DIR even if they were changed since init wrote them',
    flag_values=values,
    module_name='output',
  )


def run(arguments: Arguments) -> int:
  """Inspects the data, writes the files and prints the next commands."""
  values, names = arguments.flags, arguments.names
  if len(names) != 1:
    raise InputError(
      f'init: {len(names)} arguments: must be one FOLDER; see magnet-jax init '
      '--help'
    )
  folder = pathlib.Path(names[0])
  base = folder.parent if folder.is_file() else folder
  out = pathlib.Path(values.out) if values.out else base / 'magnet_jax'
  with (
    atomic.made_for(out) if base.is_dir() else contextlib.nullcontext(),
    atomic.withdrawn(),  # labels that were drawn before all was looked at
  ):
    lines, found = _survey(folder, out, values)
  messages.tell('\n'.join(lines))
  messages.tell(f'\nlook at {out / "index.html"}, then')
  _next(out, 'test' if found.of_split('test') else 'val')
  return 0


def _labels(folder: pathlib.Path, named: str) -> pathlib.Path:
  """Returns the path of --labels, which may also be one inside of FOLDER."""
  path = pathlib.Path(named)
  inside = folder / path
  return inside if inside.exists() and not path.exists() else path


def _survey(
  folder: pathlib.Path, out: pathlib.Path, values: flags.FlagValues
) -> tuple[list[str], surveys.Survey]:
  bars: dict[str, tqdm.tqdm] = {}

  def progress(name: str, total: int) -> None:
    if name not in bars:
      bars[name] = tqdm.tqdm(
        total=total, desc=name, dynamic_ncols=True, disable=None
      )
    bars[name].update()

  try:
    found = surveys.survey(
      folder,
      out,
      classes=values.classes,
      labels=_labels(folder, values.labels) if values.labels else None,
      seed=values.seed,
      force=values.force,
      progress=progress,
    )
  finally:
    for bar in bars.values():
      bar.close()
  return output.write(found, out, force=values.force), found


def _next(out: pathlib.Path, split: str) -> None:
  config = shlex.quote(str(out / config_text.NAME))
  messages.tell(f'magnet-jax train --config={config} --workdir=runs/mine')
  messages.tell(
    f'magnet-jax evaluate --checkpoint=runs/mine --split={split} '
    f'--out=runs/mine/{split}'
  )
