"""Plain settings to plans and options, checked.

Settings come from a config's sections `plan` and `refine`, or from what a
checkpoint's metadata; both are mappings of names to values.
"""

from collections.abc import Callable, Sequence
import dataclasses

from magnet_jax import checked, ranges
from magnet_jax.cascade import plan
from magnet_jax.cascade.options import Options
from magnet_jax.types import InputError, Section, Size, Stage


@dataclasses.dataclass(frozen=True)
class PlanSettings:
  """The section `plan` of a config, checked.

  Attributes:
    network: (height, width) of the networks' input.
    window: the same for the windows; (0, 0) stands for `network`.
    factor: largest growth of a side between stages, above 1, or its name.
    stages: number of stages; 0 follows the factor.
    scales: sizes of the stages, coarse to fine; () is automatic.
    overlap: least shared fraction of neighbouring windows, in [0, 0.9]; one per
      stage, or one for all.
    first: scale of the first stage; 0 for the whole image in one window.
    last: scale of the last stage with windows.
    patch_scale: scale at which windows alone are best, see `methods.patch`; 0
      if it was not chosen.

  Raises:
    InputError: for a number out of its range in `ranges`, or settings that do
      not fit together.
  """

  network: Size
  window: Size
  factor: float | str
  stages: int
  scales: tuple[Size, ...]
  overlap: float | tuple[float, ...]
  first: float = 0.0
  last: float = 1.0
  patch_scale: float = 0.0

  def __post_init__(self) -> None:
    ranges.check_fields(self)
    plan.growth(self.factor)
    plan.check_scales(self.first, self.last)
    plan.check_scales(self.patch_scale, 1.0)
    if self.first and self.scales:
      raise InputError(
        f'first {self.first} and scales {self.scales}: both say where the '
        'stages begin; leave one of them out'
      )


def points(value: float | str) -> float | int:
  """Parses K: a float is a fraction, a string of digits a count.

  Config fields keep their type, so a count is written '32768'.

  Raises:
    InputError: for any other string.
  """
  if not isinstance(value, str):
    return value
  try:
    return int(value) if value.isdecimal() else float(value)
  except ValueError:
    raise InputError(
      f'points {value!r}: must be a fraction such as 0.75 or a count such as '
      '32768'
      '; correct it'
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


def from_the_whole(settings: Section) -> Section:
  """Returns a plan from the whole image in one window to full size by octaves.

  Baselines follow it, so that they do not depend on the plan of the cascade: of
  several overlaps, all of their stages have the largest.

  Args:
    settings: as for `planner`; given scales or a number of stages are kept.
  """
  overlap = settings['overlap']
  if isinstance(overlap, Sequence):
    overlap = max(overlap, default=0.0)
  whole = {'first': 0.0, 'last': 1.0, 'factor': 2.0, 'overlap': overlap}
  return {**settings, **whole}


def planner(
  settings: Section, *, strict: bool = False
) -> Callable[[Size], tuple[Stage, ...]]:
  """Returns the function that plans the stages for an image size.

  Args:
    settings: network, window, factor, stages, scales, overlap, first and last,
      as in the section `plan` of configs/default.py.
    strict: whether images that the scale `first` would make smaller than a
      window are refused; otherwise they start with the whole image in one.

  Raises:
    InputError: for a missing or unknown setting, or a value out of range.
  """
  found = checked.call(PlanSettings, {**settings}, 'plan')

  def make(size: Size) -> tuple[Stage, ...]:
    first = found.first
    if first and not strict:
      first = max(first, plan.least_scale(size, window(settings)))
    return plan.make_plan(
      size,
      window=window(settings),
      first=first,
      last=max(first, found.last),
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
