"""Measures this package beside another program, in alternation on one core.

    python experiments/original/side_by_side.py --image=photo.png \\
      --theirs='cd ~/MagNet && python … {image} … {out}'
    python experiments/original/side_by_side.py --image=photo.png \\
      --theirs_function=~/mine.py:segment --theirs_python=~/env/bin/python

The first starts both anew for each image, with all that takes; in the second
both have loaded and compiled everything: segment(path) -> labels is the
reader's own function. Without either, only this package is measured, by engine.
"""

import argparse
from collections.abc import Callable, Mapping
import contextlib
import dataclasses
import functools
import os
import pathlib
import shlex
import statistics
import sys
import tempfile

import numpy as np
import seeded_models
from seeded_models import Configuration
from subjects import Command, Subject, Taken, Warm

from magnet_jax.files import atomic, images, records
from magnet_jax.scenes import generator
from magnet_jax.types import InputError

_OURS = pathlib.Path(__file__).with_name('ours.py')
_HEADS = ('seconds', 'ratio', '(spread)', 'MB', 'alike %')
_WIDTHS = (9, 7, 14, 7, 10)
Make = Callable[[], Subject]


@dataclasses.dataclass(frozen=True)
class Row:
  """What a subject took for a configuration's image.

  Attributes:
    configuration: its name.
    windows: of it.
    subject: the program, engine and precision.
    seconds: of the processor, of each image.
    ratios: to the first subject's, of each image, in the same turn.
    peak_mb: the most memory of its process.
    alike: share of labels that are the first subject's; None without labels.
  """

  configuration: str
  windows: int
  subject: str
  seconds: tuple[float, ...]
  ratios: tuple[float, ...]
  peak_mb: float
  alike: float | None

  def line(self) -> str:
    """Returns its line of the table."""
    low, high = min(self.ratios), max(self.ratios)
    cells = (
      f'{statistics.median(self.seconds):.1f}',
      f'{statistics.median(self.ratios):.2f}',
      f'({low:.2f}-{high:.2f})',
      f'{self.peak_mb:.0f}',
      '-' if self.alike is None else f'{100 * self.alike:.3f}',
    )
    text = f'{self.configuration:17}{self.windows:7}  {self.subject:22}'
    return text + _joined(cells)


def _joined(cells: tuple[str, ...]) -> str:
  return ''.join(c.rjust(w) for c, w in zip(cells, _WIDTHS, strict=True))


def _head() -> str:
  return f'{"configuration":17}{"windows":>7}  {"":22}' + _joined(_HEADS)


def compare(
  name: str,
  configuration: Configuration,
  makes: Mapping[str, Make],
  image: pathlib.Path,
  repeats: int,
) -> list[Row]:
  """Measures subjects in turns; warm ones have segmented the image before."""
  taken: dict[str, list[Taken]] = {subject: [] for subject in makes}
  with contextlib.ExitStack() as stack:
    subjects: dict[str, Subject] = {}
    for subject, make in makes.items():
      subjects[subject] = made = make()
      stack.callback(made.close)
      if isinstance(made, Warm):
        made(image)
    for _ in range(repeats):
      for subject, segment in subjects.items():
        taken[subject].append(segment(image))
  first = next(iter(taken.values()))
  return [
    Row(
      name,
      configuration.count(),
      subject,
      tuple(each.seconds for each in found),
      tuple(
        each.seconds / other.seconds
        for each, other in zip(found, first, strict=True)
      ),
      max(each.peak_mb for each in found),
      _alike(found[-1].labels, first[-1].labels),
    )
    for subject, found in taken.items()
  ]


def _alike(ours: np.ndarray | None, theirs: np.ndarray | None) -> float | None:
  if ours is None or theirs is None:
    return None
  if ours.shape != theirs.shape:
    raise InputError(
      f'labels of {ours.shape} and {theirs.shape}: must be of one size; let '
      'both programs write labels of the whole image'
    )
  return float((ours == theirs).mean())


def _makes(
  given: argparse.Namespace, configuration: Configuration, work: pathlib.Path
) -> dict[str, Make]:
  """The subjects of a configuration, theirs first, by their names."""
  checkpoint = given.checkpoint
  if not checkpoint:
    checkpoint = str(work / 'seeded.npz')
    seeded_models.write(configuration, pathlib.Path(checkpoint))
  table = configuration.meta().classes
  assert table
  makes: dict[str, Make] = {}
  warm = functools.partial(Warm, folder=work)
  if given.theirs:
    makes['theirs'] = functools.partial(Command, given.theirs, table)
  elif given.theirs_function:
    function = os.path.expanduser(given.theirs_function)
    python = os.path.expanduser(given.theirs_python)
    makes['theirs'] = functools.partial(warm, function, python=python)
  chosen = {'checkpoint': checkpoint, 'pipeline': given.pipeline}
  for word in given.engines.split(','):
    engine, _, precision = word.strip().partition(':')
    settings = {
      **chosen, 'engine': engine, 'precision': precision or 'float32'
    }  # fmt: skip
    makes[word.strip()] = (
      functools.partial(Command, _command(**settings), table)
      if given.theirs
      else functools.partial(warm, f'{_OURS}:load', settings)
    )
  return makes


def _command(
  *, checkpoint: str, pipeline: str, engine: str, precision: str
) -> str:
  """The command of ours that starts anew, as theirs."""
  words = [
    sys.executable, '-m', 'magnet_jax', 'segment', '{image}', '--out={out}',
    f'--checkpoint={checkpoint}', f'--pipeline={pipeline}',
    f'--engine={engine}', f'--precision={precision}',
    '--nopanel',
  ]  # fmt: skip
  return shlex.join(words)


def _parser() -> argparse.ArgumentParser:
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  add = parser.add_argument
  add(
    '--configurations',
    default='deepglobe',
    metavar='NAME,…',
    help=f'of {", ".join(seeded_models.CONFIGURATIONS)}; default deepglobe',
  )
  add(
    '--image',
    type=pathlib.Path,
    help='of the size of the configuration; a generated one by default',
  )
  add('--theirs', default='', metavar='COMMAND', help='with {image} and {out}')
  add('--theirs_function', default='', metavar='FILE.py:NAME')
  add(
    '--theirs_python',
    default=sys.executable,
    metavar='PYTHON',
    help='the interpreter of --theirs_function; this one by default',
  )
  add(
    '--checkpoint',
    default='',
    metavar='RUN',
    help='of ours; seeded weights by default, see seeded_models.py',
  )
  add('--pipeline', choices=('aligned', 'released'), default='aligned')
  add(
    '--engines',
    default='xla',
    metavar='NAME[:PRECISION],…',
    help='of ours, such as xla,openvino,openvino:bfloat16,onnxruntime',
  )
  add('--repeats', type=int, default=3, help='timed images; default 3')
  add('--core', type=int, default=0, help='that all run on; default 0')
  add('--json', default='', metavar='FILE', help='writes all figures to it')
  return parser


def _check(given: argparse.Namespace) -> None:
  if given.theirs and given.theirs_function:
    raise InputError('--theirs --theirs_function: leave one of them out')
  if given.repeats < 1:
    raise InputError(f'--repeats={given.repeats}: must be at least 1')
  if given.image and not given.image.is_file():
    raise InputError(f'--image={given.image}: no such file')


def main(argv: list[str]) -> int:
  """Prints the table; returns the exit status."""
  parser = _parser()
  given = parser.parse_args(argv)
  rows: list[Row] = []
  try:
    _check(given)
    if given.json:
      atomic.prepare_folder(pathlib.Path(given.json).parent)
    chosen = seeded_models.select(given.configurations)
    if hasattr(os, 'sched_setaffinity'):
      os.sched_setaffinity(0, {given.core})
    print(_head(), flush=True)
    for name, configuration in chosen.items():
      with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        image = given.image
        if image is None:
          image = work / 'image.png'
          scene = generator.generate(0, configuration.size)
          images.write_image(image, scene.image)
        makes = _makes(given, configuration, work)
        found = compare(name, configuration, makes, image, given.repeats)
      rows += found
      print('\n'.join(row.line() for row in found), flush=True)
  except (InputError, OSError) as error:
    parser.error(str(error))
  print(
    'seconds: of the processor, median; ratio: to the first row, median over '
    f'the turns; MB: most\nof the process; {"anew" if given.theirs else "warm"}'
    f', {given.repeats} turns on core {given.core}, {given.pipeline}'
  )
  if given.json:
    records.write_json(
      given.json,
      {'rows': [dataclasses.asdict(row) for row in rows]}
      | {'settings': {k: str(v) for k, v in vars(given).items()}},
    )
  return 0


if __name__ == '__main__':
  sys.exit(main(sys.argv[1:]))
