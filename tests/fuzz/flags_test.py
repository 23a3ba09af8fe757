"""Malformed flags, folders, reports and zip files end as promised."""

import pytest

COUNTS = {
  'zips': 10,
  'folders and lists': 15,
  'reports': 20,
  'flags': 25,
}


@pytest.mark.parametrize('group', COUNTS)
def test_malformed_words(group, thrown):
  thrown(group, COUNTS[group])
