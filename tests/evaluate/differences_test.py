"""Which sides are compared: the reference of each run, and runs with runs."""

import pytest

from magnet_jax import types
from magnet_jax.evaluate import differences
from magnet_jax.evaluate.saved_runs import Run

CLASSES = types.ClassTable(('soil', 'leaf'), ((0, 0, 0), (9, 9, 9)))


def run(name, *methods, images='ab', **more):
  found = [
    {'image': image, 'method': method, 'miou': 0.1 * n, 'boundary_iou': None}
    for image in images
    for n, method in enumerate(methods)
  ]
  return Run(name, tuple(found), CLASSES, {}, **more)


def pairs(*runs):
  return differences.within({each.name: each for each in runs})


def test_the_reference_is_compared_with_each_other_method_in_order():
  one = run('a', 'x', 'y', 'z', order=('z', 'x'), chosen='x')
  assert pairs(one) == [(('a', 'x'), ('a', 'z')), (('a', 'x'), ('a', 'y'))]


def test_each_run_has_its_own_reference():
  first = run('a', 'x', 'y', chosen='y')
  second = run('b', 'x', 'magnet', 'y', chosen='removed')
  third = run('c', 'x', 'y')  # recorded none and has no default: the last
  assert [pair[0] for pair in pairs(first, second, third)] == [
    ('a', 'y'),
    ('b', 'magnet'),
    ('b', 'magnet'),
    ('c', 'y'),
  ]


def test_one_method_has_nothing_to_be_compared_with():
  assert pairs(run('a', 'x')) == []


def test_runs_are_compared_by_the_methods_they_share():
  runs = {'a': run('a', 'x', 'y'), 'b': run('b', 'y', 'z'), 'c': run('c', 'z')}
  assert differences.across(runs) == [(('b', 'y'), ('a', 'y'))]
  (found,) = differences.compare(runs, differences.across(runs))
  assert found.label == 'y: b - a'
  assert found.by_score['miou'].mean == pytest.approx(-0.1)
  assert found.by_score['boundary_iou'] is None  # no image has any
