"""HRNet with object-contextual representations, in PyTorch.

The published Cityscapes networks: Sun et al., arXiv 1904.04514; Yuan et al.,
ECCV 2020.
"""

import itertools

import torch
from torch import Tensor, nn
import torch_layers
from torch_layers import BasicBlock, BottleneckBlock


class Exchange(nn.Module):
  """Branches at several resolutions; each then receives the sum of all."""

  def __init__(self, widths: tuple[int, ...], count: int) -> None:
    super().__init__()
    self.branches = nn.ModuleList(
      torch_layers.blocks(BasicBlock, width, width, count) for width in widths
    )
    self.fuse_layers = nn.ModuleList(
      nn.ModuleList(
        _fuse(widths, target, source) for source in range(len(widths))
      )
      for target in range(len(widths))
    )

  def forward(self, maps: list[Tensor]) -> list[Tensor]:
    """Maps one map per branch to maps of the same shapes."""
    maps = [branch(x) for branch, x in zip(self.branches, maps, strict=True)]
    sums = []
    for row, target in zip(self.fuse_layers, maps, strict=True):
      total = None
      for layer, x in zip(row, maps, strict=True):
        y = layer(x)
        if y.shape[2:] != target.shape[2:]:
          y = torch_layers.resize(y, target.shape[2:], corners=True)
        total = y if total is None else total + y
      sums.append(torch.relu(total))
    return sums


def _fuse(widths: tuple[int, ...], target: int, source: int) -> nn.Module:
  """Layers from one branch to another."""
  if source == target:
    return nn.Identity()
  wide = widths[source]
  if source > target:
    return nn.Sequential(
      torch_layers.convolution(wide, widths[target], 1),
      nn.BatchNorm2d(widths[target]),
    )
  steps = [
    torch_layers.activated(wide, wide, stride=2)
    for _ in range(target - source - 1)
  ]
  last = nn.Sequential(
    torch_layers.convolution(wide, widths[target], stride=2),
    nn.BatchNorm2d(widths[target]),
  )
  return nn.Sequential(*steps, last)


class ObjectContext(nn.Module):
  """Each pixel attends to the mean features of each class."""

  def __init__(self, features: int, keys: int) -> None:
    super().__init__()
    self.f_pixel = _chain(features, keys, keys)
    self.f_object = _chain(features, keys, keys)
    self.f_down = _chain(features, keys)
    self.f_up = _chain(keys, features)

  def forward(self, pixels: Tensor, regions: Tensor) -> Tensor:
    """Maps features [B,F,H,W] and regions [B,F,C,1] to context [B,F,H,W]."""
    query = self.f_pixel(pixels).flatten(2).transpose(1, 2)
    key = self.f_object(regions).flatten(2)
    value = self.f_down(regions).flatten(2).transpose(1, 2)
    weights = torch.softmax(query @ key * key.shape[1] ** -0.5, dim=-1)
    context = (weights @ value).transpose(1, 2)
    return self.f_up(context.unflatten(2, pixels.shape[2:]))


def _chain(*features: int) -> nn.Module:
  """1x1 convolutions, each normalised and activated."""
  layers = []
  for here, into in itertools.pairwise(features):
    layers.append(torch_layers.convolution(here, into, 1))
    layers.append(nn.Sequential(nn.BatchNorm2d(into), nn.ReLU()))
  return nn.Sequential(*layers)


class ContextHead(nn.Module):
  """Merges features with their context."""

  def __init__(self, features: int, keys: int) -> None:
    super().__init__()
    self.object_context_block = ObjectContext(features, keys)
    self.conv_bn_dropout = _chain(2 * features, features)

  def forward(self, pixels: Tensor, regions: Tensor) -> Tensor:
    """Maps features [B,F,H,W] and regions [B,F,C,1] to features."""
    context = self.object_context_block(pixels, regions)
    return self.conv_bn_dropout(torch.cat([context, pixels], 1))


class HRNetOCR(nn.Module):
  """Maps images [B,3,h,w] to logits [B,C,h,w]."""

  def __init__(
    self,
    num_classes: int = 19,
    *,
    width: int = 18,
    blocks: tuple[int, int] = (2, 2),
    modules: tuple[int, int, int] = (1, 3, 2),
    stem_width: int = 64,
    stem_stride: int = 1,
    features: int = 512,
    keys: int = 256,
  ) -> None:
    """Builds the network.

    Args:
      num_classes: C.
      width: features of the finest branch.
      blocks: number in the first level, and in each branch of a module.
      modules: number in the stages of two, three and four branches.
      stem_width: features of the stem.
      stem_stride: of both convolutions of the stem.
      features: of the descriptions of pixels and regions.
      keys: features of the attention.
    """
    super().__init__()
    self.conv1 = torch_layers.convolution(3, stem_width, stride=stem_stride)
    self.bn1 = nn.BatchNorm2d(stem_width)
    self.conv2 = torch_layers.convolution(
      stem_width, stem_width, stride=stem_stride
    )
    self.bn2 = nn.BatchNorm2d(stem_width)
    self.layer1 = torch_layers.blocks(
      BottleneckBlock, stem_width, stem_width, blocks[0]
    )
    widths = tuple(width * 2**level for level in range(4))
    self._add_stages(4 * stem_width, widths, blocks[1], modules)
    total = sum(widths)
    self.conv3x3_ocr = torch_layers.activated(total, features, bias=True)
    self.ocr_distri_head = ContextHead(features, keys)
    self.cls_head = torch_layers.convolution(
      features, num_classes, 1, bias=True
    )
    self.aux_head = nn.Sequential(
      *torch_layers.activated(total, total, 1, bias=True),
      torch_layers.convolution(total, num_classes, 1, bias=True),
    )

  def _add_stages(
    self,
    features: int,
    widths: tuple[int, ...],
    blocks: int,
    modules: tuple[int, ...],
  ) -> None:
    """Adds the stages of two, three and four branches, with transitions."""
    unit = torch_layers.activated
    self.transition1 = nn.ModuleList(
      [
        unit(features, widths[0]),
        nn.Sequential(unit(features, widths[1], stride=2)),
      ]
    )
    for level in (2, 3):
      new = unit(widths[level - 1], widths[level], stride=2)
      kept = [nn.Identity() for _ in range(level)]
      self.add_module(
        f'transition{level}', nn.ModuleList([*kept, nn.Sequential(new)])
      )
    for level, count in enumerate(modules, start=2):
      stage = [Exchange(widths[:level], blocks) for _ in range(count)]
      self.add_module(f'stage{level}', nn.Sequential(*stage))

  def forward(self, images: Tensor) -> Tensor:
    """Maps images [B,3,h,w] to logits [B,C,h,w]."""
    x = torch.relu(self.bn1(self.conv1(images)))
    x = torch.relu(self.bn2(self.conv2(x)))
    x = self.layer1(x)
    maps = [layer(x) for layer in self.transition1]
    maps = self.stage2(maps)
    maps = self.stage3([*maps, self.transition2[2](maps[-1])])
    maps = self.stage4([*maps, self.transition3[3](maps[-1])])
    finest = maps[0].shape[2:]
    x = torch.cat(
      [torch_layers.resize(y, finest, corners=True) for y in maps], 1
    )
    auxiliary = self.aux_head(x)
    regions = torch.softmax(auxiliary.flatten(2), dim=-1)
    x = self.conv3x3_ocr(x)
    # One feature vector per class: the mean over its soft region.
    means = x.flatten(2) @ regions.transpose(1, 2)
    x = self.ocr_distri_head(x, means.unsqueeze(-1))
    logits = torch_layers.blend(self.cls_head(x), auxiliary)
    return torch_layers.resize(logits, images.shape[2:], corners=True)
