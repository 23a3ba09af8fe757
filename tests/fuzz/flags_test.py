"""Malformed flags, configs, folders, reports, zip files end as promised."""

import pytest

COUNTS = {
  'zips': 10,
  'folders and lists': 15,
  'annotations': 15,
  'reports': 20,
  'resumed': 5,
  'configs': 15,
  'flags': 25,
  'combinations': 8,
  'words': 10,
  'paths': 15,
  'environment': 5,
}


@pytest.mark.parametrize('group', COUNTS)
def test_malformed_words(group, thrown):
  thrown(group, COUNTS[group])
