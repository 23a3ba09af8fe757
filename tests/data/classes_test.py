"""Class tables."""

import pytest

from magnet_jax.data import classes
from magnet_jax.types import InputError


@pytest.mark.parametrize('name', classes.TABLES)
def test_tables_can_be_told_apart_by_colour(name):
  table = classes.get(name)
  assert len(set(table.names)) == len(set(table.colours)) == len(table)
  assert all(0 <= c <= 255 for colour in table.colours for c in colour)
  assert table.ignore_label >= len(table)
  # Black is the colour of what is ignored, or at least not scored.
  for index, colour in enumerate(table.colours):
    assert colour != (0, 0, 0) or index in table.unscored


def test_an_unknown_name_lists_the_known_ones():
  with pytest.raises(InputError, match=r"'carrots'.*carrotweed, .*scenes"):
    classes.get('carrots')
