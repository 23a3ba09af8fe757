from typing import NamedTuple

import numpy as np
import pytest

from magnet_jax import parallel
from magnet_jax.cascade import batches


def _run(step, numbers, arrays_of, batch):
  starts = range(0, len(numbers), batch)
  parts = [numbers[start : start + batch] for start in starts]
  for results in batches.run_parts(step, parts, arrays_of, batch):
    yield from results


class _Pair(NamedTuple):
  double: object
  rows: object


def _double(*, x):
  return x * 2


def _pair(*, x):
  return _Pair(x * 2, x[:, 0])


def _arrays_of(number):
  return {'x': np.full((3, 2), number, np.float32)}


@pytest.mark.parametrize('count', [0, 1, 7, 8, 9])
@pytest.mark.parametrize('devices', [1, 4])
@pytest.mark.parametrize('each', [1, 2])
def test_all_windows_come_back_in_order(count, devices, each):
  step = parallel.over_devices(_double, devices=devices)
  numbers = list(range(10, 10 + count))
  found = list(_run(step, numbers, _arrays_of, devices * each))
  assert [number for number, _ in found] == numbers
  for number, result in found:
    np.testing.assert_array_equal(result, np.full((3, 2), 2 * number))


@pytest.mark.parametrize('devices', [1, 4])
def test_fields_stay_together(devices):
  step = parallel.over_devices(_pair, devices=devices)
  for number, result in _run(step, [5, 3, 8], _arrays_of, devices):
    assert isinstance(result, _Pair)
    np.testing.assert_array_equal(result.double, np.full((3, 2), 2 * number))
    np.testing.assert_array_equal(result.rows, np.full(2, number))


def test_the_last_batch_is_filled_to_one_shape():
  shapes = set()

  def step(*, x):
    shapes.add(x.shape)
    return x

  assert len(list(_run(step, range(5), _arrays_of, 2))) == 5
  assert shapes == {(2, 3, 2)}


def test_parts_may_be_short_or_empty():
  step = parallel.over_devices(_double, devices=1)
  parts = [[], [1, 2], [], [3], []]
  found = list(batches.run_parts(step, parts, _arrays_of, 2))
  assert [[number for number, _ in part] for part in found] == parts


def test_an_error_in_cutting_reaches_the_caller():
  def cut(number):
    if number == 4:
      raise ValueError('broken')
    return _arrays_of(number)

  found = []
  with pytest.raises(ValueError, match='broken'):
    for number, _ in _run(lambda *, x: x, range(9), cut, 1):
      found.append(number)
  assert found in ([], [0], [0, 1], [0, 1, 2])


def test_a_batch_is_launched_before_the_one_before_is_fetched():
  events = []

  def step(*, x):
    events.append(f'launch {int(x[0, 0, 0])}')
    return x

  for number, _ in _run(step, range(3), _arrays_of, 1):
    events.append(f'yield {number}')
  assert events == [
    'launch 0',
    'launch 1',
    'yield 0',
    'launch 2',
    'yield 1',
    'yield 2',
  ]
