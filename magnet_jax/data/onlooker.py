"""Measures the tones of images while they are read for another reason."""

from collections.abc import Sequence
import contextlib
import functools

from magnet_jax import parallel
from magnet_jax.data import tones
from magnet_jax.rasters.rasters import ArrayRaster
from magnet_jax.types import InputError, Sample, Tones

# Name and traits of an image; None if it has none.
Seen = tuple[str, tones.Traits] | None


class Onlooker:
  """Readers of images whose tones are measured as they are read.

  Attributes:
    loads: each reads one image; at most 64 of them are looked at.
  """

  def __init__(self, trained: Tones, loads: Sequence[tones.Load]) -> None:
    """Reads nothing yet.

    Args:
      trained: of the training; empty if it is unknown.
      loads: each reads one image.
    """
    self._trained = trained
    self._plain = list(loads)
    self._seen: dict[int, Seen] = {}
    self.loads = self._plain.copy()
    for index in tones.spaced(len(loads)) if trained else ():
      self.loads[index] = functools.partial(self._load, index)

  def _load(self, index: int) -> Sample:
    measured = index in self._seen
    self._seen.setdefault(index)  # what cannot be read is not tried again
    sample = self._plain[index]()
    if not measured and (traits := tones.measure(ArrayRaster(sample.image))):
      self._seen[index] = sample.name, traits
    return sample

  def remark(self) -> str:
    """Returns one line if images look unlike those of the training, or ''.

    Reads the images that were not, as in a run that is resumed. All processes
    must call it; the line is that of the first one.
    """
    if not self._trained:
      return ''
    parts = parallel.gather(list(self._seen.items()))
    if not parallel.is_main():
      return ''
    self._seen = dict(each for part in parts for each in part)
    for index in tones.spaced(len(self._plain)):
      if index not in self._seen:
        with contextlib.suppress(InputError):
          self._load(index)
    found = [seen for _, seen in sorted(self._seen.items()) if seen]
    return tones.remark(self._trained, found)
