"""An ONNX file as the segmenter, run by onnxruntime."""

import pathlib
from typing import Any

import numpy as np

from magnet_jax import outside
from magnet_jax.cascade.host_segmenter import LARGEST, HostSegmenter
from magnet_jax.files import decoding, host_memory
from magnet_jax.files.atomic import PathLike
from magnet_jax.types import InputError, Size

_DTYPES = {
  'tensor(float)': np.float32,
  'tensor(float16)': np.float16,
  'tensor(double)': np.float64,
  'tensor(uint8)': np.uint8,
}
_PROVIDERS = ('CUDAExecutionProvider', 'CPUExecutionProvider')
_ARENA = 'bfc_arena'  # in onnxruntime's error that memory does not suffice
_ONLY_ERRORS = 4  # onnxruntime's log level: what is raised is not logged


def load(
  path: PathLike,
  *,
  num_classes: int,
  batch: int = 1,
  normalised: bool | None = None,
  outputs: str = 'logits',
  output: str | None = None,
) -> HostSegmenter:
  """Loads an ONNX file; needs `pip install 'magnet-jax[onnx]'`.

  The order of the channels, a fixed batch and a fixed size are read from the
  file's only input. Its maps may have any stride.

  Args:
    path: the file.
    num_classes: C.
    batch: number of images per call, if the file leaves it open.
    normalised: whether it takes normalised images, not values from 0 to 255;
      None passes the latter only to an input of uint8.
    outputs: 'logits' or 'probabilities', what it returns.
    output: name of the output to use; None uses the first.

  Raises:
    InputError: onnxruntime is missing, the file is not an ONNX model, or it
      does not segment images into `num_classes` classes.

  >>> segmenter = onnx_file.load('net.onnx', num_classes=7)  # doctest: +SKIP
  >>> trained = models.load(pathlib.Path('runs/mine'))  # doctest: +SKIP
  >>> model = dataclasses.replace(
  ...   trained, segmenter=segmenter
  ... )  # doctest: +SKIP
  """
  session = _session(decoding.check_file(path))
  entry = _input(path, session)
  dtype = _DTYPES[entry.type]
  first = _channels_first(path, entry.shape)
  size = _fixed(path, entry.shape[2:] if first else entry.shape[1:3])
  chosen = _output(path, session, output, num_classes, first)
  if size:
    _check_maps(path, session, chosen, first, size)

  def run(images: np.ndarray) -> Any:
    try:
      return session.run([chosen], {entry.name: images.astype(dtype)})[0]
    except Exception as error:
      if _ARENA in str(error):
        raise MemoryError from error
      raise

  return HostSegmenter(
    run,
    num_classes=num_classes,
    normalised=dtype != np.uint8 if normalised is None else normalised,
    channels='first' if first else 'last',
    outputs=outputs,
    batch=entry.shape[0] if isinstance(entry.shape[0], int) else batch,
    size=size,
    name=str(path),
  )


def _session(path: pathlib.Path) -> Any:
  try:
    import onnxruntime
  except ImportError as error:
    raise InputError(
      f"{path}: ONNX files need onnxruntime; pip install 'magnet-jax[onnx]'"
    ) from error
  onnxruntime.disable_telemetry_events()  # which would write and send files
  options = onnxruntime.SessionOptions()
  options.log_severity_level = _ONLY_ERRORS
  _bound_memory(onnxruntime, options)
  present = onnxruntime.get_available_providers()
  providers = [each for each in _PROVIDERS if each in present]
  with outside.reading(
    path, 'cannot be loaded as an ONNX model', 'export it again'
  ):
    return onnxruntime.InferenceSession(
      path, sess_options=options, providers=providers
    )


def _bound_memory(onnxruntime: Any, options: Any) -> None:
  """Lets all sessions together take half of the memory that is free.

  Otherwise a file of a hundred bytes may ask for any number, and the system may
  end the program for it.
  """
  kind = onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR
  place = onnxruntime.OrtMemoryInfo(
    'Cpu', kind, 0, onnxruntime.OrtMemType.DEFAULT
  )
  most = {'max_mem': host_memory.free() // 2}
  # The first of a process counts.
  onnxruntime.create_and_register_allocator(
    place, onnxruntime.OrtArenaCfg(most)
  )
  options.add_session_config_entry('session.use_env_allocators', '1')


def _input(path: PathLike, session: Any) -> Any:
  """The only input of a file, of a type that images can have."""
  inputs = session.get_inputs()
  if len(inputs) != 1 or len(inputs[0].shape) != 4:
    shapes = ', '.join(f'{i.name} {_text(i.shape)}' for i in inputs)
    raise InputError(
      f'{path}: takes {shapes}: must take one batch of images, [B,3,h,w] or '
      '[B,h,w,3]; export only the segmenter'
    )
  entry = inputs[0]
  if entry.type not in _DTYPES:
    raise InputError(
      f'{path}: its input {entry.name} is {entry.type}: must be one of '
      f'{", ".join(_DTYPES)}; export it for one of these'
    )
  return entry


def _channels_first(path: PathLike, shape: list[Any]) -> bool:
  """Whether the channels of the input come before its rows."""
  if shape[1] == 3:
    return True
  if shape[3] == 3:
    return False
  # If both are open, the order of PyTorch, from which most files come.
  if isinstance(shape[1], int) or isinstance(shape[3], int):
    raise InputError(
      f'{path}: takes {_text(shape)}: must take images of 3 channels, '
      '[B,3,h,w] or [B,h,w,3]; export the segmenter for RGB images'
    )
  return True


def _fixed(path: PathLike, size: list[Any]) -> Size | None:
  """(h, w) of an input of fixed size, None if both are open."""
  if not any(isinstance(side, int) for side in size):
    return None
  if not all(isinstance(side, int) for side in size):
    raise InputError(
      f'{path}: takes images of {_text(size)}: height and width must both be '
      'fixed or both be open; export it with both dynamic'
    )
  return size[0], size[1]


def _output(
  path: PathLike,
  session: Any,
  name: str | None,
  num_classes: int,
  first: bool,
) -> str:
  """The output to use, checked as far as the file declares its shape."""
  outputs = {each.name: each.shape for each in session.get_outputs()}
  chosen = next(iter(outputs)) if name is None else name
  if chosen not in outputs:
    raise InputError(
      f'{path}: has no output {chosen!r}; its outputs are {", ".join(outputs)}'
    )
  shape = outputs[chosen]
  wanted = f'[B,{num_classes},h,w]' if first else f'[B,h,w,{num_classes}]'
  if not shape:  # undeclared, or a scalar, which the first call will report
    return chosen
  if len(shape) != 4:
    raise InputError(
      f'{path}: returns {_text(shape)} as {chosen}: must be {wanted}, one map '
      'per class; export it without the argmax'
    )
  count = shape[1] if first else shape[3]
  if isinstance(count, int) and count != num_classes:
    raise InputError(
      f'{path}: returns {_text(shape)} as {chosen}, {count} classes: must be '
      f'{wanted}, {num_classes} classes; use a refiner trained for the same '
      'classes'
    )
  return chosen


def _check_maps(
  path: PathLike, session: Any, chosen: str, first: bool, size: Size
) -> None:
  """Raises InputError for maps that are too large, before any is made.

  Those of images of any size are known only afterwards.
  """
  (shape,) = (e.shape for e in session.get_outputs() if e.name == chosen)
  sides = shape[2:] if first else shape[1:3]
  for side, given in zip(sides, size, strict=False):
    if isinstance(side, int) and side > LARGEST * given:
      raise InputError(
        f'{path}: returns {_text(shape)} as {chosen} for images of '
        f'{size[0]}x{size[1]}: maps may be at most {LARGEST} times as large; '
        'export it without enlarging them'
      )


def _text(shape: list[Any]) -> str:
  return f'[{",".join("?" if side is None else str(side) for side in shape)}]'
