"""Flags of the settings of methods, for the commands that run them."""

from absl import flags

from magnet_jax.cli import filter_flags
from magnet_jax.methods import pointrend, starts
from magnet_jax.types import InputError

DEFAULT = 'magnet'
_NAMES = ('start', 'scale', 'head_points')
_CASCADES = (DEFAULT, 'magnet-fast')
# Flags of the plan and the refinement that other methods have no use for.
_OF_CASCADES = (
  'budget',
  'windows',
  'first',
  'last',
  'factor',
  'points',
  'selection',
  'kernel',
  'window_score',
  'min_uncertainty',
  'mix',
  'fusion',
  'filter_radius',
)


def define(values: flags.FlagValues, group: str) -> None:
  """Defines the settings that a user may choose."""
  bound = {'flag_values': values, 'module_name': group}
  # Default None: folders of earlier versions did not record this flag.
  flags.DEFINE_float(
    'scale',
    None,
    'X: scale of a side at which patch works, in (0, 1]; full size if not '
    'given',
    **bound,
  )
  flags.DEFINE_enum(
    'start',
    None,
    [*starts.STARTS],
    'method whose map is filtered or corrected, or whose windows pointrend '
    'refines; if not given, patch, with its --overlap and --scale, or for a '
    'corrector what it was trained on',
    **bound,
  )
  flags.DEFINE_integer(
    'head_points',
    None,
    'N: of pointrend: points of a window that the head decides in each step; '
    f'{pointrend.HEAD_POINTS} if not given',
    **bound,
  )
  filter_flags.define(values, group)


def settings(values: flags.FlagValues) -> dict[str, object]:
  """Returns the settings that were given, by their names."""
  own = {n: values[n].value for n in _NAMES if values[n].value is not None}
  return {**own, **filter_flags.settings(values)}


def check(values: flags.FlagValues) -> None:
  """Raises InputError for a flag of the cascade that --method does not use."""
  start = settings(values).get('start', values.method)
  if start in _CASCADES:
    return
  for flag in _OF_CASCADES:
    if values[flag].present:
      raise InputError(
        f'--{flag}={values[flag].value}: {start} refines no stages; leave it '
        f'out, or choose --method={DEFAULT}'
      )
