"""Settings of a config that vary from run to run, and all combinations."""

from collections.abc import Iterator, Sequence
import dataclasses
import itertools
import re

from magnet_jax.types import InputError

MOST = 1000  # runs of one sweep
_SPELLED = 'KEY=VALUE,VALUE,…'


@dataclasses.dataclass(frozen=True)
class Variation:
  """One run of a sweep.

  Attributes:
    name: such as 'rate=0.01,width=32', fit for a folder.
    overrides: such as '--config.train.segmenter.rate=0.01'.
  """

  name: str
  overrides: tuple[str, ...]


def combine(texts: Sequence[str]) -> list[Variation]:
  """Returns a run for each combination of values.

  >>> [each.name for each in combine(['a.rate=1,2', 'b.width=8'])]
  ['rate=1,width=8', 'rate=2,width=8']

  Args:
    texts: 'KEY=VALUE,VALUE,…' each, with the dotted key of a field; commas in
      brackets and quotes belong to the value.

  Raises:
    InputError: a text is none, a key or value is there twice, or there are
      too many combinations.
  """
  fields = [_parse(text) for text in texts]
  keys = [key for key, _ in fields]
  for key in keys:
    if keys.count(key) > 1:
      raise InputError(
        f'--vary={key}: is there twice; give all its values once'
      )
  runs = 1
  for _, values in fields:
    runs *= len(values)
  if runs > MOST:
    raise InputError(f'--vary: {runs} runs, must be at most {MOST}; vary less')
  short = dict(zip(keys, _short(keys), strict=True))
  found = [
    Variation(
      ','.join(f'{short[key]}={_plain(v)}' for key, v in chosen),
      tuple(f'--config.{key}={value}' for key, value in chosen),
    )
    for chosen in itertools.product(
      *([(key, value) for value in values] for key, values in fields)
    )
  ]
  names = [each.name for each in found]
  for name in names:
    if names.count(name) > 1:
      raise InputError(
        f'--vary: two runs would be named {name}; give values that differ'
      )
  return found


def _parse(text: str) -> tuple[str, list[str]]:
  key, equals, rest = text.partition('=')
  key = key.strip().removeprefix('--').removeprefix('config.')
  values = [value.strip() for value in _split(rest)]
  if not (key and equals and all(values)):
    raise InputError(
      f'--vary={text}: must be {_SPELLED}, such as '
      'train.segmenter.rate=0.001,0.003'
    )
  return key, values


def _split(text: str) -> Iterator[str]:
  """Splits at commas, but not at those in brackets and quotes."""
  part, depth, quote = '', 0, ''
  for letter in text:
    if quote:
      quote = '' if letter == quote else quote
    elif letter in '\'"':
      quote = letter
    elif letter in '([':
      depth += 1
    elif letter in ')]':
      depth -= 1
    elif letter == ',' and depth == 0:
      yield part
      part = ''
      continue
    part += letter
  yield part


def _short(keys: Sequence[str]) -> Iterator[str]:
  """Yields the last words of each key that tell it from the others."""
  for key in keys:
    words = key.split('.')
    for count in range(1, len(words) + 1):
      short = '.'.join(words[-count:])
      if sum(f'.{other}'.endswith(f'.{short}') for other in keys) == 1:
        break
    yield short


def _plain(value: str) -> str:
  """Returns a value as a part of the name of a folder."""
  return re.sub(r'[^\w.+-]+', '_', value).strip('_')[:60] or 'empty'
