"""Sessions of OpenVINO and onnxruntime: ONNX models as functions of arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
import dataclasses
import functools
import importlib.metadata
import importlib.util
import os
import sys
from typing import Any

import numpy as np

from magnet_jax import outside
from magnet_jax.types import InputError

PRECISIONS = ('float32', 'bfloat16')
_ONLY_ERRORS = 4  # onnxruntime's log level: what is raised is not logged
Arrays = Mapping[str, np.ndarray]


# A compiled model: its inputs by name -> its outputs in their order.
Run = Callable[[Arrays], list[np.ndarray]]


@dataclasses.dataclass(frozen=True)
class Session:
  """A model on an engine, compiled when it is first called.

  Its attributes are what its results depend on: fingerprints are made of them.

  Attributes:
    engine: one of ENGINES.
    version: of the engine.
    precision: one of PRECISIONS.
    model: the bytes of an ONNX file.
  """

  engine: str
  version: str
  precision: str
  model: bytes = dataclasses.field(repr=False)

  @functools.cached_property
  def run(self) -> Run:
    """The compiled model."""
    make = ENGINES[self.engine].make
    with outside.reading(
      self.engine,
      'cannot run the network',
      'use --engine=xla, or another version of it',
    ):
      return make(self.model, self.precision)

  def __call__(self, **inputs: np.ndarray) -> list[np.ndarray]:
    """Runs the model: its inputs by name -> its outputs in their order."""
    return self.run(inputs)


def make(engine: str, model: bytes, precision: str) -> Session:
  """Returns a session, once it is sure that the engine can run it.

  Raises:
    InputError: the engine is not installed, or lacks the precision.
  """
  check(engine, precision)
  version = importlib.metadata.version(ENGINES[engine].package)
  return Session(engine, version, precision, model)


def check(engine: str, precision: str) -> None:
  """Raises InputError for a missing engine, or one without a precision."""
  if not installed(engine):
    extra = ENGINES[engine].extra
    raise InputError(
      f"{engine}: is not installed; pip install 'magnet-jax[{extra}]'"
    )
  if precision not in ENGINES[engine].precisions:
    raise InputError(
      f'--precision={precision}: {engine} computes in '
      f'{", ".join(ENGINES[engine].precisions)} only; use --engine=openvino, '
      'or leave it out'
    )


def installed(engine: str) -> bool:
  """Returns whether an engine and the exporter's library are installed."""
  return all(map(_found, ('onnx', ENGINES[engine].package)))


def _found(name: str) -> bool:
  try:
    return importlib.util.find_spec(name) is not None
  except ValueError:  # it was made unavailable
    return False


def _threads() -> int:
  """The cores that this process may use; the engines count all."""
  return len(os.sched_getaffinity(0))


def _openvino(model: bytes, precision: str) -> Run:
  # It would send a message to its makers when it is imported, by a process
  # that it forks; without the package for that it does not.
  sys.modules.setdefault('openvino_telemetry', None)  # type: ignore[arg-type]
  import openvino

  kinds = {'float32': openvino.Type.f32, 'bfloat16': openvino.Type.bf16}
  core = openvino.Core()
  settings = {
    'INFERENCE_PRECISION_HINT': kinds[precision],
    'PERFORMANCE_HINT': 'LATENCY',
    'INFERENCE_NUM_THREADS': _threads(),
  }
  compiled = core.compile_model(core.read_model(model), 'CPU', settings)
  request = compiled.create_infer_request()
  outputs = [*compiled.outputs]

  def run(inputs: Arrays) -> list[np.ndarray]:
    found = request.infer(inputs)
    # Copies: the next call writes to the same memory.
    return [np.array(found[output]) for output in outputs]

  return run


def _onnxruntime(model: bytes, precision: str) -> Run:
  import onnxruntime

  del precision  # it has one only
  onnxruntime.disable_telemetry_events()  # which would write and send files
  options = onnxruntime.SessionOptions()
  options.log_severity_level = _ONLY_ERRORS
  options.intra_op_num_threads = _threads()
  session = onnxruntime.InferenceSession(
    model, sess_options=options, providers=['CPUExecutionProvider']
  )

  def run(inputs: Arrays) -> list[np.ndarray]:
    found: list[np.ndarray] = session.run(None, dict(inputs))
    return found

  return run


@dataclasses.dataclass(frozen=True)
class Engine:
  """A row of the table of engines.

  Attributes:
    package: what is imported.
    extra: of this package, which installs it.
    make: compiles a model for a precision.
    precisions: that it computes in.
  """

  package: str
  extra: str
  make: Callable[[bytes, str], Any]
  precisions: tuple[str, ...]


ENGINES: dict[str, Engine] = {
  'openvino': Engine('openvino', 'openvino', _openvino, PRECISIONS),
  'onnxruntime': Engine('onnxruntime', 'onnx', _onnxruntime, PRECISIONS[:1]),
}
