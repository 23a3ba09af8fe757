"""Every setting with its default: a small network on generated scenes.

The other configs override some of these fields. Only the commands and the
training loop see a config.

Source: none; the values have worked well on small sets.
Command: magnet-jax train --config=default --workdir=runs/default
Time: half an hour on two CPU cores, estimated from that of a step.
Score: not measured; configs/scenes.py is close to it.
"""

import ml_collections
from ml_collections import config_dict


def get_config() -> ml_collections.ConfigDict:
  """Returns the default settings."""
  config = ml_collections.ConfigDict()
  config.seed = 0  # for initial weights, sampling and augmentation

  config.data = ml_collections.ConfigDict()
  data = config.data
  data.kind = 'scenes'  # 'scenes' (generated), 'files', or 'tfds' (prepared)
  data.classes = 'scenes'  # a class table's name, or a .json file of one
  data.name = ''  # tfds: name of the data set, see magnet-jax prepare
  data.data_dir = ''  # tfds: their folder; '': $TFDS_DATA_DIR or default
  # files: a list of image<TAB>label, or a folder; tfds: a split or a part of
  # one, such as 'train[:90%]'; '' takes the split of the same name.
  data.train = ''
  data.val = ''
  data.test = ''
  data.colours = False  # files: labels are colours of the class table
  data.bands = ()  # files: bands of red, green, blue, from 1; () is automatic
  data.stretch = 'none'  # files: for more than 8 bits: '2-98', '0,4095', …
  data.turn = True  # files: apply the EXIF orientation; False ignores it
  data.cache_mb = 2000  # decoded images kept in memory, per worker
  data.workers = 0  # processes that read ahead; 0 uses threads
  data.scene_size = (2448, 2448)  # scenes: (height, width)
  data.train_scenes = 32  # scenes: number per split
  data.val_scenes = 4
  data.test_scenes = 10
  data.first_seed = 1000  # scenes: seeds of test, then val, then train

  config.augment = ml_collections.ConfigDict()
  config.augment.flip_horizontal = True
  config.augment.flip_vertical = True
  config.augment.rotate = True  # quarter turns; needs square windows
  # Tones, as of another camera or day: each factor j is drawn from [1/j, j],
  # log-uniformly; 1 for none.
  config.augment.brightness = 1.7
  config.augment.contrast = 1.4  # of the distance from mid-grey
  config.augment.gamma = 1.4  # exponent
  config.augment.channels = 1.15  # of red, green and blue, each on its own
  config.augment.saturation = 1.4
  config.augment.hue = 4.0  # largest rotation, in degrees

  config.plan = ml_collections.ConfigDict()
  plan = config.plan
  plan.network = (306, 306)  # input of the networks, (height, width)
  plan.window = (0, 0)  # window in pixels of its stage; 0 takes the network's
  # Scale of a side at which the first stage works, in windows; 0: the whole
  # image in one window.
  plan.first = 0.0
  plan.last = 1.0  # the same of the last stage; below 1 the result is enlarged
  # Largest growth of a side from stage to stage: a number, 'octave' (2) or
  # 'half-octave'.
  plan.factor = _of_any_type(2.0)
  plan.stages = 0  # number of stages; 0 follows the factor
  plan.scales = ()  # sizes of the stages, coarse to fine; () is automatic
  # Smallest overlap of neighbouring windows, in [0, 1): one for all stages, or
  # one per stage, such as (0.25, 0.0), the last of which serves further stages.
  plan.overlap = _of_any_type(0.0)

  config.refine = ml_collections.ConfigDict()
  refine = config.refine
  refine.points = 0.9  # K: a fraction of the pixels, or '32768' for a count
  refine.selection = 'window'  # K per 'window' or per 'image'
  refine.kernel = 5  # side of the median filter, odd
  # Share of the windows computed after the first stage, highest scores first:
  # of all of them, coarse stages first; or one per stage, such as (0.5, 0.2),
  # the last of which serves further stages.
  refine.windows = _of_any_type(1.0)
  # Score of a window: 'outlines', the share of its pixels where the class
  # changes, or 'mean', the mean uncertainty.
  refine.window_score = 'outlines'
  refine.min_uncertainty = 0.0  # smallest mean of a refined window
  refine.mix = 0.0  # share of the windows' own segmentation in the last stage
  # How the maps of two stages become one: 'magnet', by the trained refiner,
  # 'mean', the running mean of all stages, 'scale_attention', that mean weighed
  # by a gate on the segmenter's features, or 'auto': the trained refiner or
  # gate, or 'mean' if there is none.
  refine.fusion = 'auto'
  refine.stage_weights = ()  # of the stages in the mean; () is equal
  # One number per class: its weight in the mean grows by exp(trend) from stage
  # to stage; positive for classes that fine stages find best.
  refine.trends = ()
  refine.bias = ()  # one number per class, added to the segmenter's logits
  # Views of each window whose probabilities are averaged: 1; 2, also mirrored
  # left to right; 4, both also upside down.
  refine.flips = 1
  # Of the guided filter that is the last stage and moves outlines to edges of
  # the image, in pixels; 0: none.
  refine.filter_radius = 0
  refine.batch = 0  # windows per device at a time; 0: as many as fit

  config.segmenter = ml_collections.ConfigDict()
  segmenter = config.segmenter
  segmenter.name = 'fpn'  # or 'mynets:Net'; the other fields are its settings
  segmenter.trunk = 'resnet18'
  segmenter.width = 16  # features of the first level
  segmenter.pyramid = 32  # features of the feature pyramid
  segmenter.head = 16  # features per level before the classifier
  segmenter.stem_stride = 2
  segmenter.pool = False  # max-pool in the trunk; False: logits at half size
  segmenter.dtype = 'float32'  # of the computation, or 'bfloat16'

  config.refiner = ml_collections.ConfigDict()
  config.refiner.count = 1  # 1: shared by all stages; else one per stage
  config.refiner.width = 32  # features of the first convolutions
  config.refiner.momentum = 0.9  # of its batch statistics, for short trainings
  config.refiner.prior = True  # start from the mean of both maps
  config.refiner.dtype = 'float32'

  # Correctors of finished maps, each trained by --stage=NAME; the published
  # settings are the defaults of refiners/NAME.py. Each is trained on the maps
  # of a method, 'patch' or 'downsample', which is also what it then starts
  # from, unless --start names another.
  config.correctors = ml_collections.ConfigDict()
  config.correctors.deep_guided = ml_collections.ConfigDict()
  deep_guided = config.correctors.deep_guided
  deep_guided.start = 'patch'
  deep_guided.width = 64  # features of the network that makes the guides
  deep_guided.radius = 4  # of the boxes, in pixels
  deep_guided.eps = 1e-2  # variance of a guide below which an area is flat
  config.correctors.iterative = ml_collections.ConfigDict()
  iterative = config.correctors.iterative
  iterative.start = 'patch'
  iterative.width = 32  # features of the first convolutions
  iterative.momentum = 0.97  # of its batch statistics, in each round
  iterative.prior = True  # start from the map
  iterative.times = 3  # how often it corrects its own result
  config.correctors.cascade_psp = ml_collections.ConfigDict()
  cascade_psp = config.correctors.cascade_psp
  cascade_psp.start = 'patch'
  cascade_psp.trunk = 'resnet18'
  cascade_psp.width = 16  # features of the trunk's first level
  cascade_psp.features = 64  # after the pyramid
  cascade_psp.widths = (32, 16, 8)  # features at 1/4, 1/2 and full size
  cascade_psp.hidden = 8  # features before the logits
  cascade_psp.side = 256  # of the crops and of the reduced parts of an image
  cascade_psp.margin = 8  # pixels of a crop's sides that are not used
  # Times that a side may be reduced to see a part as a whole, 0 for any: larger
  # parts are seen in crops of full size only.
  cascade_psp.reduction = 1.0
  # Of a crop, inside and outside, below which it is left as it is. The
  # published 0.1 leaves out roads, and what they go through.
  cascade_psp.least_share = 0.0
  # Pixels that a part of a class must exceed. The published 32² leaves out
  # trees.
  cascade_psp.smallest = 64
  cascade_psp.stuff = ()  # classes that are surfaces rather than things
  cascade_psp.prior = True  # start from the mask
  config.correctors.segfix = ml_collections.ConfigDict()
  segfix = config.correctors.segfix
  segfix.start = 'patch'  # only to validate it: it is trained on labels alone
  segfix.window = (306, 306)  # that its network sees at a time, full size
  segfix.trunk = 'resnet18'  # the other fields are its settings
  segfix.width = 16  # features of its first level
  segfix.stem_stride = 2
  segfix.pool = False
  segfix.head = 64  # features of each head
  segfix.colours = 'normalised'  # 'blue_first': published weights
  # From 0 to 1, how much the probable directions must agree to move a label:
  # with few steps of training, uncertain ones spoil more than they mend.
  segfix.certainty = 0.7
  segfix.dtype = 'float32'

  config.train = ml_collections.ConfigDict()
  config.train.segmenter = _training(steps=1200, batch=6, rate=3e-3)
  config.train.refiner = _training(steps=200, batch=2, rate=3e-3)
  config.train.segmenter.auxiliary = 0.4  # weight of auxiliary heads' loss
  # Parts of a batch whose gradients are computed one after the other, with the
  # memory of one of them.
  config.train.segmenter.accumulate = 1
  # Factor of the trunk's learning rate; 0 freezes it, with its statistics.
  config.train.segmenter.trunk_rate = 1.0
  # How often each stage is sampled, coarse to fine; () is uniform.
  config.train.segmenter.stage_weights = ()
  config.train.refiner.segmenter = ''  # a run or model to use; '': this run's
  # The gate of 'scale_attention' is trained together with the segmenter, whose
  # learning rate is this share of its own.
  config.train.refiner.segmenter_rate = 0.1
  # The refiner sees windows at the exact scales of their stages.
  config.train.refiner.scale_jitter = 1.0
  # Whether it sees predictions for images that their segmenter was not trained
  # on, as at test time: 'folds' trains a further segmenter without each part of
  # the images; 'holdout' only one, and the refiner on the part left out; 'none'
  # uses those of the segmenter itself, as is right for generated scenes.
  config.train.refiner.unseen = 'none'
  config.train.refiner.folds = 3  # parts, 2 to 5
  config.train.refiner.fold_steps = 0.35  # of the segmenter's steps, for each
  # What the refiner is trained on: 'cascade' is what it sees at test time,
  # 'coarsest' the original's pairs of stage 0 and a later stage.
  config.train.refiner.pairing = 'cascade'
  config.train.refiner.points = 0.9  # K in training; refine.points at test time

  config.train.deep_guided = _corrector_training(steps=400, batch=2, rate=1e-2)
  # Few parts of images have few classes, to which it would lean.
  config.train.iterative = _corrector_training(steps=400, batch=4, rate=1e-3)
  # Trained on labels that are made wrong at random, not on a segmenter's maps.
  masks = _corrector_training(steps=800, batch=4, rate=1e-3)
  masks.least = 0.7  # intersection over union of a wrong mask with the truth
  # Pixels on both sides of an outline within which that is measured, and masks
  # are wrong; 0, as published, for the whole window.
  masks.band = 8
  config.train.cascade_psp = masks
  config.train.segfix = _corrector_training(steps=800, batch=4, rate=3e-3)
  # What works at full size three times, or with a trunk, learns as much from
  # more and smaller parts.
  config.train.iterative.crop = (128, 128)
  config.train.cascade_psp.crop = (160, 160)
  config.train.segfix.crop = (153, 153)

  config.tune = ml_collections.ConfigDict()
  # Images of val on which the way of running the model is chosen after the
  # training, see magnet-jax tune; 0 keeps the settings of plan and refine.
  config.tune.images = 0
  config.tune.points = (0.1, 0.5, 1.0)  # K that are tried with a refiner
  return config


def start_from_imagenet(config: ml_collections.ConfigDict) -> None:
  """Sets segmenter and SegFix to EfficientNet-Lite0 with ImageNet weights.

  Its weights come with magnet-jax[pretrained].
  """
  config.segmenter = ml_collections.ConfigDict()
  config.segmenter.name, config.segmenter.trunk = 'fpn', 'efficientnet_lite0'
  config.segmenter.pyramid, config.segmenter.head = 48, 24  # features
  config.train.segmenter.init = 'imagenet'
  config.train.segmenter.rate = 1e-3
  segfix = config.correctors.segfix
  kept = ('start', 'window', 'head', 'colours', 'certainty', 'dtype')
  config.correctors.segfix = ml_collections.ConfigDict(
    {key: segfix[key] for key in kept}
  )
  config.correctors.segfix.trunk = 'efficientnet_lite0'
  config.correctors.segfix.finest = 2  # stride of the logits
  config.correctors.segfix.coarsest = 16  # level, a quarter of the parameters
  config.train.segfix.init = 'trunk:'
  config.train.segfix.rate = 1e-3


def _of_any_type(value: object) -> config_dict.FieldReference:
  """Returns a field that may be set to values of another type."""
  return config_dict.FieldReference(value, field_type=object)


def _corrector_training(
  *, steps: int, batch: int, rate: float
) -> ml_collections.ConfigDict:
  """Returns the settings of a corrector's training.

  A batch consists of parts of images at full size, as large as a window.
  """
  train = _training(steps=steps, batch=batch, rate=rate)
  train.scale_jitter = 1.0  # it corrects maps at full size only
  train.segmenter = ''  # a run or model to use; '': that of this run
  return train


def _training(
  *, steps: int, batch: int, rate: float
) -> ml_collections.ConfigDict:
  """Returns the settings that both trainings have."""
  train = ml_collections.ConfigDict()
  # A run, model (a file, or an embedded one by name) or trunk to start from;
  # 'imagenet': the segmenter's trunk with its ImageNet weights
  # (efficientnet_lite0, 1, 2); 'trunk:MODEL': the trunk of its segmenter, for a
  # corrector 'trunk:' that of the one whose maps it corrects; '': random.
  train.init = ''
  train.steps = steps  # at most; fewer when the time or the patience runs out
  train.hours = 0.0  # time budget; 0 for none
  # Validations without a better score until the rate falls to 0 at last, which
  # takes a fifth of the steps so far; 0 trains for all steps.
  train.patience = 8
  train.batch = batch  # windows, or for the refiner paths of nested windows
  # Part of a window to train on, for glnet of an image; (0, 0) is all of it.
  train.crop = (0, 0)
  train.optimizer = 'adamw'  # or 'sgd'
  train.rate = rate  # peak learning rate
  train.momentum = 0.9  # of sgd
  train.weight_decay = 1e-2
  train.clip = 1.0  # largest norm of the gradient; 0: no limit
  train.schedule = 'polynomial'  # or 'cosine', 'step'
  train.warmup = 50  # steps
  train.drops = (0.2, 0.4, 0.6, 0.8, 0.9)  # 'step': where the rate drops
  train.average = 0.99  # decay of the weights' moving average; 0 for none
  train.loss = 'cross_entropy'  # or 'focal', 'ohem'
  train.class_weights = ()  # one weight per class; () for equal weights
  train.ohem_threshold = 0.7
  train.ohem_kept = 100_000  # smallest number of hard pixels
  train.scale_jitter = 1.25  # of the windows: a factor in [1/1.25, 1.25]
  # Steps between validations, which also save a checkpoint; the best is kept.
  train.validate_every = 50
  train.validation_batches = 12
  return train
