"""Precisions in which networks are timed, on the devices that have them."""

from collections.abc import Iterator
import contextlib

import jax

from magnet_jax.bench import machine
from magnet_jax.types import InputError

# Name -> type of the numbers, and JAX's setting for products of them.
# GPUs with tensor cores multiply numbers of float32 with 10 bits of fraction
# (TF32), unless they are told to use all 23.
PRECISIONS: dict[str, tuple[str, str | None]] = {
  'float32': ('float32', 'highest'),
  'tf32': ('float32', 'tensorfloat32'),
  'bfloat16': ('bfloat16', None),
}
_SETTING = 'jax_default_matmul_precision'


def usual() -> tuple[str, ...]:
  """Returns those that are worth timing here."""
  return tuple(PRECISIONS) if machine.accelerated() else ('float32',)


def check(name: str) -> None:
  """Raises InputError for an unknown name, or one that only GPUs have."""
  if name not in PRECISIONS:
    raise InputError(
      f'{name!r} must be one of {", ".join(PRECISIONS)}; correct it'
    )
  if name == 'tf32' and not machine.accelerated():
    raise InputError(
      "'tf32' is a way in which GPUs multiply numbers of float32; leave it out"
    )


@contextlib.contextmanager
def using(name: str) -> Iterator[str]:
  """Lets JAX multiply so, in all threads; gives the type of the numbers."""
  dtype, product = PRECISIONS[name]
  before = getattr(jax.config, _SETTING)
  # What a CPU does with float32 is the highest precision already.
  if machine.accelerated():
    jax.config.update(_SETTING, product)
  try:
    yield dtype
  finally:
    jax.config.update(_SETTING, before)
