"""A step of the segmenter's training, on data that is on the device."""

from collections.abc import Callable
import dataclasses
import functools

import jax
import numpy as np

from magnet_jax.bench import machine
from magnet_jax.metrics import losses
from magnet_jax.predict import networks
from magnet_jax.predict.model import Model
from magnet_jax.train import optimizer, state, steps
from magnet_jax.types import InputError

_RATE, _DECAY = 1e-4, 1e-4


@dataclasses.dataclass(frozen=True)
class Step:
  """A compiled step that goes on from where it was.

  Attributes:
    run: does one; returns its loss and the norm of its gradients.
    operations: of one, as XLA counts them.
  """

  run: Callable[[], steps.Metrics]
  operations: float


def segmenter(model: Model, batch: int) -> Step:
  """Compiles a step as `magnet-jax train` runs it, and does the first one.

  Args:
    model: whose segmenter is trained further.
    batch: B, windows of the networks' size.

  Raises:
    InputError: the segmenter is not a Flax module.
  """
  module = networks.module_of(model.segmenter)
  if module is None or not isinstance(model.segmenter, jax.tree_util.Partial):
    raise InputError(
      'training: the segmenter is no Flax module of this package; measure '
      'another one'
    )
  (variables,) = model.segmenter.args
  update = optimizer.optimizer(
    name='adamw', rate=lambda step: _RATE, weight_decay=_DECAY
  )
  step = functools.partial(
    steps.segmenter_step,
    segmenter=module,
    loss=functools.partial(
      losses.cross_entropy,
      class_weights=None,
      ignore_label=model.classes.ignore_label,
    ),
    optimizer=update,
    decay=0.99,
  )
  # A copy: the step donates its buffers, and these are the model's.
  held = [state.start(jax.tree.map(jax.numpy.copy, variables), update)]
  rng = np.random.default_rng(0)
  shape = (batch, *model.network)
  data = jax.device_put(
    {
      'image': rng.integers(0, 256, (*shape, 3), np.uint8),
      'label': rng.integers(0, len(model.classes), shape, np.uint8),
    }
  )
  rate = np.float32(1)
  lowered = jax.jit(step, donate_argnums=0).lower(held[0], data, rate)
  program = lowered.compile()
  machine.check_memory(program)

  def run() -> steps.Metrics:
    held[0], metrics = program(held[0], data, rate)
    found: steps.Metrics = metrics
    return found

  jax.block_until_ready(run())
  return Step(run, machine.operations(lowered, program))
