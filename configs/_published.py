"""What the published trainings of all data sets share; not itself a config.

Source: Huynh et al., CVPR 2021, and the settings released with it.
"""

import ml_collections

_SEGMENTER_EPOCHS, _SEGMENTER_BATCH = 484, 12
_REFINER_EPOCHS, _REFINER_BATCH = 50, 8


def data(config: ml_collections.ConfigDict, name: str, classes: str) -> None:
  """Sets a prepared data set, with horizontal flips as the only augmentation.

  Args:
    config: the settings to change.
    name: of the data set, see magnet-jax prepare.
    classes: its class table.
  """
  config.data.kind = 'tfds'
  config.data.name = name
  config.data.classes = classes
  config.augment.flip_vertical = False
  config.augment.rotate = False
  for tone in ('brightness', 'contrast', 'gamma', 'channels', 'saturation'):
    config.augment[tone] = 1.0
  config.augment.hue = 0.0


def refinement(
  config: ml_collections.ConfigDict, *, points: float | str, kernel: int
) -> None:
  """Sets K, which counts per stage, and the refiner of the paper."""
  with config.ignore_type():  # a count is a string of digits
    config.refine.points = points
  config.refine.selection = 'image'
  config.refine.kernel = kernel
  config.refiner.width = 64
  config.refiner.momentum = 0.99
  config.refiner.prior = False
  config.correctors.iterative.width = 64
  config.correctors.iterative.momentum = 0.99
  cascade_psp = config.correctors.cascade_psp
  cascade_psp.trunk, cascade_psp.width = 'resnet50', 64
  cascade_psp.features, cascade_psp.hidden = 1024, 32
  cascade_psp.widths = (512, 256, 32)
  cascade_psp.side, cascade_psp.margin = 900, 16
  cascade_psp.reduction, cascade_psp.prior = 0.0, False
  cascade_psp.least_share, cascade_psp.smallest = 0.1, 1024
  segfix = config.correctors.segfix
  config.correctors.segfix = ml_collections.ConfigDict(
    {
      'start': segfix.start,
      'window': (512, 512),
      'trunk': 'hrnet48',
      'head': 256,
      'certainty': 0.0,
      'dtype': segfix.dtype,
    }
  )


def training(
  config: ml_collections.ConfigDict, *, images: int, rate: float
) -> None:
  """Sets SGD: polynomial decay for the segmenter, steps, OHEM for the refiner.

  Args:
    config: the settings to change.
    images: number in the training split, which makes an epoch.
    rate: learning rate of the segmenter.
  """
  for train in config.train.values():
    train.optimizer = 'sgd'
    train.weight_decay = 5e-4
    train.clip = 0.0
    train.warmup = 0
    train.average = 0.0
    train.scale_jitter = 1.0
    train.patience = 0
  segmenter, refiner = config.train.segmenter, config.train.refiner
  segmenter.batch = _SEGMENTER_BATCH
  segmenter.steps = _SEGMENTER_EPOCHS * images // _SEGMENTER_BATCH
  segmenter.rate = rate
  segmenter.validate_every = 10 * images // _SEGMENTER_BATCH
  refiner.batch = _REFINER_BATCH
  refiner.steps = _REFINER_EPOCHS * images // _REFINER_BATCH
  refiner.rate = 1e-3
  refiner.schedule = 'step'
  refiner.drops = (0.2, 0.4, 0.6, 0.8, 0.9)
  refiner.loss = 'ohem'
  refiner.validate_every = images // _REFINER_BATCH
  refiner.pairing = 'coarsest'
  # The deep guided filter's rate is that of its new layers, ten times 2.5e-4;
  # iterative refinement has none that is known.
  for name, peak in (('deep_guided', 2.5e-3), ('iterative', 1e-3)):
    train = config.train[name]
    train.rate = peak
    for same in ('batch', 'steps', 'validate_every'):
      train[same] = refiner[same]
    train.crop = (0, 0)
  # Cheng et al., CVPR 2020.
  masks = config.train.cascade_psp
  masks.optimizer = 'adamw'
  masks.batch, masks.steps = 12, 45_000
  masks.rate, masks.weight_decay = 2.25e-4, 1e-4
  masks.schedule, masks.drops = 'step', (1 / 2, 5 / 6)
  masks.crop = (224, 224)
  masks.least, masks.band = 0.8, 0
  masks.validate_every = 1000
  # Yuan et al., ECCV 2020, who cut windows of 512x512 out.
  offsets = config.train.segfix
  offsets.batch, offsets.steps, offsets.rate = 16, 80_000, 0.04
  offsets.crop = (0, 0)
  offsets.validate_every = 1000
