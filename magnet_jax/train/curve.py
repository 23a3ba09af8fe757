"""A training's validation scores in two lines of text."""

from collections.abc import Sequence
import math

from magnet_jax.files.records import Record
from magnet_jax.train.pace import Limits

_BARS = '▁▂▃▄▅▆▇█'
_WIDE = 40  # characters
_RISE = 0.3  # points: less is within the noise of a few windows


def sparkline(values: Sequence[float]) -> str:
  """Returns one bar per value, from the lowest to the highest of them.

  More than 40 values are thinned out evenly; the first and last one stay.

  >>> sparkline([1, 4, 2, 8])
  '▁▄▂█'
  """
  if len(values) > _WIDE:
    last = len(values) - 1
    values = [values[round(i * last / (_WIDE - 1))] for i in range(_WIDE)]
  low, high = min(values), max(values)
  scale = (len(_BARS) - 1) / (high - low or 1)
  return ''.join(_BARS[round((value - low) * scale)] for value in values)


def text(
  name: str,
  found: Sequence[Record],
  limits: Limits,
  *,
  budget: float | None = None,
) -> str:
  """Describes how the mean IoU rose, and whether more training would help.

  Args:
    name: of the network: the section of `train` with its settings.
    found: the records of all steps.
    limits: of the training.
    budget: hours of all trainings together (--hours), from which those of
      `limits` were derived; None if they were set one by one.

  Returns:
    Two lines; one if there are too few validations to judge; '' if there is
    no score at all.
  """
  # A score of nothing is written as null.
  scored = [
    r for r in found if r.get('miou') is not None and math.isfinite(r['miou'])
  ]
  if not scored:
    return ''
  best = max(scored, key=lambda record: record['miou'])
  last = found[-1]['step']
  bars = sparkline([record['miou'] for record in scored])
  line = (
    f'{name}: val mIoU {bars} {100 * best["miou"]:.1f} at step '
    f'{best["step"]} of {last}, kept'
  )
  early = [r['miou'] for r in scored if r['step'] <= 0.8 * last]
  late = [r['miou'] for r in scored if r['step'] > 0.8 * last]
  if not early or not late:
    return line
  rise = 100 * (max(late) - max(early))
  if rise < _RISE:
    return (
      f'{line}\n{name}: val mIoU no longer rose in the last fifth: more steps '
      'would hardly help'
    )
  remedy = _remedy(name, found[-1], limits, budget)
  return (
    f'{line}\n{name}: val mIoU rose by {rise:.1f} points in the last fifth: '
    f'more training would likely help, {remedy}'
  )


def _remedy(
  name: str, last: Record, limits: Limits, budget: float | None
) -> str:
  """Names the flag that ended the training, with a larger value."""
  section = f'--config.train.{name}'
  # The flag that set the time: each refuses the other.
  time = (
    f'{section}.hours={1.5 * limits.hours:.3g}'
    if budget is None
    else f'--hours={1.5 * budget:.3g}'
  )
  if last['step'] >= limits.steps:
    steps = f'{section}.steps={math.ceil(limits.steps * 1.5)}'
    # More steps take more time, which would be cut short.
    return f'{steps} {time}' if limits.hours else steps
  if limits.hours and last.get('elapsed', 0) >= 3600 * limits.hours:
    return time
  return f'{section}.patience={2 * limits.patience}'
