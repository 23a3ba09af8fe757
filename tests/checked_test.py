"""Plain values are checked against a callable's annotations."""

import dataclasses
import functools

import pytest

from magnet_jax import checked
from magnet_jax.types import InputError, Size


@dataclasses.dataclass(frozen=True)
class Inner:
  size: Size
  names: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Outer:
  inner: Inner | None
  share: float = 0.5
  count: int = 1
  either: int | tuple[int, int] = 0
  flag: bool = False
  rest: dict[str, object] = dataclasses.field(default_factory=dict)

  def __post_init__(self):
    if self.count < 1:
      raise InputError(f'count {self.count}: must be at least 1; raise it')


def test_lists_and_objects_become_what_the_annotations_say():
  values = {
    'inner': {'size': [3, 4], 'names': ['a']},
    'share': 1,
    'either': [5, 6],
    'rest': {'a': [1, [2]]},
  }
  found = checked.call(Outer, values, 'x')
  inner = Inner((3, 4), ('a',))
  assert found == Outer(inner, 1, either=(5, 6), rest={'a': (1, (2,))})
  assert checked.call(Outer, {'inner': None, 'either': 7}, 'x').either == 7


@pytest.mark.parametrize(
  ('values', 'words'),
  [
    (5, 'x is 5: must be an object of values by name; correct it'),
    ({}, 'x.inner: is missing; add it'),
    ({'size': 5}, 'x.size: unknown; choose one of inner, share, count'),
    ({'inner': 5}, 'x.inner is 5: must be an object of values by name'),
    ({'inner': {'size': 5}}, 'x.inner.size is 5: must be a list of 2'),
    ({'inner': {'size': [5]}}, 'x.inner.size is [5]: must be a list of 2'),
    ({'inner': {'size': [5, '6']}}, "x.inner.size[1] is '6': must be a whole"),
    (
      {'inner': {'size': [5, True]}},
      'x.inner.size[1] is True: must be a whole',
    ),
    (
      {'inner': {'size': [5, 6], 'names': 'ab'}},
      "names is 'ab': must be a list",
    ),
    ({'inner': None, 'share': '1'}, "x.share is '1': must be a finite number"),
    (
      {'inner': None, 'share': float('inf')},
      'x.share is inf: must be a finite',
    ),
    (
      {'inner': None, 'share': True},
      'x.share is True: must be a finite number',
    ),
    ({'inner': None, 'count': 1.0}, 'x.count is 1.0: must be a whole number'),
    ({'inner': None, 'count': None}, 'x.count is None: must be a whole number'),
    ({'inner': None, 'count': 0}, 'x: count 0: must be at least 1; raise it'),
    ({'inner': None, 'flag': 1}, 'x.flag is 1: must be true or false'),
    (
      {'inner': None, 'either': 'a'},
      "is 'a': must be a whole number or a list",
    ),
    ({'inner': None, 'rest': []}, 'x.rest is []'),
    ({'inner': None, 'rest': {'a': float('nan')}}, 'x.rest.a is nan'),
  ],
)
def test_what_does_not_fit_is_named(values, words):
  with pytest.raises(InputError) as caught:
    checked.call(Outer, values, 'x')
  assert words in str(caught.value)


def _open(*, size: int, **others: object) -> dict:
  return {'size': size, **others}


def test_a_function_of_any_keywords_judges_them_itself():
  assert checked.call(_open, {'size': 1, 'a': [2]}, 'x') == {
    'size': 1,
    'a': (2,),
  }
  with pytest.raises(InputError, match=r'x\.size is None'):
    checked.call(_open, {'size': None}, 'x')


def test_what_is_bound_cannot_be_given_again():
  bound = functools.partial(_open, size=3)
  assert checked.call(bound, {'a': 1}, 'x') == {'size': 3, 'a': 1}
  with pytest.raises(InputError, match=r'x\.size: unknown'):
    checked.call(bound, {'size': 4}, 'x')


def test_long_values_are_cut():
  with pytest.raises(InputError) as caught:
    checked.call(Outer, {'inner': None, 'count': 'a' * 500}, 'x')
  assert len(str(caught.value)) < 150
