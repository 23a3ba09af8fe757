"""A template for your own data; `magnet-jax init FOLDER` writes one like it.

Source: none; the values are those that init proposes for 30 images of about
1000x1000. Copy this file and custom_classes.json, and edit what is marked.
Command: magnet-jax train --config=PATH/custom.py --workdir=runs/mine
Then: magnet-jax evaluate --checkpoint=runs/mine --split=test --out=DIR
Time: half an hour on two CPU cores.
Score: depends on your images; experiments/own_data is an example.
"""

import pathlib

import ml_collections

from magnet_jax.configs import default

HERE = pathlib.Path(__file__).resolve().parent


def get_config() -> ml_collections.ConfigDict:
  """Returns the settings of the template."""
  config = default.get_config()
  config.data.kind = 'files'
  # Change: names and colours of the classes, and the values, or colours as
  # [red, green, blue], that stand for them in your label files.
  config.data.classes = str(HERE / 'custom_classes.json')
  # Change: lists of image<TAB>label lines, relative to the list, or folders
  # with images/ and labels/ in them. Images of the same ground, street or
  # patient belong in one split.
  for split in ('train', 'val', 'test'):
    config.data[split] = f'data/mine/{split}.txt'
  # Change for images that do not have 1 or 3 bands or that have more than 8
  # bits, or if labels ignore the EXIF orientation.
  config.data.bands = ()  # such as (4, 3, 2)
  config.data.stretch = 'none'  # such as '2-98' or '0,4095'
  config.data.turn = True
  # Change: an image halved until about 250 per side, as (height, width).
  # Larger is better and slower.
  config.plan.network = (250, 250)
  # Change: the scale at which an image has about four windows a side, at most
  # half; where full size has more than eight, set plan.window to twice the
  # network's input.
  config.plan.first = 0.5
  config.plan.factor = 'half-octave'
  config.plan.overlap = (0.25, 0.0)
  # The maps of the stages are averaged, by weights that a gate finds for each
  # pixel. 'mean' is faster; 'magnet' trains a refiner, for hundreds of images.
  config.refine.fusion = 'scale_attention'
  # How the model is run (scales, fusion, windows) is chosen on this many images
  # of val after the training; 0 keeps the settings.
  config.tune.images = 10
  # Change: False where up and down differ, as in street scenes; quarter turns
  # need square windows.
  config.augment.flip_vertical = True
  config.augment.rotate = True
  # Change: one weight per class, about frequency ** -1/3; () for equal weights.
  weights = (0.8, 1.6)
  config.train.segmenter.class_weights = weights
  config.train.refiner.class_weights = weights
  # A network that starts from ImageNet weights, of magnet-jax[pretrained].
  config.segmenter = ml_collections.ConfigDict()
  config.segmenter.name, config.segmenter.trunk = 'fpn', 'efficientnet_lite0'
  config.segmenter.pyramid, config.segmenter.head = 48, 24  # features
  config.train.segmenter.init = 'imagenet'
  config.train.segmenter.rate = 1e-3
  config.train.segmenter.steps = 2200
  config.train.segmenter.hours = 0.45  # at most
  config.train.segmenter.batch = 8
  config.train.segmenter.crop = (168, 168)
  # The gate, and the segmenter with it.
  config.train.refiner.steps = 200
  return config
