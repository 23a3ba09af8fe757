"""From plain settings to a plan and to options, checked.

Settings come from a config's sections `plan` and `refine`, or from what a
checkpoint says of itself; both are mappings of names to values.
"""

from collections.abc import Callable, Mapping
from typing import Any

from magnet_jax.cascade import plan
from magnet_jax.cascade.options import Options
from magnet_jax.types import InputError, Size, Stage


def points(value: float | str) -> float | int:
  """K: a float is a fraction, a string of digits a count.

  A config keeps the type of a field, so a count is written '32768'.
  """
  if not isinstance(value, str):
    return value
  try:
    return int(value) if value.isdigit() else float(value)
  except ValueError:
    raise InputError(
      f'points {value!r}: must be a fraction such as 0.75 or a count such as '
      '32768'
    ) from None


def window(settings: Mapping[str, Any]) -> Size:
  """The window in pixels of its stage; (0, 0) stands for the network's."""
  height, width = settings['window']
  if not height or not width:
    height, width = settings['network']
  return height, width


def planner(
  settings: Mapping[str, Any],
) -> Callable[[Size], tuple[Stage, ...]]:
  """Returns the function that plans the stages of an image of some size.

  Args:
    settings: network, window, factor, stages, scales and overlap, as in the
      section `plan` of configs/default.py.
  """
  scales = [(height, width) for height, width in settings['scales']]

  def make(size: Size) -> tuple[Stage, ...]:
    return plan.make_plan(
      size,
      window=window(settings),
      scales=scales or None,
      factor=settings['factor'],
      stages=settings['stages'] or None,
      overlap=settings['overlap'],
    )

  return make


def options(settings: Mapping[str, Any], **changes: Any) -> Options:
  """Options from the section `refine` of a config, some of them changed."""
  values = {**settings, **changes}
  values['points'] = points(values['points'])
  return Options(**values)
