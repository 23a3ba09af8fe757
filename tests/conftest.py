"""Strict settings for every test: they are set before JAX starts."""

import os
import pathlib

os.environ.setdefault('JAX_PLATFORMS', 'cpu')
# Of commands that tests start: nothing is kept from one run to the next.
os.environ['MAGNET_JAX_CACHE'] = 'off'
# Four devices, as windows are split among them. What tests compile is tiny and
# runs once or twice: optimising it takes longer than it saves.
os.environ['XLA_FLAGS'] = (
  os.environ.get('XLA_FLAGS', '')
  + ' --xla_force_host_platform_device_count=4'
  + ' --xla_backend_optimization_level=0'
)

import jax
import pytest

jax.config.update('jax_numpy_rank_promotion', 'raise')
jax.config.update('jax_numpy_dtype_promotion', 'strict')


@pytest.fixture
def loose_types():
  """Optax promotes data types."""
  jax.config.update('jax_numpy_dtype_promotion', 'standard')
  yield
  jax.config.update('jax_numpy_dtype_promotion', 'strict')


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
  """None for a single file, whose tests stay together; else one per core."""
  names = {argument.partition('::')[0] for argument in config.args}
  alone = len(names) == 1 and pathlib.Path(*names).is_file()
  return 0 if alone else None
