"""What times whole configurations runs the windows that it says."""

import pathlib
import sys

import pytest

FOLDER = pathlib.Path(__file__).parents[2] / 'experiments/configurations'
sys.path.insert(0, str(FOLDER))

import compare  # noqa: E402
import configurations  # noqa: E402

from magnet_jax.cascade import window_choice  # noqa: E402


def test_both_files_name_the_same():
  assert tuple(configurations.CONFIGURATIONS) == compare.NAMES


@pytest.mark.parametrize('name', ['deepglobe-fast', 'cityscapes'])
def test_the_windows_are_those_of_the_table(name):
  configuration = configurations.CONFIGURATIONS[name]
  model = configuration.model()
  plan = model.plan(configuration.size)
  counts = window_choice.allot(plan, model.cascade().options.windows)
  assert sum(counts) == configuration.windows


def test_a_side_names_tree_and_engine():
  root = FOLDER.parents[1]
  side = compare.Side.parse(f'new={root},openvino,bfloat16')
  assert side == compare.Side('new', root, 'openvino', 'bfloat16')


@pytest.mark.parametrize('text', ['new=nowhere', 'new', 'new=.,a,b,c'])
def test_other_sides_are_refused(text):
  with pytest.raises(compare.argparse.ArgumentTypeError, match='NAME=TREE'):
    compare.Side.parse(text)


def test_unknown_names_are_refused(capsys):
  with pytest.raises(SystemExit) as stopped:
    compare.main([f'new={FOLDER.parents[1]}', '--names=potsdam'])
  assert stopped.value.code == 2
  assert '--names potsdam: unknown' in capsys.readouterr().err


def test_a_variable_is_set_for_the_side_that_it_names():
  root = FOLDER.parents[1]
  sides = [compare.Side('old', root), compare.Side('new', root)]
  found = compare._with_variables(sides, ['new:A=1', 'new:B=c=d:e'])
  assert [side.variables for side in found] == [{}, {'A': '1', 'B': 'c=d:e'}]


@pytest.mark.parametrize('text', ['old:A=1', 'A=1', 'new:A', 'new'])
def test_other_variables_are_refused(text, capsys):
  with pytest.raises(SystemExit) as stopped:
    compare.main([f'new={FOLDER.parents[1]}', f'--env={text}'])
  assert stopped.value.code == 2
  assert f'--env={text}: must be NAME:VARIABLE=VALUE' in capsys.readouterr().err
