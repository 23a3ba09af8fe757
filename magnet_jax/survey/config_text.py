"""The config that is written: small, and every value with its reason."""

from collections.abc import Mapping
import textwrap

from magnet_jax.survey.proposal import Proposal

NAME = 'config.py'
_HEAD = '''\
"""Settings for {name}.

Written by magnet-jax init; change it as you like. Its sections are those of
configs/default.py, where every setting is explained.
"""

import pathlib

from magnet_jax.configs import default

HERE = pathlib.Path(__file__).resolve().parent  # lists and classes.json


def get_config():
  """Returns the settings."""
  config = default.get_config()
  config.data.kind = 'files'
  config.data.classes = str(HERE / 'classes.json')
'''


def write(
  proposal: Proposal,
  *,
  name: str,
  splits: Mapping[str, int],
  reading: Mapping[str, object],
  classes: int,
  median: str,
) -> str:
  """The text of a config.

  Args:
    proposal: the settings.
    name: of the data.
    splits: number of images by split.
    reading: settings of `data` that differ from the defaults.
    classes: number of classes.
    median: the median size, in words.
  """
  lines = [
    *_HEAD.format(name=name).splitlines(),
    *_data(splits, reading),
    *_windows(proposal, median),
    *(_weights(proposal.weights) if classes > 1 else ()),
    *_training(proposal),
    '  return config',
  ]
  return '\n'.join(lines) + '\n'


def _data(
  splits: Mapping[str, int], reading: Mapping[str, object]
) -> list[str]:
  lines = [
    f"  config.data.{name} = str(HERE / '{name}.txt')  # {count} images"
    for name, count in splits.items()
    if count
  ]
  return lines + [f'  config.data.{k} = {v!r}' for k, v in reading.items()]


def _windows(proposal: Proposal, median: str) -> list[str]:
  stages = ' -> '.join(f'{w}x{h}' for h, w in proposal.stages)
  why = '' if proposal.rotate else '  # windows are not square'
  return [
    *_comment(
      f'Images are {median} in the median: stage 0 sees all of it at once, and '
      f'each stage at most doubles it (width x height: {stages}). Larger is '
      'better and slower.'
    ),
    f'  config.plan.network = {proposal.network}  # height, width',
    *_comment(
      'Mirrored and turned images are as likely as yours? In street scenes, '
      'where up and down differ, set flip_vertical and rotate to False.'
    ),
    '  config.augment.flip_vertical = True',
    f'  config.augment.rotate = {proposal.rotate}{why}',
    *_comment(
      'K, the share of the pixels that a window may correct, is chosen on so '
      'many images of val once the refiner is trained. 0 leaves it at 0.5; '
      'magnet-jax tune chooses it at any time.'
    ),
    '  config.refine.points = 0.5',
    f'  config.tune.images = {proposal.tune_images}',
  ]


def _weights(weights: tuple[float, ...]) -> list[str]:
  return [
    *_comment('About frequency ** -1/3: rare classes weigh more.'),
    f'  weights = {_tuple(weights)}',
    '  config.train.segmenter.class_weights = weights',
    '  config.train.refiner.class_weights = weights',
  ]


def _training(proposal: Proposal) -> list[str]:
  return [
    *_comment(
      'Steps for the number of your pixels; more is better, above all while '
      'the validation still rises. Small crops teach more than large windows.'
    ),
    '  segmenter, refiner = config.train.segmenter, config.train.refiner',
    f'  segmenter.steps = {proposal.segmenter_steps}',
    f'  segmenter.batch = {proposal.batch}',
    f'  segmenter.crop = {proposal.crop}',
    f'  segmenter.validate_every = {max(1, proposal.segmenter_steps // 4)}',
    f'  refiner.steps = {proposal.refiner_steps}',
    f'  refiner.crop = {proposal.refiner_crop}',
    f'  refiner.validate_every = {max(1, proposal.refiner_steps // 2)}',
  ]


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
