"""Our side of a conversion of SegFix, whose file says how large it is."""

from typing import Any

import jax
import jax.numpy as jnp

from magnet_jax.models import build, hrnet
from magnet_jax.types import InputError, Meta
from magnet_jax.weights import torch_states


def has_names(meta: Meta) -> bool:
  """Returns whether a network's trunk is one that such files have."""
  settings = meta.section('correctors').get('segfix', {})
  return settings.get('trunk', 'hrnet18') in hrnet.HRNETS


def of_file(
  source: torch_states.Source,
) -> tuple[dict[str, object], dict[str, object]]:
  """Returns the settings of a SegFix and the shapes of its variables.

  The stride of the stem is not in a file: it is the published one.

  Raises:
    InputError: the file lacks a layer from which a setting follows.
  """
  settings: dict[str, Any] = {
    'trunk': 'hrnet18',
    'width': source.width('backbone.stage2.0.branches.0.0.conv1'),
    'stem_blocks': _count(source, 'backbone.layer1.'),
    'modules': tuple(_count(source, f'backbone.stage{i}.') for i in (2, 3, 4)),
    'blocks': _count(source, 'backbone.stage2.0.branches.0.'),
    'stem_width': source.width('backbone.conv1'),
    'stem_stride': 2,
    'head': source.width('mask_head.0'),
    **source.settings,
  }
  if _count(source, 'backbone.stage1.'):
    raise InputError(
      f'{source.path}: is SegFix on HRNet2x, a trunk that is not known here; '
      'choose the file on HRNet-W48'
    )
  module = build.directions(**settings)
  shapes = jax.eval_shape(
    lambda: module.init(jax.random.key(0), jnp.zeros((1, 64, 64, 3)))
  )
  return settings, dict(shapes)


def _count(source: torch_states.Source, prefix: str) -> int:
  """Returns how many modules there are below another one."""
  found = {
    key.removeprefix(prefix).partition('.')[0]
    for key in source.state
    if key.startswith(prefix)
  }
  return len(found)
