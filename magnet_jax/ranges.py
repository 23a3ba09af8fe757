"""The table of what numbers may be: settings, metadata and flags alike.

A row holds for every setting and flag of its name, unless there is a row for
its section: 'train.batch' goes before 'batch' in all sections of `train`. The
bounds are generous: they refuse what cannot work or would never end.
"""

from collections.abc import Iterator, Mapping
import dataclasses
import math
import numbers
from typing import TypeGuard

from magnet_jax.types import InputError

_MANY = 10**9  # steps, pixels, points
_SHOWN = 60  # letters of a value in a message


@dataclasses.dataclass(frozen=True)
class Range:
  """What a number, or each number of a list, may be.

  Attributes:
    least: the smallest value.
    most: the largest value.
    above: whether `least` itself is too small.
    below: whether `most` itself is too large.
    whole: whether it must be a whole number.
    odd: whether it must be odd.
    counts: whether whole numbers are counts up to a thousand million, and only
      fractions have the bounds.
    pair: whether it is a list of two, (height, width), or a list of such.
  """

  least: float
  most: float
  above: bool = False
  below: bool = False
  whole: bool = False
  odd: bool = False
  counts: bool = False
  pair: bool = False

  def fits(self, value: float) -> bool:
    """Returns whether a number is right."""
    whole = isinstance(value, numbers.Integral)
    if (self.whole and not whole) or not (whole or math.isfinite(value)):
      return False
    if self.counts and whole:
      return 0 <= value <= _MANY
    if (self.above and value == self.least) or (
      self.below and value == self.most
    ):
      return False
    return self.least <= value <= self.most and not (self.odd and value % 2 < 1)

  def rule(self) -> str:
    """Returns what a number must be, in words."""
    ends = (self.least, self.most)
    least, most = (str(x) if isinstance(x, int) else f'{x:g}' for x in ends)
    bounds = (
      f'{"above " if self.above else ""}{least} to '
      f'{"below " if self.below else ""}{most}'
    )
    if self.counts:
      return f'a fraction of {bounds} or a count up to {_MANY}'
    kind = 'an odd' if self.odd else 'a whole' if self.whole else 'a'
    return f'{kind} number of {bounds}'


def _whole(least: int, most: int, *, pair: bool = False) -> Range:
  return Range(least, most, whole=True, pair=pair)


_SHARE = Range(0.0, 1.0)
_SHARE_OR_COUNT = Range(0.0, 1.0, counts=True)
_POSITIVE_SHARE = Range(0.0, 1.0, above=True)
_DECAY = Range(0.0, 1.0, below=True)
_TONE = Range(1.0, 4.0)
_SEED = _whole(0, 2**31 - 1)
_FEATURES = _whole(1, 2048)
_BLOCKS = _whole(1, 64)
_STRIDE = _whole(1, 64)
_SIDES = _whole(0, 4096, pair=True)
_NUMBER = _whole(0, 10**6)
_POSITIVE = Range(0.0, 1e6, above=True)
_FACTOR = Range(0.0, 1e6)

RANGES: dict[str, Range] = {
  'seed': _SEED,
  # data
  'first_seed': _SEED,
  'cache_mb': _whole(0, 10**8),
  'workers': _whole(0, 256),
  'scene_size': _whole(1, 20_000, pair=True),
  'train_scenes': _NUMBER,
  'val_scenes': _NUMBER,
  'test_scenes': _NUMBER,
  'bands': _whole(1, 65_535),
  # augment
  'brightness': _TONE,
  'contrast': _TONE,
  'gamma': _TONE,
  'channels': _TONE,
  'saturation': _TONE,
  'hue': Range(0.0, 180.0),
  'colour_jitter': _SHARE,
  # plan
  'network': _whole(1, 4096, pair=True),
  'window': _whole(0, 16_384, pair=True),
  'first': _SHARE,
  'last': _POSITIVE_SHARE,
  'patch_scale': _SHARE,
  # Below, an image would have hundreds of stages.
  'factor': Range(1.01, 1e6),
  'stages': _whole(0, 100),
  'scales': _whole(1, 10**7, pair=True),
  'overlap': Range(0.0, 0.9),  # with more, windows are a hundred times as many
  # refine
  'points': _SHARE_OR_COUNT,
  'kernel': Range(1, 31, whole=True, odd=True),
  'windows': _SHARE_OR_COUNT,
  'min_uncertainty': _SHARE,
  'simplify': Range(0.0, 1000.0),
  'mix': _SHARE,
  'stage_weights': _FACTOR,
  'trends': Range(-5.0, 5.0),  # a stage weighs 150 times the one before
  'bias': Range(-1000.0, 1000.0),
  'flips': _whole(1, 4),
  'filter_radius': _whole(0, 256),
  'batch': _whole(0, 65_536),
  # networks
  'width': _whole(1, 256),
  'pyramid': _FEATURES,
  'head': _FEATURES,
  'features': _FEATURES,
  'keys': _FEATURES,
  'units': _FEATURES,
  'stem': _FEATURES,
  'stem_width': _FEATURES,
  'widths': _FEATURES,
  'hidden': _FEATURES,
  'blocks': _BLOCKS,
  'stem_blocks': _BLOCKS,
  'modules': _BLOCKS,
  'repeats': _whole(1, 1000),
  'levels': _whole(1, 10),
  'stem_stride': _whole(1, 2),
  'output_stride': _STRIDE,
  'finest': _STRIDE,
  'coarsest': _STRIDE,
  'count': _whole(1, 100),
  'momentum': _DECAY,
  # correctors
  'radius': _whole(1, 256),
  'eps': _POSITIVE,
  'times': _whole(1, 100),
  'side': _whole(1, 4096),
  'margin': _whole(0, 2048),
  'reduction': _FACTOR,
  'least_share': Range(0.0, 0.5),
  'smallest': _whole(0, _MANY),
  'stuff': _whole(0, 255),
  'certainty': _SHARE,
  # train
  'steps': _whole(1, _MANY),
  'hours': _FACTOR,
  'patience': _whole(0, _MANY),
  **dict.fromkeys(('train.batch', 'accumulate'), _whole(1, 65_536)),
  'crop': _SIDES,
  'rate': Range(0.0, 1000.0),
  'weight_decay': Range(0.0, 1000.0),
  'clip': Range(0.0, 1e9),
  'warmup': _whole(0, _MANY),
  'drops': _SHARE,
  'average': _DECAY,
  'class_weights': _FACTOR,
  'ohem_threshold': _SHARE,
  'ohem_kept': _whole(0, _MANY),
  'scale_jitter': _TONE,
  **dict.fromkeys(('validate_every', 'validation_batches'), _whole(1, _MANY)),
  'band': _whole(0, 2048),
  **dict.fromkeys(('auxiliary', 'trunk_rate', 'segmenter_rate'), _FACTOR),
  'folds': _whole(2, 5),
  **dict.fromkeys(('least', 'fold_steps'), _POSITIVE_SHARE),
  # tune
  'images': _NUMBER,
  # flags that are no settings
  'minutes': Range(0, 10_000, above=True),
  'scale': _POSITIVE_SHARE,
  'head_points': _whole(1, _MANY),
  'bilateral_weight': _FACTOR,
  # Below, the grid has more cells than the image pixels.
  'bilateral_sigma': Range(1.0, 1e6),
  'colour_sigma': Range(1.0, 1e6),
  'memory': _POSITIVE,
  'limit': _whole(1, _MANY),
  'pictures': _NUMBER,
  'fast_windows': _SHARE_OR_COUNT,
  'devices': _NUMBER,
  'process': _NUMBER,
  'processes': _whole(1, 10**6),
  'classes': _whole(1, 255),
  **dict.fromkeys(('size', 'sizes'), _whole(1, 65_500)),  # JPEG has no more
  'batches': _whole(0, 65_536),
  'port': _whole(0, 65_535),
}


def find(name: str) -> Range | None:
  """Returns the range of a setting by its dotted name, or of a flag."""
  first, _, last = name.rpartition('.')
  return RANGES.get(f'{first.split(".")[0]}.{last}', RANGES.get(last))


def check(name: str, value: object, shown: str) -> None:
  """Checks a number, or the numbers of a list.

  Args:
    name: of the setting or flag.
    value: anything; what has no numbers in it is left to others.
    shown: how a message begins, such as '--kernel=4'.

  Raises:
    InputError: a number is out of range or not finite, or a list has another
      form.
  """
  found, leaves = find(name), [*_leaves(value)]
  if found is None:
    if all(math.isfinite(x) for x in leaves if isinstance(x, float)):
      return
    raise InputError(f'{shown}: must be finite; correct it')
  if (
    found.pair
    and isinstance(value, list | tuple)
    and not (_is_pair(value) or all(map(_is_pair, value)))
  ):
    raise InputError(
      f'{shown}: must be (height, width), each {found.rule()}; correct it'
    )
  wrong = [x for x in leaves if not _is_number(x) or not found.fits(x)]
  if wrong:
    each = ', each of them' if len(leaves) > 1 else ''
    raise InputError(f'{shown}: must be {found.rule()}{each}; correct it')


def check_all(settings: Mapping[str, object], prefix: str = '') -> None:
  """Checks the numbers of all settings of a config or of metadata.

  Args:
    settings: sections of settings, by name.
    prefix: of their names, with its dot.

  Raises:
    InputError: for the first number that is out of range.
  """
  for key, value in settings.items():
    name = f'{prefix}{key}'
    if isinstance(value, Mapping):
      # A user's own network, MODULE:NAME, knows its own ranges.
      if name != 'segmenter' or ':' not in str(value.get('name')):
        check_all(value, f'{name}.')
    else:
      check(name, value, f'config.{name} is {_shown(value)}')


def check_fields(settings: object) -> None:
  """Checks the numbers of a dataclass, by the names of its fields."""
  for field in dataclasses.fields(settings):  # type: ignore[arg-type]
    value = getattr(settings, field.name)
    check(field.name, value, f'{field.name} {_shown(value)}')


def _shown(value: object) -> str:
  try:
    return repr(value)[:_SHOWN]
  except ValueError:  # Python writes no number of thousands of digits
    return 'a number of thousands of digits'


def _is_number(value: object) -> TypeGuard[float]:
  return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _is_pair(value: object) -> bool:
  return (
    isinstance(value, list | tuple)
    and len(value) == 2
    and all(map(_is_number, value))
  )


def _leaves(value: object) -> Iterator[object]:
  """All that lists hold; of a single value, only a number."""
  if isinstance(value, list | tuple):
    for item in value:
      yield from _leaves(item) if isinstance(item, list | tuple) else (item,)
  elif _is_number(value):
    yield value
