"""Progressive segmentation of images too large for the accelerator.

An image is looked at in stages s = 0 … S-1, coarse to fine (`make_plan`). Stage
0 segments the whole image at the size of the network's input. Every later
stage cuts its image into N windows, segments each, and lets a small network,
the refiner, decide between that and the segmentation so far; only the K points
where the old map is unsure and the new one is sure are replaced (`Cascade`).
`load_model` brings trained networks, whose `segment` does all of it at once.

Shapes: B batch, H W image, h w network input, C classes, S stages, N windows
of a stage, K points, D devices. Arrays are NHWC, sizes (height, width),
probabilities after softmax.

>>> import magnet_jax  # doctest: +SKIP
>>> model = magnet_jax.load_model()  # doctest: +SKIP
>>> found = model.segment('aerial.jpg')  # doctest: +SKIP
>>> found.label, found.probabilities, found.confidence  # doctest: +SKIP
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = '0.1.0'
__all__ = [
  'Cascade',
  'ClassTable',
  'InputError',
  'Model',
  'Options',
  'Refiner',
  'Sample',
  'Segmentation',
  'Stage',
  'generate_scene',
  'load_model',
  'magnet_refiner',
  'make_plan',
  'mean_refiner',
  'read_image',
  'scale_attention_refiner',
  'segment_image',
]

if TYPE_CHECKING:
  from magnet_jax.cascade.cascade import Cascade
  from magnet_jax.cascade.options import Options
  from magnet_jax.cascade.plan import make_plan
  from magnet_jax.predict.model import Model, segment_image
  from magnet_jax.predict.model import load as load_model
  from magnet_jax.predict.segmentation import Segmentation
  from magnet_jax.rasters.given_image import read_image
  from magnet_jax.refiners.magnet import refiner as magnet_refiner
  from magnet_jax.refiners.mean import refiner as mean_refiner
  from magnet_jax.refiners.refiner import Refiner
  from magnet_jax.refiners.scale_attention import (
    refiner as scale_attention_refiner,
  )
  from magnet_jax.scenes.generator import generate as generate_scene
  from magnet_jax.types import ClassTable, InputError, Sample, Stage
else:
  # Name -> (module, name in it). They are imported when first asked for, so
  # that the console command can answer before JAX has started.
  _PLACES = {
    'Cascade': ('cascade.cascade', 'Cascade'),
    'ClassTable': ('types', 'ClassTable'),
    'InputError': ('types', 'InputError'),
    'Model': ('predict.model', 'Model'),
    'Options': ('cascade.options', 'Options'),
    'Refiner': ('refiners.refiner', 'Refiner'),
    'Sample': ('types', 'Sample'),
    'Segmentation': ('predict.segmentation', 'Segmentation'),
    'Stage': ('types', 'Stage'),
    'generate_scene': ('scenes.generator', 'generate'),
    'load_model': ('predict.model', 'load'),
    'magnet_refiner': ('refiners.magnet', 'refiner'),
    'make_plan': ('cascade.plan', 'make_plan'),
    'mean_refiner': ('refiners.mean', 'refiner'),
    'read_image': ('rasters.given_image', 'read_image'),
    'scale_attention_refiner': ('refiners.scale_attention', 'refiner'),
    'segment_image': ('predict.model', 'segment_image'),
  }

  def __getattr__(name: str) -> Any:
    if name not in _PLACES:
      raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    module, original = _PLACES[name]
    return getattr(importlib.import_module(f'{__name__}.{module}'), original)


def __dir__() -> list[str]:
  return sorted([*globals(), *__all__])
