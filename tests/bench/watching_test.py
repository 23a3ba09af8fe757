"""The loop is timed by its own calls, and is the same afterwards."""

import time

import numpy as np
import pytest

from magnet_jax import parallel
from magnet_jax.bench import watching
from magnet_jax.cascade import batches, refine_step


def test_results_are_the_same_and_calls_are_counted(model):
  image = np.random.default_rng(0).integers(0, 256, (32, 48, 3), np.uint8)
  plan = model.plan((32, 48))
  expected = model.cascade().segment(image, plan)
  with watching.watch() as watch:
    for result, seconds in watching.stages(model.cascade(), image, plan):
      assert sum(watch.seconds.values()) - watch.seconds['cut'] <= seconds
      if result.stage.index:
        windows = len(result.windows)
        batch = watch.last.batch * parallel.device_count()
        assert watch.calls['cut'] == windows
        assert watch.calls['step'] == -(-windows // batch)
        assert watch.calls['fetch'] == watch.calls['merge']
        assert watch.last.step is refine_step.refine_windows
        assert watch.last.settings['window'] == (16, 24)
      watch.reset()
  np.testing.assert_array_equal(result.probabilities, expected)
  again = watch.last.on_one_device()()
  assert again.probabilities.shape == (watch.last.batch, 16, 24, 3)


def test_the_functions_come_back():
  before = parallel.over_devices, parallel.fetch, batches.run_parts
  with pytest.raises(KeyError), watching.watch():
    assert parallel.fetch is not before[1]
    raise KeyError
  assert before == (parallel.over_devices, parallel.fetch, batches.run_parts)


def test_merging_is_what_the_caller_does():
  def step(numbers):
    return numbers

  def arrays_of(number):
    return {'numbers': np.full((), number)}

  with watching.watch() as watch:
    found = []
    for part in batches.run_parts(step, [[0, 1], [2]], arrays_of, 2):
      found.append(part)
      time.sleep(0.02)
  assert [[number for number, _ in part] for part in found] == [[0, 1], [2]]
  assert watch.seconds['merge'] >= 0.04
  assert watch.calls == {'cut': 3, 'fetch': 2, 'merge': 2}
