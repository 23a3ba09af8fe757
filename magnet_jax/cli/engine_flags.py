"""Flags of the engine that runs the networks."""

from absl import flags

from magnet_jax import parallel
from magnet_jax.cli import messages
from magnet_jax.engines import sessions
from magnet_jax.predict import engines
from magnet_jax.predict.model import Model
from magnet_jax.types import InputError, Meta


def define(values: flags.FlagValues, group: str) -> None:
  """Defines --engine and --precision."""
  # Default None: folders of earlier versions did not record these flags.
  flags.DEFINE_enum(
    'engine',
    None,
    engines.CHOICES,
    'what runs the networks on a CPU: JAX itself, OpenVINO or onnxruntime, '
    'which are extras (openvino, onnx), or auto: the fastest here, by a short '
    'trial; xla if not given',
    flag_values=values,
    module_name=group,
  )
  flags.DEFINE_enum(
    'precision',
    None,
    sessions.PRECISIONS,
    'of the computation: bfloat16 is faster on some CPUs and on GPUs, and '
    "changes some labels; the model's own with xla, else float32, if not given",
    flag_values=values,
    module_name=group,
  )


def with_precision(meta: Meta, values: flags.FlagValues) -> Meta:
  """Returns the metadata of networks that compute as the flags say."""
  if 'engine' not in values:
    return meta
  # Other engines round by themselves what is given to them in float32.
  other = _engine(values) != engines.XLA
  dtype = 'float32' if other else values.precision
  if dtype is None:
    return meta
  for network in ('segmenter', 'refiner'):
    if network in meta.config:
      meta = meta.override(network, dtype=dtype)
  return meta


def place(model: Model, values: flags.FlagValues) -> Model:
  """Returns the model on the engine that the flags name.

  Raises:
    InputError: it is missing or lacks the precision, or auto would choose for
      the released pipeline, whose labels must not depend on the machine.
  """
  engine = _engine(values) if 'engine' in values else engines.XLA
  if engine == engines.XLA:
    return model
  precision = values.precision or sessions.PRECISIONS[0]
  if engine != engines.AUTO:
    return engines.use(model, engine, precision)
  if model.pipeline == 'released':
    raise InputError(
      '--engine=auto: the released pipeline reproduces published numbers, '
      'which must not depend on what is installed; name an engine'
    )
  chosen, found = engines.fastest(model, precision)
  if parallel.is_main():
    messages.tell(found)
  return chosen


def _engine(values: flags.FlagValues) -> str:
  found: str = values.engine or engines.XLA
  return found
