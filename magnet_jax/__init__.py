"""Progressive segmentation of images too large for the accelerator.

An image is looked at in stages s = 0 … S-1, coarse to fine (`make_plan`). Stage
0 segments the whole image at the size of the network's input. Every later
stage cuts its image into N windows, segments each, and lets a small network,
the refiner, decide between that and the segmentation so far; only the K points
where the old map is unsure and the new one is sure are replaced (`Cascade`).
`load_model` brings trained networks, `segment_image` does all of it at once.

Shapes: B batch, H W image, h w network input, C classes, S stages, N windows
of a stage, K points, D devices. Arrays are NHWC, sizes (height, width),
probabilities after softmax.

>>> import magnet_jax  # doctest: +SKIP
>>> model = magnet_jax.load_model()  # doctest: +SKIP
>>> image = magnet_jax.read_image('aerial.jpg')  # doctest: +SKIP
>>> label = magnet_jax.segment_image(model, image)  # doctest: +SKIP
"""

import importlib
from typing import Any

# Name -> (module, name in it). They are imported when first asked for, so that
# the console command can answer before JAX has started.
_PUBLIC = {
  'Cascade': ('cascade.cascade', 'Cascade'),
  'InputError': ('types', 'InputError'),
  'Model': ('predict.model', 'Model'),
  'Refiner': ('refiners.refiner', 'Refiner'),
  'Options': ('cascade.options', 'Options'),
  'generate_scene': ('scenes.generator', 'generate'),
  'magnet_refiner': ('refiners.magnet', 'refiner'),
  'mean_refiner': ('refiners.mean', 'refiner'),
  'scale_attention_refiner': ('refiners.scale_attention', 'refiner'),
  'load_model': ('predict.model', 'load'),
  'make_plan': ('cascade.plan', 'make_plan'),
  'read_image': ('files.images', 'read_image'),
  'segment_image': ('predict.model', 'segment_image'),
}

__all__ = list(_PUBLIC)


def __getattr__(name: str) -> Any:
  if name not in _PUBLIC:
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
  module, original = _PUBLIC[name]
  return getattr(importlib.import_module(f'{__name__}.{module}'), original)


def __dir__() -> list[str]:
  return sorted([*globals(), *_PUBLIC])
