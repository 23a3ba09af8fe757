"""Flags of the filters, for the commands that apply them."""

from absl import flags

from magnet_jax.filters import guided

_NAMES = ('radius', 'eps')


def define(values: flags.FlagValues, group: str) -> None:
  """Defines --radius and --eps."""
  flags.DEFINE_integer(
    'radius',
    None,
    'N: of the guided filters, in pixels: about how far outlines may move; '
    f'{guided.RADIUS} if not given',
    lower_bound=1,
    flag_values=values,
    module_name=group,
  )
  flags.DEFINE_float(
    'eps',
    None,
    'X: of the guided filters: variance of colours in [0, 1] below which an '
    f'area counts as flat; {guided.EPS:g} if not given',
    flag_values=values,
    module_name=group,
  )


def settings(values: flags.FlagValues) -> dict[str, object]:
  """Returns the settings that were given, by their names."""
  return {n: values[n].value for n in _NAMES if values[n].value is not None}
