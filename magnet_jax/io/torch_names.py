"""What the modules of the known networks are called in PyTorch, as data.

A row is (their module, our module). {i}, {j} and {k} stand for one whole run
of digits, the same on both sides. The leaves below a module go by their kind,
see `torch_weights`. A row serves both directions.
"""

Table = tuple[tuple[str, str], ...]


def _below(theirs: str, ours: str, table: Table) -> Table:
  """The table of a network that is part of another one."""
  return tuple((f'{theirs}.{a}', f'{ours}/{b}') for a, b in table)


# torchvision's and timm's names; BasicBlock and Bottleneck.
_RESNET: Table = (
  ('conv1', 'conv1'),
  ('bn1', 'bn1'),
  ('layer{i}.{j}.conv{k}', 'layer{i}_{j}/conv{k}'),
  ('layer{i}.{j}.bn{k}', 'layer{i}_{j}/bn{k}'),
  ('layer{i}.{j}.downsample.0', 'layer{i}_{j}/downsample_conv'),
  ('layer{i}.{j}.downsample.1', 'layer{i}_{j}/downsample_bn'),
)

_REFINER: Table = (
  ('bn{i}', 'bn{i}'),
  ('conv{i}', 'conv{i}'),
  ('residual.{i}.conv{k}', 'residual{i}/conv{k}'),
  ('residual.{i}.bn{k}', 'residual{i}/bn{k}'),
  ('residual.{i}.downsample.0', 'residual{i}/downsample_conv'),
  ('residual.{i}.downsample.1', 'residual{i}/downsample_bn'),
  ('seg_conv', 'classify'),
)

_FPN: Table = (
  *_below('resnet_backbone', 'trunk', _RESNET),
  ('toplayer', 'top'),
  ('latlayer{i}', 'lateral{i}'),
  ('smooth{i}_{j}', 'smooth{i}_{j}'),
  ('classify', 'classify'),
)

NAMES: dict[str, Table] = {
  'refiner': _REFINER,
  'resnet': _RESNET,
  'fpn': _FPN,
}

# Our name of a segmenter (models.build.SEGMENTERS) -> its table here.
SEGMENTERS = {
  'fpn': 'fpn',
  'pspnet': 'psp',
  'hrnet_ocr': 'hrnet',
  'deeplab': 'deeplab',
  'unet': 'unet',
}

# Their module whose output features are the classes.
CLASSIFIERS = {
  'refiner': 'seg_conv',
  'fpn': 'classify',
  'psp': 'final',
  'hrnet': 'cls_head',
  'deeplab': 'classify',
  'unet': 'final',
}

# Keys that such files often have, and that are no part of our network.
DROPPED = {
  'resnet': ('fc.weight', 'fc.bias'),  # the classifier of ImageNet
  'hrnet': ('loss.criterion.weight',),  # the weights of the classes
}
