"""DeepLabv3+ (Chen et al., ECCV 2018) in PyTorch."""

import torch
from torch import Tensor, nn
import torch_layers
from torch_resnets import Trunk

_LOW = 48  # features that the fine level is reduced to


class Aspp(nn.Module):
  """Atrous spatial pyramid pooling: several dilations, and the mean."""

  def __init__(
    self, features: int, into: int, rates: tuple[int, ...] = (6, 12, 18)
  ) -> None:
    super().__init__()
    self.count = len(rates) + 1
    for i, rate in enumerate((1, *rates)):
      kernel = 3 if i else 1
      self.add_module(
        f'conv{i}',
        torch_layers.convolution(features, into, kernel, dilation=rate),
      )
      self.add_module(f'bn{i}', nn.BatchNorm2d(into))
    self.pool_conv = torch_layers.convolution(features, into, 1)
    self.pool_bn = nn.BatchNorm2d(into)
    wide = (self.count + 1) * into
    self.project_conv = torch_layers.convolution(wide, into, 1)
    self.project_bn = nn.BatchNorm2d(into)

  def forward(self, x: Tensor) -> Tensor:
    """Maps [B,features,H,W] to [B,into,H,W]."""
    maps = []
    for i in range(self.count):
      y = self.get_submodule(f'conv{i}')(x)
      maps.append(torch.relu(self.get_submodule(f'bn{i}')(y)))
    mean = self.pool_conv(x.mean((2, 3), keepdim=True))
    maps.append(torch.relu(self.pool_bn(mean)).expand_as(maps[0]))
    y = self.project_conv(torch.cat(maps, 1))
    return torch.relu(self.project_bn(y))


class Decoder(nn.Module):
  """Merges the coarse features with a fine level."""

  def __init__(self, low: int, reduced: int, features: int) -> None:
    super().__init__()
    self.low_conv = torch_layers.convolution(low, reduced, 1)
    self.low_bn = nn.BatchNorm2d(reduced)
    self.conv1 = torch_layers.convolution(features + reduced, features)
    self.bn1 = nn.BatchNorm2d(features)
    self.conv2 = torch_layers.convolution(features, features)
    self.bn2 = nn.BatchNorm2d(features)

  def forward(self, x: Tensor, fine: Tensor) -> Tensor:
    """Merges both into features at the size of `fine`."""
    low = torch.relu(self.low_bn(self.low_conv(fine)))
    x = torch.cat([torch_layers.resize(x, fine.shape[2:]), low], 1)
    x = torch.relu(self.bn1(self.conv1(x)))
    return torch.relu(self.bn2(self.conv2(x)))


class DeepLab(nn.Module):
  """Maps images [B,3,h,w] to logits [B,C,h,w]; output stride 16."""

  def __init__(
    self,
    num_classes: int = 7,
    trunk: str = 'resnet50',
    width: int = 64,
    features: int = 256,
  ) -> None:
    super().__init__()
    self.backbone = Trunk(trunk, width, dilated=1)
    wide = self.backbone.features
    self.aspp = Aspp(wide, features)
    self.decoder = Decoder(wide // 8, _LOW, features)
    self.classify = torch_layers.convolution(
      features, num_classes, 1, bias=True
    )

  def forward(self, images: Tensor) -> Tensor:
    """Maps images [B,3,h,w] to logits [B,C,h,w]."""
    levels = self.backbone(images)
    x = self.decoder(self.aspp(levels[-1]), levels[0])
    return torch_layers.resize(self.classify(x), images.shape[2:])
