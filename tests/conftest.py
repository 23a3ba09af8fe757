"""Strict settings for every test: they are set before JAX starts."""

import os

os.environ.setdefault('JAX_PLATFORMS', 'cpu')
# Four devices, as windows are split among them. What tests compile is tiny and
# runs once or twice: optimising it takes longer than it saves.
os.environ['XLA_FLAGS'] = (
  os.environ.get('XLA_FLAGS', '')
  + ' --xla_force_host_platform_device_count=4'
  + ' --xla_backend_optimization_level=0'
)

import jax

jax.config.update('jax_numpy_rank_promotion', 'raise')
jax.config.update('jax_numpy_dtype_promotion', 'strict')
