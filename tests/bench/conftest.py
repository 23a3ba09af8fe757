"""A model to time."""

import pytest
from timed_networks import SUBJECT


@pytest.fixture
def model():
  """For windows of 16x24, random."""
  return SUBJECT.model()
