"""Any function of NumPy arrays as the segmenter: PyTorch, ONNX, your own."""

from collections.abc import Callable
import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from magnet_jax import outside
from magnet_jax.ops import normalise, resize
from magnet_jax.types import Array, InputError, Size

CHANNELS = ('last', 'first')
OUTPUTS = ('logits', 'probabilities')
# Sides of maps, in those of the images. Some networks enlarge what they see;
# larger maps take memory and are made smaller again.
LARGEST = 4

# Tolerance of sums that should be 1; half precision is off by .002.
_SUM_TOLERANCE = 1e-2
_SAMPLED = 16  # every so many rows and columns
_LEAST = 1e-30  # its logarithm is finite in float32


@dataclasses.dataclass(frozen=True)
class HostSegmenter:
  """A function of NumPy arrays used as a segmenter.

  It is called with images of one shape only, [batch,h,w,3] with the plan's
  network size (h, w): a smaller last batch is padded with copies. Its results
  may be smaller or larger than its input, as for a network of stride 4; they
  are resized bilinearly. Anything that NumPy can convert to an array is fine.

  Attributes:
    function: images -> logits or probabilities.
    num_classes: C.
    normalised: whether it takes float32 normalised with ImageNet's mean and
      standard deviation; otherwise uint8, RGB.
    channels: 'last' for images [B,h,w,3] -> [B,h,w,C]; 'first', as in PyTorch
      and most ONNX files, for [B,3,h,w] -> [B,C,h,w].
    outputs: 'logits' or 'probabilities', after softmax.
    batch: B of every call.
    size: (h, w), if the function accepts only one size.
    bias: C numbers that are added to the logits, or none.
    features: names of what the function returns besides, for refiners that need
      features: then it returns (logits, {name: [B,h',w',F]}), of normalised
      channels-last images.
    name: used in messages.

  Raises:
    InputError: for settings out of range.

  A PyTorch network:

  >>> def run(images):  # doctest: +SKIP
  ...   with torch.inference_mode():
  ...     return network(torch.from_numpy(images))['out'].numpy()
  >>> HostSegmenter(run, num_classes=7, channels='first')  # doctest: +SKIP
  """

  function: Callable[[np.ndarray], Any]
  num_classes: int
  normalised: bool = True
  channels: str = 'last'
  outputs: str = 'logits'
  batch: int = 1
  size: Size | None = None
  bias: tuple[float, ...] = ()
  features: tuple[str, ...] = ()
  name: str = 'segmenter'

  def __post_init__(self) -> None:
    for what, value, known in (
      ('channels', self.channels, CHANNELS),
      ('outputs', self.outputs, OUTPUTS),
    ):
      if value not in known:
        raise InputError(
          f'{self.name}: {what} {value!r}: must be one of {", ".join(known)}; '
          'choose one'
        )
    if self.batch < 1 or self.num_classes < 1:
      raise InputError(
        f'{self.name}: batch {self.batch}, num_classes {self.num_classes}: '
        'both must be at least 1; raise them'
      )

  def __call__(self, images: Array) -> np.ndarray:
    """Segments windows on the host: uint8 [N,h,w,3] -> logits [N,h,w,C].

    Raises:
      InputError: as for `with_features`.
    """
    return self.with_features(images)[0]

  def with_features(
    self, images: Array
  ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Segments windows on the host.

    Args:
      images: uint8 [N,h,w,3], any number of them.

    Returns:
      float32 [N,h,w,C], logits; the features [N,h',w',F] by name.

    Raises:
      InputError: the function fails, or does not return finite maps of the
        C classes for its images.
    """
    if isinstance(images, jax.core.Tracer):
      raise InputError(
        f'{self.name}: is a function of NumPy arrays, which cannot be part of '
        'a compiled step: it can segment and be evaluated, but neither be '
        'trained with nor timed in parts; use a segmenter of magnet_jax there'
      )
    images = np.asarray(images)
    self.check_size((images.shape[1], images.shape[2]))
    pieces = [
      self._piece(images[start : start + self.batch])
      for start in range(0, len(images), self.batch)
    ]
    if len(pieces) == 1:
      return pieces[0]
    return np.concatenate([logits for logits, _ in pieces]), {
      name: np.concatenate([found[name] for _, found in pieces])
      for name in self.features
    }

  def _piece(
    self, batch: np.ndarray
  ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Calls the function with at most `batch` images."""
    given = self._given(batch)
    with outside.reading(
      self.name,
      'cannot segment',
      f'it was called with {given.dtype} {_shape(given)}, channels '
      f'{self.channels}, which it must accept: try it on its own, or set '
      'channels, normalised or size',
      memory='free some, or use a smaller network, window or batch',
    ):
      result = self.function(given)
      found = {}
      if self.features:
        result, shown = result
        found = {name: np.asarray(shown[name]) for name in self.features}
      result = np.asarray(result)
    kept = {name: array[: len(batch)] for name, array in found.items()}
    return self._logits(result, batch), kept

  def check_size(self, network: Size) -> None:
    """Raises InputError if it does not accept the network's size."""
    if self.size is not None and self.size != network:
      raise InputError(
        f'{self.name}: accepts only images of {self.size[0]}x{self.size[1]}, '
        f"but the plan's network size is {network[0]}x{network[1]}; export it "
        'with dynamic sizes, or set network to its size'
      )

  def try_out(self, network: Size) -> None:
    """Segments black windows, to find errors before any real work.

    Raises:
      InputError: as for a call.
    """
    self(np.zeros((self.batch, *network, 3), np.uint8))

  def _given(self, images: np.ndarray) -> np.ndarray:
    """At most `batch` images in the function's format, padded to `batch`."""
    # Always a copy: functions may write to their arguments.
    filled = images[np.minimum(np.arange(self.batch), len(images) - 1)]
    given = _normalised(filled) if self.normalised else filled
    if self.channels == 'first':
      return np.ascontiguousarray(given.transpose(0, 3, 1, 2))
    return given

  def _logits(self, result: np.ndarray, images: np.ndarray) -> np.ndarray:
    """The function's result for images: float32 [B,h,w,C], checked."""
    # NumPy does not count bfloat16 among the floating-point types.
    kinds = (jnp.floating, jnp.integer)
    if not any(jnp.issubdtype(result.dtype, kind) for kind in kinds):
      raise InputError(
        f'{self.name}: returns {result.dtype} {_shape(result)}: must return '
        'an array of floating-point numbers'
        '; return logits or probabilities'
      )
    count, size = len(images), (images.shape[1], images.shape[2])
    maps = self._channels_last(result, size)[:count]
    if maps.shape[1:3] != size:
      maps = np.stack([resize.probabilities(each, size) for each in maps])
    if self.outputs == 'probabilities':
      maps = np.log(np.maximum(maps, np.float32(_LEAST)))
    return maps + np.asarray(self.bias, np.float32) if self.bias else maps

  def _channels_last(self, result: np.ndarray, size: Size) -> np.ndarray:
    """The result as float32 [B,h',w',C], checked."""
    batch, count = self.batch, self.num_classes
    first = self.channels == 'first'
    wanted = f'[{batch},{count},h,w]' if first else f'[{batch},h,w,{count}]'
    problem = f'{self.name}: returns {_shape(result)}: must be {wanted}'
    if result.ndim != 4 or result.shape[0] != batch or not result.size:
      raise InputError(
        f'{problem}, one map per class and image; return the '
        f'{self.outputs} before any argmax'
      )
    maps = result.transpose(0, 2, 3, 1) if first else result
    if maps.shape[-1] != count:
      turned = result.shape[-1 if first else 1] == count
      raise InputError(
        f'{problem}, channels {self.channels}; '
        + (
          f'give channels={CHANNELS[1 - first]!r}'
          if turned
          else f'use a segmenter of {count} classes'
        )
      )
    height, width = maps.shape[1:3]
    if max(height / size[0], width / size[1]) > LARGEST:
      raise InputError(
        f'{problem} for images of {size[0]}x{size[1]}: maps may be at most '
        f'{LARGEST} times as large; return them before they are enlarged'
      )
    # Any stride, but the same on both axes; rounding may add a row.
    if abs(height / size[0] - width / size[1]) > 1 / size[0] + 1 / size[1]:
      raise InputError(
        f'{problem} for images of {size[0]}x{size[1]}: must keep their aspect '
        'ratio; return height before width'
      )
    with np.errstate(over='ignore'):  # infinity is reported below
      maps = np.asarray(maps, np.float32)
    self._check_values(maps)
    return maps

  def _check_values(self, maps: np.ndarray) -> None:
    if not np.isfinite(maps).all():
      raise InputError(
        f'{self.name}: returns NaN or infinity: {self.outputs} must be '
        'finite; check its weights, its input range and half precision'
      )
    # Of a few pixels first: sums over few classes are slow.
    sums_to_1 = _sum_to_1(maps[:, ::_SAMPLED, ::_SAMPLED]) and _sum_to_1(maps)
    if self.outputs == 'probabilities' and not sums_to_1:
      sums = maps.sum(-1)
      # Both mistakes would go unnoticed otherwise: the labels look plausible,
      # but every uncertainty is wrong.
      raise InputError(
        f'{self.name}: returns values from {maps.min():.3g} to '
        f'{maps.max():.3g} that sum to {sums.min():.3g} to {sums.max():.3g}: '
        "probabilities must sum to 1 in every pixel; give outputs='logits'"
      )
    if self.outputs == 'logits' and sums_to_1 and self.num_classes > 1:
      raise InputError(
        f'{self.name}: returns values that sum to 1 in every pixel: logits do '
        "not, probabilities do; give outputs='probabilities'"
      )


def _sum_to_1(maps: np.ndarray) -> bool:
  """Whether maps [B,h,w,C] are probabilities, as far as rounding allows."""
  sums = maps.sum(-1)
  return bool(
    maps.min() >= -_SUM_TOLERANCE
    and np.ptp(sums) <= 2 * _SUM_TOLERANCE
    and abs(sums.flat[0] - 1) <= _SUM_TOLERANCE
  )


def _normalised(images: np.ndarray) -> np.ndarray:
  """`normalise.normalise` on the host, without a device."""
  mean = np.asarray(normalise.MEAN, np.float32) * 255
  scale = 1 / (np.asarray(normalise.STD, np.float32) * 255)
  return (images.astype(np.float32) - mean) * scale


def _shape(array: np.ndarray) -> str:
  return f'[{",".join(map(str, array.shape))}]'
