"""What tests of several charts share."""

import pytest

from magnet_jax.report import style


@pytest.fixture(name='figure')
def keep_the_figure(monkeypatch):
  """Charts give their figure itself, to look at what is on it."""
  monkeypatch.setattr(style, 'picture', lambda figure, title: figure)
