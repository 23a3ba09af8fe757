"""How the networks in PyTorch files are shown colours.

Detectron2's files can hold `pixel_mean` and `pixel_std`; openseg.pytorch's say
nothing. Without them, a network is as it was published:

- PointRend (Detectron2, projects/PointRend and config/defaults.py): blue first,
  0 to 255 less the mean, on a ResNet whose first convolutions halve.
- SegFix (openseg.pytorch, configs/cityscapes/H_SEGFIX.json): blue first, as
  OpenCV reads images, and then normalised by the figures of red, green, blue.
"""

from collections.abc import Mapping

import numpy as np

from magnet_jax.ops import normalise
from magnet_jax.types import InputError, Section

KEYS = ('pixel_mean', 'pixel_std')
_PUBLISHED: dict[str, Section] = {
  'pointrend': {'colours': 'caffe', 'stride_first': True},
  'segfix': {'colours': 'blue_first'},
}
# What the values of the keys say.
_MEAN, _STD = (
  255 * np.array(row, np.float32) for row in (normalise.MEAN, normalise.STD)
)
_CAFFE = _MEAN[::-1], np.ones(3, np.float32)


def settings(
  network: str, arrays: Mapping[str, np.ndarray], name: str
) -> dict[str, object]:
  """Returns the settings of a network on which its file's colours depend.

  Args:
    network: a key of `torch_names.NAMES`.
    arrays: those of the file, by plain names.
    name: of the file, for messages.

  Raises:
    InputError: it was shown colours in a way that is not known here.
  """
  published = dict(_PUBLISHED.get(network, {}))
  if not published or KEYS[0] not in arrays:
    return published
  mean, std = (np.ravel(arrays.get(key, _CAFFE[1])) for key in KEYS)
  if _same((mean, std), (_MEAN, _STD)):
    return {'colours': 'normalised', **_others(published, on=False)}
  if _same((mean, std), _CAFFE):
    return {'colours': 'caffe', **_others(published, on=True)}
  raise InputError(
    f'{name}: pixel_mean {mean.tolist()!s:.60} and pixel_std '
    f'{std.tolist()!s:.60}: must be those of ImageNet, red first, or of Caffe, '
    'blue first with deviations of 1; convert another file'
  )


def keys(network: str, section: Section) -> dict[str, np.ndarray]:
  """Returns the keys of a file that say how colours are not as published.

  Args:
    network: a key of `torch_names.NAMES`.
    section: the network's settings.
  """
  way = section.get('colours', 'normalised')
  if network not in _PUBLISHED or way == _PUBLISHED[network]['colours']:
    return {}
  values = _CAFFE if way == 'caffe' else (_MEAN, _STD)
  return {
    key: np.ascontiguousarray(row).reshape(3, 1, 1)
    for key, row in zip(KEYS, values, strict=True)
  }


def _others(published: Section, *, on: bool) -> dict[str, object]:
  """Settings that go with those colours."""
  return {'stride_first': on} if 'stride_first' in published else {}


def _same(
  found: tuple[np.ndarray, np.ndarray], wanted: tuple[np.ndarray, np.ndarray]
) -> bool:
  return all(
    one.shape == other.shape and np.allclose(one, other, rtol=1e-3)
    for one, other in zip(found, wanted, strict=True)
  )
