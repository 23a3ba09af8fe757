"""How many devices the cascades of a test see."""

import pytest

from magnet_jax import parallel


@pytest.fixture
def one_device(monkeypatch: pytest.MonkeyPatch) -> None:
  """Compiles faster than for the four of the other tests."""
  monkeypatch.setattr(parallel, 'device_count', lambda: 1)
