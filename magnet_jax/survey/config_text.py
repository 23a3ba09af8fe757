"""The config that `init` writes: short, and every value with its reason."""

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
_BODY = """\
  config.plan.network = {network}  # height, width
  # Are mirrored and rotated images as likely as yours? In street scenes, where
  # up and down differ, set flip_vertical and rotate to False.
  config.augment.flip_vertical = True
  config.augment.rotate = {rotate}
  # How the model is run (scales, fusion, windows, K) is chosen on this many
  # images of val after the training; magnet-jax tune chooses it at any time.
  config.refine.points = 0.5
  config.tune.images = {tune_images}
{weights}\
  # Steps suited to the number of your pixels; more is better, especially while
  # the validation score still rises. Small crops teach more than large windows.
  segmenter, refiner = config.train.segmenter, config.train.refiner
  segmenter.steps = {segmenter_steps}
  segmenter.batch = {batch}
  segmenter.crop = {crop}
  segmenter.validate_every = {segmenter_every}
  refiner.steps = {refiner_steps}
  refiner.crop = {refiner_crop}
  refiner.validate_every = {refiner_every}
  return config
"""
_WEIGHTS = """\
  # About frequency ** -1/3, so that rare classes weigh more.
  weights = {values}
  config.train.segmenter.class_weights = weights
  config.train.refiner.class_weights = weights
"""


def write(
  proposal: Proposal,
  *,
  name: str,
  splits: Mapping[str, int],
  reading: Mapping[str, object],
  num_classes: int,
  median: str,
) -> str:
  """Returns the text of a config.

  Args:
    proposal: the settings.
    name: of the data.
    splits: number of images by split.
    reading: settings of `data` that differ from the defaults.
    num_classes: number of classes.
    median: the median size, in words.
  """
  settings = vars(proposal)
  stages = ' -> '.join(f'{width}x{height}' for height, width in proposal.stages)
  lines = [
    *(
      f"  config.data.{split} = str(HERE / '{split}.txt')  # {count} images"
      for split, count in splits.items()
      if count
    ),
    *(f'  config.data.{key} = {value!r}' for key, value in reading.items()),
    textwrap.fill(
      f'The median size of the images is {median}: stage 0 sees a whole image '
      'at once, and each stage at most doubles the size (width x height: '
      f'{stages}). A larger network input is better and slower.',
      80,
      initial_indent='  # ',
      subsequent_indent='  # ',
    ),
  ]
  weights = _WEIGHTS.format(values=_tuple(proposal.weights))
  square = '' if proposal.rotate else '  # windows are not square'
  body = _BODY.format_map(
    settings
    | {
      'rotate': f'{proposal.rotate}{square}',
      'weights': weights if num_classes > 1 else '',
      'segmenter_every': max(1, proposal.segmenter_steps // 4),
      'refiner_every': max(1, proposal.refiner_steps // 2),
    }
  )
  return _HEAD.format(name=name) + '\n'.join(lines) + '\n' + body


def _tuple(values: tuple[float, ...]) -> str:
  text = str(values)
  if len(text) <= 66:
    return text
  inside = textwrap.indent(textwrap.fill(f'{text[1:-1]},', 76), '    ')
  return f'(\n{inside}\n  )'
