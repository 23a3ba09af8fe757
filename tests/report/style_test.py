"""How charts look: distinguishable colours, and no global changes."""

import itertools
import logging
import os
import subprocess
import sys

import matplotlib
import numpy as np
import pytest

from magnet_jax.report import style

# Machado, Oliveira and Fernandes (2009), complete loss of one kind of cones.
SIGHT = {
  'normal': np.eye(3),
  'no red': [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  'no green': [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.011820, 0.042940, 0.968881],
  ],
  'no blue': [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.303900],
  ],
}
TO_XYZ = [
  [0.4124, 0.3576, 0.1805],
  [0.2126, 0.7152, 0.0722],
  [0.0193, 0.1192, 0.9505],
]


def _lab(colour, sight):
  """CIELAB of '#rrggbb' as an eye sees it."""
  srgb = np.array(list(bytes.fromhex(colour[1:]))) / 255
  linear = np.where(
    srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4
  )
  seen = np.clip(np.array(sight) @ linear, 0, 1)
  x, y, z = np.cbrt(np.array(TO_XYZ) @ seen / [0.9505, 1, 1.089])
  return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize('sight', SIGHT)
def test_colours_are_told_apart(sight):
  seen = [_lab(style.colour(n), SIGHT[sight]) for n in range(style.COLOURS)]
  for first, second in itertools.combinations(seen, 2):
    assert np.linalg.norm(first - second) > 17


def test_no_colour_comes_twice():
  assert len({style.colour(number) for number in range(32)}) == 32
  assert style.colour(3, tint=0.0) == style.colour(3)
  assert style.colour(0, tint=1.0) == '#ffffff'
  tints = {style.colour(0, tint=tint) for tint in (-0.3, 0.0, 0.3, 0.6)}
  assert len(tints) == 4


def _drawn(names=('one', 'two')):
  with style.sheet(300, 100) as figure:
    axes = figure.add_axes((0, 0, 1, 1))
    lines = [axes.plot([0, 1], [n, 1])[0] for n in range(len(names))]
    style.legend(figure, lines, names, heading=names[0])
    axes.set_xlabel(names[0])
    return style.picture(figure, 'title').pixels


def test_settings_are_those_of_charts_and_only_for_them():
  plain = _drawn()
  with matplotlib.rc_context({'axes.facecolor': 'black', 'font.size': 20}):
    before = dict(matplotlib.rcParams)
    np.testing.assert_array_equal(_drawn(), plain)
    assert dict(matplotlib.rcParams) == before
  log = logging.getLogger('matplotlib')
  level = log.level
  with pytest.raises(ZeroDivisionError), style.sheet(10, 10):
    assert matplotlib.rcParams['axes.spines.top'] is False
    raise ZeroDivisionError
  assert matplotlib.rcParams['axes.spines.top'] is True
  assert log.level == level


def test_any_name_can_be_drawn():
  # Warnings are errors here: of missing glyphs, or of labels that are hidden.
  names = ('$\\frac$', '_hidden', '$x_1$', '建物', '%s {0}\t')
  assert (_drawn(names) < 128).any()


def test_a_legend_flows_within_the_width():
  ends = []
  for count in (1, 4, 40):
    names = [f'experiments/{n}/validation' for n in range(count)]
    with style.sheet(500, 100) as figure:
      axes = figure.add_axes((0, 0, 1, 1))
      lines = [axes.plot([0, 1], [0, n])[0] for n in range(count)]
      ends.append(style.legend(figure, lines, names))
      (made,) = figure.legends
      assert [text.get_text() for text in made.get_texts()] == names
      box = made.get_window_extent()
      assert box.x0 >= 0 and box.x1 <= figure.bbox.x1
      assert box.y0 >= figure.bbox.y1
  assert ends == sorted(ends)


def test_a_home_that_cannot_be_written_to_is_no_matter(tmp_path):
  script = (
    'import sys\n'
    'from magnet_jax.report import charts, overview, style\n'
    "assert not {'matplotlib', 'scipy.stats'} & set(sys.modules)\n"
    "charts.bars([charts.Group('a', None, (0.5,))], ['b'], title='c')\n"
    "assert 'matplotlib.pyplot' not in sys.modules\n"
  )
  environment = {k: v for k, v in os.environ.items() if k != 'MPLCONFIGDIR'}
  environment |= dict.fromkeys(
    ('HOME', 'XDG_CONFIG_HOME', 'XDG_CACHE_HOME'), '/dev/null/none'
  )
  environment |= {'TMPDIR': str(tmp_path), 'MPLBACKEND': 'TkAgg'}
  done = subprocess.run(
    [sys.executable, '-W', 'error', '-c', script],
    env=environment,
    capture_output=True,
    text=True,
    check=False,
  )
  assert (done.returncode, done.stderr) == (0, '')
