"""ResNet trunks in PyTorch, and the networks built on them."""

import torch
from torch import Tensor, nn
from torch.nn import functional
import torch_layers
from torch_layers import BasicBlock, Block, BottleneckBlock

BLOCKS: dict[str, tuple[Block, tuple[int, ...]]] = {
  'resnet18': (BasicBlock, (2, 2, 2, 2)),
  'resnet34': (BasicBlock, (3, 4, 6, 3)),
  'resnet50': (BottleneckBlock, (3, 4, 6, 3)),
  'resnet101': (BottleneckBlock, (3, 4, 23, 3)),
}


class Trunk(nn.Module):
  """A ResNet without its classifier, with torchvision's names."""

  def __init__(
    self,
    name: str = 'resnet50',
    width: int = 64,
    dilated: int = 0,
  ) -> None:
    """Builds the network.

    Args:
      name: one of BLOCKS.
      width: features of the first level.
      dilated: number of last levels that dilate instead of striding; the
        first block of such a level keeps the dilation of the level before.
    """
    super().__init__()
    block, counts = BLOCKS[name]
    self.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
    self.bn1 = nn.BatchNorm2d(width)
    features, dilation = width, 1
    for level, count in enumerate(counts):
      before = dilation
      stride = 2 if level else 1
      if level >= len(counts) - dilated:
        dilation, stride = 2 * dilation, 1
      self.add_module(
        f'layer{level + 1}',
        torch_layers.blocks(
          block,
          features,
          width * 2**level,
          count,
          stride=stride,
          dilations=[before] + [dilation] * (count - 1),
        ),
      )
      features = block.expansion * width * 2**level
    self.features = features

  def forward(self, images: Tensor) -> list[Tensor]:
    """Maps images [B,3,h,w] to four levels, fine to coarse."""
    x = torch.relu(self.bn1(self.conv1(images)))
    x = functional.max_pool2d(x, 3, stride=2, padding=1)
    levels = []
    for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
      x = layer(x)
      levels.append(x)
    return levels


class FPN(nn.Module):
  """The published DeepGlobe network: a feature pyramid on a ResNet."""

  def __init__(
    self,
    num_classes: int = 7,
    trunk: str = 'resnet50',
    width: int = 64,
    pyramid: int = 256,
    head: int = 128,
  ) -> None:
    super().__init__()
    self.resnet_backbone = Trunk(trunk, width)
    wide = self.resnet_backbone.features

    def conv(features: int, into: int, kernel: int) -> nn.Module:
      return torch_layers.convolution(features, into, kernel, bias=True)

    self.toplayer = conv(wide, pyramid, 1)
    for i in (1, 2, 3):
      self.add_module(f'latlayer{i}', conv(wide // 2**i, pyramid, 1))
    for i in (1, 2, 3, 4):
      self.add_module(f'smooth{i}_1', conv(pyramid, pyramid, 3))
      self.add_module(f'smooth{i}_2', conv(pyramid, head, 3))
    self.classify = conv(4 * head, num_classes, 3)

  def forward(self, images: Tensor) -> Tensor:
    """Maps images [B,3,h,w] to logits [B,C,h,w]."""
    fine, second, third, top = self.resnet_backbone(images)
    pyramid = [self.toplayer(top)]
    laterals = (self.latlayer1, self.latlayer2, self.latlayer3)
    for layer, level in zip(laterals, (third, second, fine), strict=True):
      above = torch_layers.resize(pyramid[-1], level.shape[2:])
      pyramid.append(above + layer(level))
    finest = pyramid[-1].shape[2:]
    maps = []
    for i, level in enumerate(pyramid, start=1):
      x = self.get_submodule(f'smooth{i}_1')(level)
      x = self.get_submodule(f'smooth{i}_2')(x)
      maps.append(torch_layers.resize(x, finest))
    logits = self.classify(torch.cat(maps, 1))
    return torch_layers.resize(logits, images.shape[2:])


class Pooling(nn.Module):
  """Pyramid pooling: features and their means over 1, 2, 3 and 6 cells."""

  def __init__(self, features: int, into: int) -> None:
    super().__init__()
    self.stages = nn.ModuleList(
      nn.Sequential(
        nn.AdaptiveAvgPool2d(cells),
        torch_layers.convolution(features, features, 1),
      )
      for cells in (1, 2, 3, 6)
    )
    self.bottleneck = torch_layers.convolution(5 * features, into, 1, bias=True)

  def forward(self, x: Tensor) -> Tensor:
    """Maps [B,features,H,W] to [B,into,H,W]."""
    size = x.shape[2:]
    maps = [torch_layers.resize(stage(x), size) for stage in self.stages]
    return torch.relu(self.bottleneck(torch.cat([*maps, x], 1)))


class Doubling(nn.Module):
  """Upsampling by 2, convolution, batch normalisation, PReLU."""

  def __init__(self, features: int, into: int) -> None:
    super().__init__()
    self.conv = nn.Sequential(
      torch_layers.convolution(features, into, bias=True),
      nn.BatchNorm2d(into),
      nn.PReLU(),
    )

  def forward(self, x: Tensor) -> Tensor:
    """Maps [B,features,H,W] to [B,into,2 H,2 W]."""
    size = (2 * x.shape[2], 2 * x.shape[3])
    return self.conv(torch_layers.resize(x, size))


class PSPNet(nn.Module):
  """The published Gleason network: pyramid pooling on a ResNet."""

  def __init__(
    self,
    num_classes: int = 5,
    trunk: str = 'resnet101',
    width: int = 64,
    features: int = 1024,
    head: tuple[int, int, int] = (256, 64, 64),
  ) -> None:
    super().__init__()
    self.feats = Trunk(trunk, width)
    wide = self.feats.features
    self.psp = Pooling(wide, features)
    self.up_1 = Doubling(features, head[0])
    self.up_2 = Doubling(head[0], head[1])
    self.up_3 = Doubling(head[1], head[2])
    self.final = torch_layers.convolution(head[2], num_classes, 1, bias=True)
    self.classifier = torch_layers.convolution(wide, num_classes, 1, bias=True)

  def forward(self, images: Tensor) -> Tensor:
    """Maps images [B,3,h,w] to logits [B,C,h,w]."""
    x = self.feats(images)[-1]
    auxiliary = self.classifier(x)
    x = self.up_3(self.up_2(self.up_1(self.psp(x))))
    size = images.shape[2:]
    logits = torch_layers.resize(self.final(x), size)
    return torch_layers.blend(logits, torch_layers.resize(auxiliary, size))
