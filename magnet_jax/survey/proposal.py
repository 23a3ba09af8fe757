"""Proposes settings from image sizes and class frequencies."""

from collections.abc import Sequence
import dataclasses
import math

import numpy as np

from magnet_jax.cascade import plan
from magnet_jax.refiners import scale_attention
from magnet_jax.types import InputError, Size
from magnet_jax.weights import pretrained

_INPUT = 224  # side of the networks' input that two CPU cores train in minutes
_LEAST = 32
_WINDOWS = 8  # per side, at full size
_HEAVIEST = 10.0  # times the weight of the most frequent class
_STEPS = (1200, 8000)
_BATCH = 8
_GATE_STEPS = 200  # it is small, and the segmenter is trained already
_TRUNK = 'efficientnet_lite0'
# Rough seconds that two slow CPU cores need per pixel of a batch, with that
# trunk or the default one, and the share of the steps for which they have time.
_SECONDS, _SECONDS_DEFAULT, _SHARE = 5e-6, 3e-6, 0.65
_FIRST, _FACTOR = 0.5, 'half-octave'
# Later stages need none: a mean over stages has no seams, since the windows of
# each stage meet elsewhere. At full size, half as many are enough.
_OVERLAP = (0.25, 0.0)
_TUNE = (4, 10)  # images, so that they have about so many windows together:
_TUNE_WINDOWS = 1000


@dataclasses.dataclass(frozen=True)
class Proposal:
  """Settings of a config for one data set.

  Attributes:
    network: (height, width) of the networks' input.
    window: (height, width) in pixels of a stage; (0, 0) is the network's.
    crop: the part of it that the segmenter is trained on.
    stages: (height, width) of each stage, coarse to fine, for an image of the
      median size.
    rotate: whether windows may be rotated by quarter turns.
    weights: of the classes.
    segmenter_steps: training steps of the segmenter.
    fusion: of the maps of the stages.
    gate_steps: training steps of the gate, with the segmenter.
    batch: windows per step.
    tune_images: on which the way of running is chosen; fewer if each has many
      windows.
    first: scale of the first stage.
    factor: of the stages, by name.
    overlap: of the windows, of the first stage and of further ones.
    trunk: with ImageNet weights; '' if there are none.
    hours: time budget of the segmenter's training.
  """

  network: Size
  window: Size
  crop: Size
  stages: tuple[Size, ...]
  rotate: bool
  weights: tuple[float, ...]
  segmenter_steps: int
  fusion: str
  gate_steps: int
  batch: int
  tune_images: int
  first: float
  factor: str
  overlap: tuple[float, ...]
  trunk: str
  hours: float


def trunk() -> str:
  """Returns the trunk to start from, '' if its weights are not installed."""
  try:
    pretrained.file(_TRUNK)
  except InputError:
    return ''
  return _TRUNK


def propose(
  sizes: Sequence[Size], pixels: np.ndarray, *, trunk: str = ''
) -> Proposal:
  """Proposes settings.

  Args:
    sizes: of the images of the training split.
    pixels: int [C], of each class in them.
    trunk: with ImageNet weights; '' if there is none.
  """
  height, width = np.median(np.array(sizes), axis=0)
  size = round(float(height)), round(float(width))
  network, window = _network(size)
  megapixels = sum(height * width for height, width in sizes) / 1e6
  # Twice the steps for four times the pixels: more to see, but more alike.
  steps = 200 * round(2 * math.sqrt(megapixels))
  steps = min(max(steps, _STEPS[0]), _STEPS[1])
  crop = _crop(network, 2 / 3)
  per_pixel = _SECONDS if trunk else _SECONDS_DEFAULT
  seconds = per_pixel * steps * _BATCH * math.prod(crop)
  first = _first(size, window)
  stages = plan.make_plan(
    size, window=window, first=first, factor=_FACTOR, overlap=_OVERLAP
  )
  windows = sum(len(stage.grid) for stage in stages)
  return Proposal(
    network=network,
    window=(0, 0) if window == network else window,
    crop=crop,
    stages=tuple(stage.size for stage in stages),
    rotate=network[0] == network[1],
    weights=class_weights(pixels),
    segmenter_steps=steps,
    fusion=scale_attention.NAME if len(stages) > 1 else 'mean',
    gate_steps=_GATE_STEPS,
    batch=_BATCH,
    tune_images=min(_TUNE[1], max(_TUNE[0], _TUNE_WINDOWS // windows)),
    first=first,
    factor=_FACTOR,
    overlap=_OVERLAP,
    trunk=trunk,
    hours=math.ceil(20 * _SHARE * seconds / 3600) / 20,
  )


def class_weights(pixels: np.ndarray) -> tuple[float, ...]:
  """Returns frequency ** -1/3, scaled so that the mean over all pixels is 1.

  Classes without pixels weigh 1; none weighs more than ten times the lightest.
  """
  share = pixels / max(int(pixels.sum()), 1)
  there = share > 0
  raw = np.ones(len(share))
  raw[there] = share[there] ** (-1 / 3)
  if there.any():
    raw = np.minimum(raw, _HEAVIEST * raw[there].min())
    raw[there] /= (raw * share).sum()
    raw[~there] = 1.0
  return tuple(float(np.round(weight, 2)) for weight in raw)


def _network(size: Size) -> tuple[Size, Size]:
  """Returns the networks' input, and the window that is shrunk to it.

  The input is the image halved at least once, until it is about `_INPUT` a
  side. Where that makes more than `_WINDOWS` windows a side, a window has twice
  the side of the input: on photographs of 8 megapixels, windows at full size
  showed too little context; see experiments/carrotweed.
  """
  height, width = size
  side = math.sqrt(height * width)
  scale = 2 ** max(1, round(math.log2(side / _INPUT)))
  if 0.9 <= height / width <= 1.1:
    # Nearly square: quarter turns are worth more than a few pixels.
    height = width = max(height, width)
  network = tuple(max(_LEAST, math.ceil(n / scale)) for n in (height, width))
  shrink = 2 if scale > _WINDOWS else 1
  return (network[0], network[1]), (shrink * network[0], shrink * network[1])


def _first(size: Size, window: Size) -> float:
  """Returns the scale at which an image has about four windows a side.

  Half if there are `_WINDOWS` at full size; not below a quarter, where little
  can be seen; and at least one window.
  """
  least = plan.least_scale(size, window)
  first = max(_FIRST / 2, min(_FIRST, 4 * 2.0 ** round(math.log2(least))))
  return max(first, math.ceil(1000 * least) / 1000)


def _crop(network: Size, share: float) -> Size:
  """Takes a share of a side: two small windows teach more than a large one."""
  height, width = (max(_LEAST, 8 * round(side * share / 8)) for side in network)
  return min(height, network[0]), min(width, network[1])
