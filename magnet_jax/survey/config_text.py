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

{imports}from magnet_jax.configs import default

HERE = pathlib.Path(__file__).resolve().parent  # lists and classes.json


def get_config():
  """Returns the settings."""
  config = default.get_config()
  config.data.kind = 'files'
  config.data.classes = str(HERE / 'classes.json')
'''
_BODY = """\
  config.plan.network = {network}  # height, width
{window}  config.plan.first = {first:g}
  config.plan.factor = {factor!r}
  config.plan.overlap = {overlap!r}
  # The maps of the stages are averaged, by weights that a gate finds for each
  # pixel. 'mean' is faster; 'magnet' trains a refiner, for hundreds of images.
  config.refine.fusion = {fusion!r}
  # How the model is run (scales, fusion, windows) is chosen on this many images
  # of val after the training; magnet-jax tune chooses it at any time.
  config.tune.images = {tune_images}
  # Are mirrored and rotated images as likely as yours? In street scenes, where
  # up and down differ, set flip_vertical and rotate to False.
  config.augment.flip_vertical = True
  config.augment.rotate = {rotate}
{weights}\
  segmenter, refiner = config.train.segmenter, config.train.refiner
{trunk}\
  # Training ends after these steps or hours, or once val no longer rises. If it
  # still did, raise both.
  segmenter.steps = {segmenter_steps}
  segmenter.hours = {hours:g}
  segmenter.batch = {batch}
  segmenter.crop = {crop}  # small crops teach more than large windows
  # The gate, and the segmenter with it.
  refiner.steps = {gate_steps}
  return config
"""
_WINDOW = """\
  # Windows are shrunk to half for the networks, which then see more context.
  config.plan.window = {window}
"""
_TRUNK = """\
  # A network that starts from ImageNet weights, of magnet-jax[pretrained].
  config.segmenter = ml_collections.ConfigDict()
  config.segmenter.name, config.segmenter.trunk = 'fpn', {trunk!r}
  config.segmenter.pyramid, config.segmenter.head = 48, 24  # features
  segmenter.init = 'imagenet'
  segmenter.rate = 1e-3
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
      f'The median size of the images is {median}: the stages work at '
      f'{stages}, in windows of the size of the network input. A '
      'larger one is better and slower.',
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
      'window': _WINDOW.format_map(settings) if any(proposal.window) else '',
      'weights': weights if num_classes > 1 else '',
      'trunk': _TRUNK.format_map(settings) if proposal.trunk else '',
    }
  )
  imports = 'import ml_collections\n\n' if proposal.trunk else ''
  return (
    _HEAD.format(name=name, imports=imports) + '\n'.join(lines) + '\n' + body
  )


def _tuple(values: tuple[float, ...]) -> str:
  text = str(values)
  if len(text) <= 66:
    return text
  inside = textwrap.indent(textwrap.fill(f'{text[1:-1]},', 76), '    ')
  return f'(\n{inside}\n  )'
