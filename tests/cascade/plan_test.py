import itertools

import pytest

from magnet_jax.cascade import plan
from magnet_jax.cascade import settings as settings_module
from magnet_jax.types import InputError

SIZES = [
  (2448, 2448),
  (1024, 2048),
  (3264, 2448),
  (16, 16),
  (17, 16),
  (17, 17),
  (1, 1),
  (1, 500),
  (500, 1),
  (7, 9),
  (33, 200),
  (101, 103),
]


def _sizes(size, **settings):
  return [stage.size for stage in plan.make_plan(size, **settings)]


@pytest.mark.parametrize('overlap', [0.0, 0.3])
@pytest.mark.parametrize('settings', [{}, {'factor': 1.5}, {'stages': 3}])
@pytest.mark.parametrize('window', [(16, 16), (16, 32), (61, 61)])
@pytest.mark.parametrize('size', SIZES)
def test_properties_of_automatic_stages(size, window, settings, overlap):
  stages = plan.make_plan(size, window=window, overlap=overlap, **settings)
  assert [stage.index for stage in stages] == list(range(len(stages)))
  first, last = stages[0], stages[-1]
  assert last.size == size
  assert first.size[0] <= window[0] and first.size[1] <= window[1]
  assert len(first.grid) == 1
  fits = size[0] <= window[0] and size[1] <= window[1]
  assert (len(stages) == 1) == fits
  if not fits:  # as large as the window lets it be
    assert first.size[0] == window[0] or first.size[1] == window[1]
  for stage in stages:
    assert stage.grid.window == window
    longer = size.index(max(size))
    shrink = stage.size[longer] / size[longer]
    for have, full in zip(stage.size, size, strict=True):
      assert abs(have - max(1, full * shrink)) <= 1.01  # same aspect ratio
  for one, other in itertools.pairwise(stages):
    assert one.size != other.size
    assert one.size[0] <= other.size[0] and one.size[1] <= other.size[1]
  if 'stages' in settings and not fits:
    assert len(stages) <= settings['stages']


@pytest.mark.parametrize('factor', [1.3, 2.0, 4.0])
@pytest.mark.parametrize('size', [(2448, 2448), (613, 613), (5000, 4001)])
def test_steps_are_equal_and_not_above_the_factor(size, factor):
  sizes = _sizes(size, window=(306, 306), factor=factor)
  steps = [b[0] / a[0] for a, b in itertools.pairwise(sizes)]
  assert max(steps) <= factor * 1.055
  assert max(steps) - min(steps) < 0.02


def test_known_plans():
  assert _sizes((2448, 2448), window=(306, 306)) == [
    (306, 306), (612, 612), (1224, 1224), (2448, 2448)
  ]  # fmt: skip
  assert _sizes((1024, 2048), window=(128, 256)) == [
    (128, 256), (256, 512), (512, 1024), (1024, 2048)
  ]  # fmt: skip
  assert _sizes((17, 17), window=(16, 16)) == [(16, 16), (17, 17)]
  assert _sizes((613, 612), window=(306, 306)) == [(306, 306), (613, 612)]


def test_deepglobe_scales():
  boxes = [(612, 612), (1224, 1224), (2448, 2448)]
  stages = plan.make_plan((2448, 2448), window=(612, 612), scales=boxes)
  assert [len(stage.grid) for stage in stages] == [1, 4, 16]
  assert [stage.size for stage in stages] == boxes


@pytest.mark.parametrize(
  ('size', 'expected'),
  [
    ((8, 8), [(8, 8)]),
    ((20, 20), [(16, 16), (20, 20)]),
    ((100, 50), [(16, 8), (40, 20), (100, 50)]),
    ((40, 40), [(16, 16), (40, 40)]),
  ],
)
def test_explicit_scales_fit_any_image(size, expected):
  scales = [(16, 16), (40, 40)]
  assert _sizes(size, window=(16, 16), scales=scales) == expected


def test_fit_never_grows_and_touches_the_box():
  assert plan.fit((5, 7), (16, 16)) == (5, 7)
  assert plan.fit((100, 50), (16, 16)) == (16, 8)
  assert plan.fit((50, 100), (16, 16)) == (8, 16)
  assert plan.fit((1, 10_000), (16, 16)) == (1, 16)


@pytest.mark.parametrize(
  ('size', 'settings'),
  [
    ((0, 5), {}),
    ((5, 5), {'window': (0, 4)}),
    ((50, 50), {'factor': 1.0}),
    ((50, 50), {'factor': float('nan')}),
    ((50, 50), {'stages': 1}),
    ((50, 50), {'stages': 0}),
    ((50, 50), {'overlap': 1.0}),
    ((50, 50), {'scales': []}),
    ((50, 50), {'scales': [(0, 4)]}),
    ((50, 50), {'scales': [(17, 16)]}),
    ((50, 50), {'scales': [(16, 16), (12, 40)]}),
    ((50, 50), {'factor': 'third'}),
    ((50, 50), {'overlap': (0.2, 1.0)}),
    ((50, 50), {'first': 1.5}),
    ((50, 50), {'first': -0.5}),
    ((50, 50), {'first': float('nan')}),
    ((50, 50), {'last': 0.0}),
    ((50, 50), {'last': 2}),
    ((50, 50), {'first': 0.5, 'last': 0.4}),
    ((50, 50), {'first': 0.3}),  # 15 pixels
    ((50, 50), {'first': 0.5, 'scales': [(16, 16)]}),
  ],
)
def test_refuses(size, settings):
  with pytest.raises(InputError) as caught:
    plan.make_plan(size, **{'window': (16, 16)} | settings)
  assert '\n' not in str(caught.value)


def test_a_plan_between_two_scales():
  settings = {'window': (306, 306), 'first': 0.5, 'factor': 'half-octave'}
  assert _sizes((966, 1296), **settings) == [
    (483, 648), (683, 916), (966, 1296)
  ]  # fmt: skip
  assert _sizes((966, 1296), **settings | {'factor': 'octave'}) == [
    (483, 648), (966, 1296)
  ]  # fmt: skip
  # The result of the last stage with windows is enlarged.
  stages = plan.make_plan((966, 1296), last=0.71, **settings)
  assert [s.size for s in stages] == [(483, 648), (686, 920), (966, 1296)]
  assert [len(s.grid) for s in stages] == [6, 12, 0]
  assert [s.index for s in stages] == [0, 1, 2]
  # A single scale, and a given number of stages.
  single = settings | {'first': 0.71, 'last': 0.71}
  assert _sizes((1000, 1000), **single) == [(710, 710), (1000, 1000)]
  assert len(_sizes((2000, 2000), stages=5, **settings)) == 5
  with pytest.raises(InputError, match=r'1 stage\(s\) from scale'):
    _sizes((2000, 2000), stages=1, **settings)
  assert _sizes((300, 200), **settings) == [(300, 200)]  # one window


@pytest.mark.parametrize('last', [0.4, 0.9, 1.0])
@pytest.mark.parametrize('first', [0.1, 0.4])
@pytest.mark.parametrize('size', [(333, 200), (167, 500), (1000, 160)])
def test_properties_of_plans_between_scales(size, first, last):
  stages = plan.make_plan(
    size, window=(16, 16), first=first, last=last, factor=1.5, overlap=0.2
  )
  assert stages[-1].size == size
  assert len(stages[-1].grid) == 0 or last == 1.0
  with_windows = [s for s in stages if len(s.grid)]
  for stage, scale in ((with_windows[0], first), (with_windows[-1], last)):
    assert stage.size == tuple(max(1, round(side * scale)) for side in size)
  longer = size.index(max(size))
  steps = [
    b.size[longer] / a.size[longer] for a, b in itertools.pairwise(with_windows)
  ]
  assert all(1 < step <= 1.5 * 1.055 for step in steps)


def test_overlap_by_stage():
  stages = plan.make_plan(
    (200, 200), window=(50, 50), first=0.5, overlap=(0.5, 0.0), factor=1.5
  )
  assert [len(s.grid.tops) for s in stages] == [3, 3, 4]


def test_a_first_scale_that_is_too_small_says_which_is_enough():
  settings = {'window': (306, 306), 'factor': 2.0}
  with pytest.raises(InputError, match=r'100x150, less than a window.* 0\.204'):
    plan.make_plan((1000, 1500), first=0.1, **settings)
  first, *_ = plan.make_plan((1000, 1500), first=0.204, **settings)
  assert len(first.grid) == 1 and max(first.size) == 306
  # A fixed first scale gives way to small images unless it is asked for.
  section = {
    'network': (306, 306), 'window': (0, 0), 'factor': 2.0, 'stages': 0,
    'scales': (), 'overlap': 0.0, 'first': 0.1, 'last': 0.15,
  }  # fmt: skip
  with pytest.raises(InputError, match=r'at least 0\.204'):
    settings_module.planner(section, strict=True)((1000, 1500))
  stages = settings_module.planner(section)((1000, 1500))
  assert [s.size for s in stages] == [(204, 306), (1000, 1500)]
  for name, value in (
    ('first', 2.0), ('last', 0.05), ('factor', 'third'), ('overlap', (0.1, 1.0))
  ):  # fmt: skip
    with pytest.raises(InputError, match=name):
      settings_module.planner(section | {name: value})
