"""The config that is written: small, and every value with its reason."""

from collections.abc import Mapping
import textwrap

from magnet_jax.survey.proposal import Proposal

NAME = 'config.py'


def write(
  proposal: Proposal,
  *,
  title: str,
  splits: Mapping[str, int],
  reading: Mapping[str, str],
  classes: int,
  median: str,
) -> str:
  """The text of a config.

  Args:
    proposal: the settings.
    title: a line on what it is for.
    splits: number of images by split.
    reading: settings of `data` that differ from the defaults, as code, with
      the reason after two blanks and a #.
    classes: number of classes.
    median: the median size, in words.
  """
  used = [name for name, count in splits.items() if count]
  weights = _tuple(proposal.weights)
  stages = ' -> '.join(f'{w}x{h}' for h, w in proposal.stages)
  lines = [
    f'"""{title}',
    '',
    'Written by magnet-jax init; change it as you like. Its sections are those',
    'of configs/default.py, where every setting is explained.',
    '"""',
    '',
    'import pathlib',
    '',
    'from configs import default',
    '',
    'HERE = pathlib.Path(__file__).resolve().parent  # lists and classes.json',
    '',
    '',
    'def get_config():',
    '  """Returns the settings."""',
    '  config = default.get_config()',
    "  config.data.kind = 'files'",
    "  config.data.classes = str(HERE / 'classes.json')",
  ]
  lines += [
    f"  config.data.{name} = str(HERE / '{name}.txt')  # {splits[name]} images"
    for name in used
  ]
  lines += [f'  config.data.{name} = {code}' for name, code in reading.items()]
  lines += _comment(
    f'Images are {median} in the median: stage 0 sees all of it at once, and '
    f'each stage at most doubles it (width x height: {stages}). Larger is '
    'better and slower.'
  )
  lines += [f'  config.plan.network = {proposal.network}  # height, width']
  lines += _comment(
    'Mirrored and turned images are as likely as yours? In street scenes, '
    'where up and down differ, set flip_vertical and rotate to False.'
  )
  lines += [
    '  config.augment.flip_vertical = True',
    f'  config.augment.rotate = {proposal.rotate}'
    + ('' if proposal.rotate else '  # windows are not square'),
  ]
  lines += _comment(
    'K: the share of the pixels that a window may correct. If MagNet is below '
    'downsample, try less: magnet-jax evaluate … --points=0.05'
  )
  lines += ['  config.refine.points = 0.5']
  if classes > 1:
    lines += _comment('About frequency ** -1/3: rare classes weigh more.')
    lines += [
      f'  weights = {weights}',
      '  config.train.segmenter.class_weights = weights',
      '  config.train.refiner.class_weights = weights',
    ]
  lines += _comment(
    'Steps for the number of your pixels; more is better, above all while the '
    'validation still rises. Small crops teach more than large windows.'
  )
  lines += [
    '  segmenter, refiner = config.train.segmenter, config.train.refiner',
    f'  segmenter.steps = {proposal.segmenter_steps}',
    f'  segmenter.batch = {proposal.batch}',
    f'  segmenter.crop = {proposal.crop}',
    f'  segmenter.validate_every = {max(1, proposal.segmenter_steps // 4)}',
    f'  refiner.steps = {proposal.refiner_steps}',
    f'  refiner.crop = {proposal.crop}',
    f'  refiner.validate_every = {max(1, proposal.refiner_steps // 2)}',
    '  return config',
  ]
  return '\n'.join(lines) + '\n'


def _comment(text: str) -> list[str]:
  return textwrap.wrap(
    text, 80, initial_indent='  # ', subsequent_indent='  # '
  )


def _tuple(values: tuple[float, ...]) -> str:
  text = f'({", ".join(map(str, values))}{"," if len(values) == 1 else ""})'
  if len(text) <= 66:
    return text
  inside = textwrap.wrap(
    text[1:-1] + ',', 80, initial_indent='    ', subsequent_indent='    '
  )
  return '\n'.join(['(', *inside, '  )'])
