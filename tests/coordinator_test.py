import inspect

from jax._src import lib
import pytest

from magnet_jax import coordinator


def test_the_store_of_the_coordinator_is_where_jax_keeps_it():
  with pytest.raises(AssertionError, match='before the processes have met'):
    coordinator._store()
  client = inspect.getmembers(lib._jax.DistributedRuntimeClient)
  names = {name for name, _ in inspect.getmembers(coordinator._Store)}
  used = {name for name in names if 'key_value' in name}
  assert len(used) == 3 and used <= {name for name, _ in client}
