"""Settings that flags change in a model."""

import pytest

from magnet_jax.cli import command_line, model_flags, segment
from magnet_jax.predict import model as models
from magnet_jax.types import InputError


def test_windows_are_chosen_by_the_score_of_the_flag():
  flags = ['a.png', '--windows=0.5', '--window-score=mean']
  found = command_line.parse('segment', segment, flags).flags
  options = model_flags.change(models.load(), found).cascade().options
  assert (options.windows, options.window_score) == (0.5, 'mean')


def test_models_of_earlier_versions_choose_by_outlines():
  assert models.load().cascade().options.window_score == 'outlines'


def test_an_unknown_score_is_refused():
  with pytest.raises(InputError, match='outlines'):
    command_line.parse('segment', segment, ['a', '--window-score=chance'])
