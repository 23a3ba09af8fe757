"""The package's networks in PyTorch, to compare with.

Built from PyTorch's own layers, with the parameter names of the published
files, so that `torch_weights.to_torch` gives their weights.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional
import torch_deeplab
import torch_hrnet
import torch_layers
import torch_resnets


class Refiner(nn.Module):
  """The paper's refiner: two maps [B,2 C,h,w] to logits [B,C,h,w]."""

  def __init__(self, num_classes: int = 7, width: int = 64) -> None:
    super().__init__()
    half = width // 2
    self.bn0 = nn.BatchNorm2d(2 * num_classes)
    self.conv1 = torch_layers.convolution(2 * num_classes, width)
    self.bn1 = nn.BatchNorm2d(width)
    self.conv2 = torch_layers.convolution(width, width)
    self.bn2 = nn.BatchNorm2d(width)
    self.residual = torch_layers.blocks(
      torch_layers.BottleneckBlock, width, half, 2
    )
    self.seg_conv = torch_layers.convolution(4 * half, num_classes, 1)

  def forward(self, maps: Tensor) -> Tensor:
    """Maps the segmenter's map and the coarse one, concatenated, to logits."""
    x = self.bn0(maps)
    x = torch.relu(self.bn1(self.conv1(x)))
    x = torch.relu(self.bn2(self.conv2(x)))
    return self.seg_conv(self.residual(x))


class Pair(nn.Module):
  """Two 3x3 convolutions, each with normalisation and activation."""

  def __init__(self, features: int, into: int) -> None:
    super().__init__()
    self.conv1 = torch_layers.convolution(features, into)
    self.bn1 = nn.BatchNorm2d(into)
    self.conv2 = torch_layers.convolution(into, into)
    self.bn2 = nn.BatchNorm2d(into)

  def forward(self, x: Tensor) -> Tensor:
    """Maps [B,features,H,W] to [B,into,H,W]."""
    x = torch.relu(self.bn1(self.conv1(x)))
    return torch.relu(self.bn2(self.conv2(x)))


class UNet(nn.Module):
  """U-Net with batch normalisation; levels are numbered from the finest."""

  def __init__(
    self, num_classes: int = 7, width: int = 64, levels: int = 4
  ) -> None:
    super().__init__()
    self.levels = levels
    features = 3
    for i in range(levels + 1):
      self.add_module(f'down{i}', Pair(features, width * 2**i))
      features = width * 2**i
    for i in range(levels):
      into = width * 2**i
      self.add_module(
        f'reduce{i}', torch_layers.convolution(2 * into, into, 1, bias=True)
      )
      self.add_module(f'up{i}', Pair(2 * into, into))
    self.final = torch_layers.convolution(width, num_classes, 1, bias=True)

  def forward(self, images: Tensor) -> Tensor:
    """Maps images [B,3,h,w] to logits [B,C,h,w]."""
    x = self.down0(images)
    skips = []
    for i in range(1, self.levels + 1):
      skips.append(x)
      x = functional.max_pool2d(x, 2, ceil_mode=True)
      x = self.get_submodule(f'down{i}')(x)
    for i in reversed(range(self.levels)):
      x = self.get_submodule(f'reduce{i}')(x)
      x = torch_layers.resize(x, skips[i].shape[2:])
      x = self.get_submodule(f'up{i}')(torch.cat([skips[i], x], 1))
    return self.final(x)


NETWORKS = {
  'fpn': torch_resnets.FPN,
  'pspnet': torch_resnets.PSPNet,
  'hrnet_ocr': torch_hrnet.HRNetOCR,
  'deeplab': torch_deeplab.DeepLab,
  'unet': UNet,
  'refiner': Refiner,
}
