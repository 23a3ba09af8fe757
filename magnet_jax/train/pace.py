"""How far a training is: by its steps, its time and its validation scores."""

from collections.abc import Sequence
import dataclasses
import math
import time

import jax
import numpy as np

from magnet_jax import parallel
from magnet_jax.files.records import Record
from magnet_jax.types import InputError

_ENDING = 5  # the rate falls to 0 over this part of the steps until then


@dataclasses.dataclass(frozen=True)
class Limits:
  """When a training ends: at the first of these.

  Attributes:
    steps: the largest number of steps.
    hours: time budget; 0 for none.
    patience: number of validations without a better score; 0: no limit.

  Raises:
    InputError: a value is out of range.
  """

  steps: int
  hours: float = 0.0
  patience: int = 0

  def __post_init__(self) -> None:
    if self.steps < 1:
      raise InputError(f'steps {self.steps}: must be at least 1; raise it')
    if not 0 <= self.hours < math.inf:
      raise InputError(
        f'hours {self.hours}: must be a time budget above 0, or 0 for none'
        '; correct it'
      )
    if self.patience < 0:
      raise InputError(
        f'patience {self.patience}: must be a number of validations, or 0 to '
        'train for all steps'
        '; correct it'
      )


class Pace:
  """Positions of a training on its learning-rate schedule, in steps.

  The position is the number of finished steps, unless time passes faster, or
  the scores no longer improve. The schedule is then run through faster, rather
  than cut off before its last, small rates.
  """

  def __init__(
    self, limits: Limits, finished: Sequence[Record], latest: float = 0.0
  ) -> None:
    """Continues after the records of an interrupted training.

    Args:
      limits: when it ends.
      finished: records with a score, so far.
      latest: seconds that the training has taken so far.
    """
    self._limits = limits
    self._before = latest - time.perf_counter()
    self._best = -math.inf
    self._worse = 0  # validations since the best one
    self._ending: tuple[int, float] | None = None  # where it began
    for record in finished:
      step = record['step']
      self.scored(step, record.get('position') or step, record['miou'])

  def seconds(self) -> float:
    """Returns how long the training has taken, interruptions left out."""
    return self._before + time.perf_counter()

  def position(self, step: int) -> float:
    """Returns the position after `step` steps; at `limits.steps` it is over."""
    limits, position = self._limits, float(step)
    if limits.hours:
      # All processes need the same number: that of the first one's clock.
      seconds = parallel.from_main(
        lambda: np.float32(self.seconds()),
        lambda: jax.ShapeDtypeStruct((), np.float32),
      )
      share = float(seconds) / (3600 * limits.hours)
      position = max(position, share * limits.steps)
    if self._ending:
      start, before = self._ending
      share = (step - start) / max(1, start // _ENDING)
      position = max(position, before + share * (limits.steps - before))
    return min(position, float(limits.steps))

  def scored(self, step: int, position: float, score: float | None) -> None:
    """Notes a validation; without improvement, the ending begins after it.

    Args:
      step: finished steps.
      position: at that step.
      score: the higher, the better; None or NaN where nothing can be scored.
    """
    if score is not None and score > self._best:
      self._best, self._worse = score, 0
      return
    self._worse += 1
    if not self._ending and 0 < self._limits.patience <= self._worse:
      self._ending = step, position
