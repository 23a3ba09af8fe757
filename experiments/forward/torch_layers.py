"""Layers that the PyTorch networks share.

Modules and parameters carry the names of the published files, so that those
load without renaming. All maps are NCHW.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


def convolution(
  features: int,
  into: int,
  kernel: int = 3,
  *,
  stride: int = 1,
  dilation: int = 1,
  bias: bool = False,
) -> nn.Module:
  """Makes a convolution that keeps the size, divided by its stride."""
  return nn.Conv2d(
    features,
    into,
    kernel,
    stride=stride,
    padding=dilation * (kernel // 2),
    dilation=dilation,
    bias=bias,
  )


def activated(
  features: int,
  into: int,
  kernel: int = 3,
  *,
  stride: int = 1,
  bias: bool = False,
) -> nn.Module:
  """Chains convolution ('0'), batch normalisation ('1') and ReLU."""
  return nn.Sequential(
    convolution(features, into, kernel, stride=stride, bias=bias),
    nn.BatchNorm2d(into),
    nn.ReLU(),
  )


def resize(
  maps: Tensor, size: Sequence[int], *, corners: bool = False
) -> Tensor:
  """Interpolates bilinearly.

  Args:
    maps: [B,C,H,W].
    size: (height, width) of the result.
    corners: align the centres of the corner pixels, not their edges.
  """
  return functional.interpolate(
    maps, size=tuple(size), mode='bilinear', align_corners=corners
  )


def blend(logits: Tensor, auxiliary: Tensor) -> Tensor:
  """Returns the mean of two heads, weighted as their losses: 1 and .4."""
  return (logits + 0.4 * auxiliary) / 1.4


class BasicBlock(nn.Module):
  """Two 3x3 convolutions and a shortcut."""

  expansion = 1

  def __init__(
    self, features: int, width: int, stride: int = 1, dilation: int = 1
  ) -> None:
    super().__init__()
    self.conv1 = convolution(features, width, stride=stride, dilation=dilation)
    self.bn1 = nn.BatchNorm2d(width)
    self.conv2 = convolution(width, width, dilation=dilation)
    self.bn2 = nn.BatchNorm2d(width)
    self.downsample = _shortcut(features, width, stride)

  def forward(self, x: Tensor) -> Tensor:
    """Maps [B,features,H,W] to [B,width,H/stride,W/stride]."""
    y = torch.relu(self.bn1(self.conv1(x)))
    y = self.bn2(self.conv2(y))
    return torch.relu(y + self.downsample(x))


class BottleneckBlock(nn.Module):
  """1x1, 3x3 and 1x1 convolutions and a shortcut."""

  expansion = 4

  def __init__(
    self, features: int, width: int, stride: int = 1, dilation: int = 1
  ) -> None:
    super().__init__()
    self.conv1 = convolution(features, width, 1)
    self.bn1 = nn.BatchNorm2d(width)
    self.conv2 = convolution(width, width, stride=stride, dilation=dilation)
    self.bn2 = nn.BatchNorm2d(width)
    self.conv3 = convolution(width, 4 * width, 1)
    self.bn3 = nn.BatchNorm2d(4 * width)
    self.downsample = _shortcut(features, 4 * width, stride)

  def forward(self, x: Tensor) -> Tensor:
    """Maps [B,features,H,W] to [B,4 width,H/stride,W/stride]."""
    y = torch.relu(self.bn1(self.conv1(x)))
    y = torch.relu(self.bn2(self.conv2(y)))
    y = self.bn3(self.conv3(y))
    return torch.relu(y + self.downsample(x))


def _shortcut(features: int, into: int, stride: int) -> nn.Module:
  if features == into and stride == 1:
    return nn.Identity()
  return nn.Sequential(
    convolution(features, into, 1, stride=stride), nn.BatchNorm2d(into)
  )


Block = type[BasicBlock] | type[BottleneckBlock]


def blocks(
  block: Block,
  features: int,
  width: int,
  count: int,
  *,
  stride: int = 1,
  dilations: Sequence[int] | None = None,
) -> nn.Module:
  """Chains residual blocks; the first one strides.

  Args:
    block: BasicBlock or BottleneckBlock.
    features: of the input.
    width: of the blocks.
    count: of blocks.
    stride: of the first.
    dilations: one per block; 1 by default.
  """
  dilations = dilations or [1] * count
  chain = [block(features, width, stride, dilations[0])]
  chain += [
    block(block.expansion * width, width, 1, dilation)
    for dilation in dilations[1:]
  ]
  return nn.Sequential(*chain)
