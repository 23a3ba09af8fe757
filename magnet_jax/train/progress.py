"""What a training shows: a bar on a terminal, elsewhere a few lines."""

from collections.abc import Mapping
import math
from typing import Any, Self

import tqdm

from magnet_jax import parallel
from magnet_jax.train.pace import Limits


class Progress:
  """Shows the steps as they are finished, in the first process only.

  A file or another program receives one line per validation instead of a bar,
  which would be written anew several times a second.

  Args:
    name: of the training.
    limits: when it ends.
    first: steps that were finished before.
  """

  def __init__(self, name: str, limits: Limits, first: int) -> None:
    self._name, self._steps = name, limits.steps
    self._score = ''
    self._bar = tqdm.tqdm(
      total=limits.steps,
      initial=first,
      desc=name,
      unit='step',
      dynamic_ncols=True,
      disable=None if parallel.is_main() else True,
    )

  def __enter__(self) -> Self:
    return self

  def __exit__(self, *_: object) -> None:
    self._bar.close()

  def done(self, record: Mapping[str, Any]) -> None:
    """Shows a finished step.

    Args:
      record: of the step; has 'miou' after a validation.
    """
    validated = 'miou' in record
    if validated:
      self._score = f', val_miou={record["miou"]:.3f}'
    text = f'loss={record["loss"]:.3f}, rate={record["rate"]:.1e}{self._score}'
    # Fewer steps if the time or the patience runs out before.
    total = math.ceil(record['step'] * self._steps / record['position'])
    self._bar.total = total
    self._bar.set_postfix_str(text)
    self._bar.update()
    if validated and self._bar.disable and parallel.is_main():
      step = f'{self._name}: step {record["step"]} of {total}'
      print(f'{step}: {text}', flush=True)
