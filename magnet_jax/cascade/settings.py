"""Plain settings to plans and options, checked.

Settings come from a config's sections `plan` and `refine`, or from what a
checkpoint's metadata; both are mappings of names to values.
"""

from collections.abc import Callable
import dataclasses

from magnet_jax import checked
from magnet_jax.cascade import plan
from magnet_jax.cascade.options import Options
from magnet_jax.types import InputError, Section, Size, Stage


@dataclasses.dataclass(frozen=True)
class PlanSettings:
  """The section `plan` of a config, checked.

  Attributes:
    network: (height, width) of the networks' input.
    window: the same for the windows; (0, 0) stands for `network`.
    factor: largest growth of a side between stages, above 1.
    stages: number of stages; 0 follows the factor.
    scales: sizes of the stages, coarse to fine; () is automatic.
    overlap: least shared fraction of neighbouring windows, in [0, 1).
  """

  network: Size
  window: Size
  factor: float
  stages: int
  scales: tuple[Size, ...]
  overlap: float

  def __post_init__(self) -> None:
    if min(self.network) < 1 or min(self.window) < 0:
      raise InputError(
        f'network {self.network} and window {self.window}: must be heights '
        'and widths of at least 1; give positive sizes, or window (0, 0) for '
        "the network's"
      )
    if any(min(scale) < 1 for scale in self.scales):
      raise InputError(
        f'scales {self.scales}: sizes must be at least 1 pixel; give (height, '
        'width) of each stage, coarse to fine'
      )
    rules = {
      'factor': (self.factor > 1, 'be above 1, as stages grow; try 2'),
      'stages': (self.stages >= 0, 'not be negative; 0 follows the factor'),
      'overlap': (0 <= self.overlap < 1, 'lie in [0, 1); 0 is none'),
    }
    for name, (fits, rule) in rules.items():
      if not fits:
        raise InputError(f'{name} {getattr(self, name)}: must {rule}')


def points(value: float | str) -> float | int:
  """Parses K: a float is a fraction, a string of digits a count.

  Config fields keep their type, so a count is written '32768'.

  Raises:
    InputError: for any other string.
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


def window(settings: Section) -> Size:
  """Returns the window size in pixels of its stage; (0, 0) is the network's."""
  height, width = settings['window']
  if not height or not width:
    height, width = settings['network']
  return height, width


def scales(settings: Section) -> list[Size]:
  """Returns the given sizes of stages, coarse to fine; [] is automatic."""
  return [(height, width) for height, width in settings['scales']]


def planner(
  settings: Section,
) -> Callable[[Size], tuple[Stage, ...]]:
  """Returns the function that plans the stages for an image size.

  Args:
    settings: network, window, factor, stages, scales and overlap, as in the
      section `plan` of configs/default.py.

  Raises:
    InputError: for a missing or unknown setting, or a value out of range.
  """
  found = checked.call(PlanSettings, {**settings}, 'plan')

  def make(size: Size) -> tuple[Stage, ...]:
    return plan.make_plan(
      size,
      window=window(settings),
      scales=found.scales or None,
      factor=found.factor,
      stages=found.stages or None,
      overlap=found.overlap,
    )

  return make


def options(settings: Section, **changes: object) -> Options:
  """Returns options from a config's section `refine`, with some changes."""
  values = {**settings, **changes}
  if isinstance(values.get('points'), str):
    values['points'] = points(values['points'])
  return checked.call(Options, values, 'refine')
