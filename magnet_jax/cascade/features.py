"""Whether a segmenter returns the features that a refiner needs."""

import functools
import weakref

import jax
import jax.numpy as jnp

from magnet_jax.cascade.host_segmenter import HostSegmenter
from magnet_jax.types import InputError, Network, Size

# Cascades of the same model share its segmenter, which is traced once. Weak,
# as a segmenter holds its weights.
_Passed = weakref.WeakKeyDictionary[Network | HostSegmenter, set[Size]]
_passed: _Passed = weakref.WeakKeyDictionary()


def check(segmenter: Network | HostSegmenter, network: Size) -> None:
  """Checks that a segmenter returns features, without running it.

  Args:
    segmenter: normalised images [B,h,w,3], features=True -> logits [B,h,w,C],
      features by name.
    network: (h, w), the networks' input size.

  Raises:
    InputError: it does not.
  """
  if isinstance(segmenter, HostSegmenter) and segmenter.features:
    return
  if network in _passed.get(segmenter, ()):
    return
  images = jax.ShapeDtypeStruct((1, *network, 3), jnp.float32)
  reason = 'is a function of NumPy arrays'
  if not isinstance(segmenter, HostSegmenter):
    try:
      _, found = jax.eval_shape(
        functools.partial(segmenter, features=True), images
      )
    except (TypeError, ValueError) as error:
      reason = (str(error).splitlines() or [''])[0][:200]
    else:
      if isinstance(found, dict) and found:
        _passed.setdefault(segmenter, set()).add(network)
        return
      reason = f'returns a {type(found).__name__} beside its logits'
  raise InputError(
    f'a refiner that needs features, but the segmenter has none ({reason}): '
    "it must accept features=True and return (logits, {'fused': features}); "
    'use such a segmenter, or --fusion=mean'
  )
