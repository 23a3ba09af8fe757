"""Malformed files end as promised, whatever is wrong with them."""

import pytest

COUNTS = {
  'images': 50,
  'sidecars': 10,
  'labels': 30,
  'checkpoints': 30,
  'run folders': 10,
  'foreign weights': 30,
  'elsewhere': 40,
}


@pytest.mark.parametrize('group', COUNTS)
def test_malformed_files(group, thrown):
  thrown(group, COUNTS[group])
