"""How images look as a whole, and which look unlike those of a training.

A network that was trained on images of one light, camera or scale may fail on
those of another without a sign of it. So a training keeps a few traits of its
images, the tones; before a model is used or scored, those of its images are
compared with them.

An image is unlike the training if the distance of its traits from the range of
the training, in units of their spread, is above a threshold. The threshold is
higher after fewer images, whose range says less. Several images are also unlike
it together if most of them lie outside of the range on the same side.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
import contextlib
import dataclasses
import functools

import cv2
import numpy as np

from magnet_jax.rasters.rasters import ArrayRaster, Raster
from magnet_jax.types import InputError, Sample, Tones

Load = Callable[[], Sample]
Look = Callable[[], tuple[str, Raster]]  # reads an image and its name
Traits = dict[str, float]  # of one image, by the names of `TRAITS`
_TILE, _TILES = 64, 8  # side in pixels, and most tiles along a side
_BLACK = 0.75  # share of a tile's pixels that must not be black
MOST = 64  # images of a training or a data set that are looked at
# Calibrated on crops seen in one field, on aerial photographs and on generated
# scenes; experiments/tones has the figures.
# a + b / images + c / images ** 2 is the threshold of one image, and that of
# the mean of several.
_ALONE = 1.2, 8.0, 40.0
_TOGETHER = 1.4, 1.5, 15.0
_FEWEST, _SHARE = 4, 2 / 3  # images, and how many of them must agree
_NAMED, _WORTH = 3, 0.5  # traits named at most, if so far from the range


@dataclasses.dataclass(frozen=True)
class Trait:
  """One property of an image.

  Attributes:
    more: what an image with a larger value is called.
    less: one with a smaller value.
    floor: spread below which differences do not matter.
    levels: whether the value is in levels of 0..255, which can be shown.
  """

  more: str
  less: str
  floor: float
  levels: bool = True


TRAITS = {
  'brightness': Trait('brighter', 'darker', 6.0),
  'contrast': Trait('more contrast', 'less contrast', 6.0),
  'warmth': Trait('redder', 'bluer', 10.0),
  'greenness': Trait('greener', 'less green', 6.0),
  'saturation': Trait('more colourful', 'greyer', 10.0),
  # Logarithms to base 2: a zoom by 1.25 changes them by about 0.3.
  'detail': Trait('sharper', 'blurrier', 0.3, levels=False),
  'texture': Trait('rougher', 'smoother', 0.3, levels=False),
}


def measure(raster: Raster) -> Traits | None:
  """Measures up to 64 small tiles of an image, read at its full size.

  Args:
    raster: of any size; tiles that are not valid everywhere, or black in a
      quarter of their pixels, do not count.

  Returns:
    The traits; None if no tile counts.
  """
  tiles = list(_tiles(raster))
  if not tiles:
    return None
  grey = [tile.mean(-1, dtype=np.float32) for tile in tiles]
  pixels = np.concatenate([tile.reshape(-1, 3) for tile in tiles])
  red, green, blue = pixels.mean(0, dtype=np.float64)
  spread = pixels.max(1).astype(np.int16) - pixels.min(1)
  found = {
    'brightness': (red + green + blue) / 3,
    'contrast': np.concatenate([g.ravel() for g in grey]).std(),
    'warmth': red - blue,
    'greenness': green - (red + blue) / 2,
    'saturation': spread.mean(),
    'detail': _roughness(grey),
    'texture': _roughness([_quarter(g) for g in grey]),
  }
  return {name: round(float(value), 3) for name, value in found.items()}


def _tiles(raster: Raster) -> Iterator[np.ndarray]:
  """Reads a grid of tiles, uint8 [h,w,3], row by row."""
  height, width = (min(_TILE, side) for side in raster.size)
  for top in _places(raster.size[0], height):
    for left in _places(raster.size[1], width):
      area = (top, left, height, width)
      valid = raster.valid(*area)
      if valid is not None and not valid.all():
        continue
      tile = raster.read(*area)
      # Samples do not tell pixels without data from black ones.
      if np.mean(tile.any(-1)) > _BLACK:
        yield tile


def _places(side: int, tile: int) -> list[int]:
  """Returns evenly spaced starts of tiles, the first and the last flush."""
  count = min(_TILES, -(-side // tile))
  return np.unique(np.linspace(0, side - tile, count).astype(int)).tolist()


def _quarter(grey: np.ndarray) -> np.ndarray:
  height, width = (max(1, side // 4) for side in grey.shape)
  return cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)


def _roughness(tiles: Sequence[np.ndarray]) -> float:
  """Returns log2 of 1 + the mean distance from the surroundings, in levels."""
  sums = [np.abs(t - cv2.blur(t, (3, 3))).sum(dtype=np.float64) for t in tiles]
  return float(np.log2(1 + sum(sums) / sum(t.size for t in tiles)))


def of_images(
  looks: Sequence[Look], done: Callable[[], None] = lambda: None
) -> tuple[Tones, list[str]]:
  """Measures images, at most 64 of them, evenly spaced.

  Args:
    looks: each reads one image; those that fail are passed over.
    done: progress callback, called after each image.

  Returns:
    The tones, and the names of their images.
  """
  found: list[Traits] = []
  names: list[str] = []
  for index in spaced(len(looks)):
    # What cannot be read is reported where it is used.
    with contextlib.suppress(InputError):
      name, raster = looks[index]()
      traits = measure(raster)
      if traits is not None:
        found.append(traits)
        names.append(name)
    done()
  return stack(found), names


def spaced(count: int) -> list[int]:
  """Returns the indices of the images that are looked at."""
  step = max(1.0, count / MOST)
  return [int(number * step) for number in range(min(count, MOST))]


def of_samples(loads: Sequence[Load]) -> tuple[Tones, list[str]]:
  """Measures labelled images as `of_images` does."""
  return of_images([functools.partial(_look, load) for load in loads])


def _look(load: Load) -> tuple[str, Raster]:
  sample = load()
  return sample.name, ArrayRaster(sample.image)


def stack(found: Iterable[Traits]) -> Tones:
  """Returns the traits of images by name; those of sets add up by `+`."""
  rows = list(found)
  if not rows:
    return {}
  return {name: tuple(row[name] for row in rows) for name in rows[0]}


@dataclasses.dataclass(frozen=True)
class Unlike:
  """Images that look unlike those of a training.

  Attributes:
    images: their indices.
    ways: in what they differ, the largest difference first.
  """

  images: tuple[int, ...]
  ways: tuple[str, ...]


def compare(trained: Tones, seen: Tones) -> Unlike | None:
  """Compares images with those of a training.

  Args:
    trained: of the training; empty if it is unknown.
    seen: of the images.

  Returns:
    Those that look unlike the training, None if none does.
  """
  names = [name for name in TRAITS if name in trained and name in seen]
  if not names:
    return None
  known, new = (
    np.array([tones[name] for name in names]).T for tones in (trained, seen)
  )
  count = len(known)
  low, high = known.min(0), known.max(0)
  variance = known.var(0, ddof=1) if count > 1 else np.zeros(len(names))
  spread = np.sqrt(
    variance + np.array([TRAITS[name].floor for name in names]) ** 2
  )
  # Positive above the range, negative below it, 0 inside.
  beyond = (new - np.clip(new, low, high)) / spread
  alone = np.linalg.norm(beyond, axis=1) > _threshold(_ALONE, count)
  shift = (new.mean(0) - known.mean(0)) / spread
  outside = np.sign(beyond) == np.sign(shift)
  together = (
    (outside.mean(0) >= _SHARE)
    & (np.abs(shift) > _threshold(_TOGETHER, count))
    & (len(new) >= _FEWEST)
  )
  unlike = alone | (outside & together).any(1)
  if not unlike.any():
    return None
  mean = new[unlike].mean(0)
  far = (mean - np.clip(mean, low, high)) / spread
  order = np.argsort(-np.abs(far))
  named = [
    _way(names[i], mean[i], low[i], high[i])
    for number, i in enumerate(order[:_NAMED])
    if number == 0 or abs(far[i]) > _WORTH or together[i]
  ]
  return Unlike(tuple(np.flatnonzero(unlike).tolist()), tuple(named))


def _threshold(rule: tuple[float, float, float], images: int) -> float:
  return rule[0] + rule[1] / images + rule[2] / images**2


def _way(name: str, value: float, low: float, high: float) -> str:
  """Returns 'brighter (174, not 98 to 169)'."""
  trait = TRAITS[name]
  word = trait.more if value > (low + high) / 2 else trait.less
  if not trait.levels:
    return word
  ends = dict.fromkeys((f'{low:.0f}', f'{high:.0f}'))
  return f'{word} ({value:.0f}, not {" to ".join(ends)})'


def message(unlike: Unlike, names: Sequence[str]) -> str:
  """Returns one line about images that look unlike those of the training.

  Args:
    unlike: of `compare`.
    names: of all images that were compared.
  """
  shown = [names[index] for index in unlike.images]
  who = f'{shown[0]} looks'
  if len(shown) > 1:
    more = f' and {len(shown) - 3} more' if len(shown) > 3 else ''
    listed = f'{", ".join(shown[:3])}{more}'
    who = f'{len(shown)} of {len(names)} images ({listed}) look'
  return (
    f'{who} unlike those that the model was trained on: '
    f'{", ".join(unlike.ways)}; expect errors, or add labelled images like '
    'that to the training'
  )


def remark(trained: Tones, seen: Sequence[tuple[str, Traits]]) -> str:
  """Returns `message` if images look unlike those of a training, or ''.

  Args:
    trained: of the training.
    seen: names and traits of the images.
  """
  unlike = compare(trained, stack(traits for _, traits in seen))
  return message(unlike, [name for name, _ in seen]) if unlike else ''
