"""PyTorch's weights on disk: .pth (zip or legacy), .pkl and .safetensors.

The only file that imports PyTorch, and only when a .pth is read or written.
"""

from collections.abc import Mapping
import contextlib
import importlib
import io
import pathlib
import pickle
import re
from typing import Any
import warnings
import zipfile
import zlib

import jax.numpy as jnp
import numpy as np

from magnet_jax import outside
from magnet_jax.files import array_files, atomic, decoding, host_memory
from magnet_jax.files.atomic import PathLike
from magnet_jax.types import InputError
from magnet_jax.weights import pickled_arrays, pickles

SUFFIXES = {'pytorch': '.pth', 'safetensors': '.safetensors'}
# Where training scripts put the weights, beside the optimizer and the epoch.
_NESTED = ('state_dict', 'model_state_dict', 'model')
_BFLOAT16 = np.dtype(jnp.bfloat16)
_LEGACY = 5  # pickles of a file of PyTorch before 1.6
_NO_WEIGHTS = (
  'is not a file of weights (.pth, .pkl or .safetensors), or is damaged'
)
_AGAIN = 'save or download it again'
_LONGEST = 2**22  # bytes: 20,000 tensors
_SAFE_TYPES = {
  'F64': np.dtype('<f8'),
  'F32': np.dtype('<f4'),
  'F16': np.dtype('<f2'),
  'BF16': _BFLOAT16,
  'I64': np.dtype('<i8'),
  'I32': np.dtype('<i4'),
  'I16': np.dtype('<i2'),
  'I8': np.dtype('i1'),
  'U8': np.dtype('u1'),
  'BOOL': np.dtype('?'),
}


def read(path: PathLike) -> dict[str, np.ndarray]:
  """Reads a state_dict; no code in the file is ever run.

  Args:
    path: .safetensors, a .pth of a state_dict or of a dict that holds one, or
      a .pkl that holds one of NumPy arrays, as Detectron2 writes them.

  Returns:
    Arrays by their names in the file, in the file's data types.

  Raises:
    InputError: missing, damaged, pickled code, or not a state_dict; or the
      package that reads it is not installed.
  """
  path = decoding.check_file(path)
  host_memory.check(str(path), path.stat().st_size)
  if path.suffix == SUFFIXES['safetensors']:
    return _read_safetensors(path)
  return _read_pkl(path) if path.suffix == '.pkl' else _read_pth(path)


def write(path: PathLike, state: Mapping[str, np.ndarray]) -> None:
  """Writes a state_dict of plain tensors, completely or not at all.

  Args:
    path: ends in .pth or .safetensors.
    state: arrays by name.

  Raises:
    InputError: writing fails, or the package that writes it is not installed.
  """
  path = pathlib.Path(path)
  if path.suffix == SUFFIXES['safetensors']:
    numpy = _import('safetensors.numpy')
    data = numpy.save(dict(state), metadata={'format': 'pt'})
  else:
    torch = _import('torch')
    file = io.BytesIO()
    # Copied, as a tensor must own writable memory.
    tensors = {k: torch.from_numpy(np.array(a)) for k, a in state.items()}
    torch.save(tensors, file)
    data = file.getvalue()
  atomic.write_bytes(path, data)


def _import(name: str) -> Any:  # a module of a package that may be missing
  """Imports a package of the extra [convert]."""
  try:
    with warnings.catch_warnings():
      warnings.simplefilter('ignore')
      return importlib.import_module(name)
  except ImportError as error:
    package = name.partition('.')[0]
    raise InputError(
      f'{package}: is not installed, but needed for such files; pip install '
      '"magnet-jax[convert]"'
    ) from error


def _read_safetensors(path: pathlib.Path) -> dict[str, np.ndarray]:
  # Not safetensors.numpy, which does not support bfloat16.
  safetensors = _import('safetensors')
  _check_header(path)
  with outside.reading(path, _NO_WEIGHTS, _AGAIN):
    stored = safetensors.deserialize(path.read_bytes())
  state = {}
  for name, view in stored:
    if view['dtype'] not in _SAFE_TYPES:
      raise InputError(
        f'{path}: {name} is {view["dtype"]}: weights must be of one of '
        f'{", ".join(_SAFE_TYPES)}; save them as float32'
      )
    array = np.frombuffer(view['data'], _SAFE_TYPES[view['dtype']])
    state[name] = array.reshape(view['shape'])
  return state


def _check_header(path: pathlib.Path) -> None:
  """Raises InputError for a header longer than that of any network."""
  with path.open('rb') as file:
    length = int.from_bytes(file.read(8), 'little')
  if _LONGEST < length <= path.stat().st_size:
    raise InputError(
      f'{path}: has a header of {length} bytes, more than the {_LONGEST} '
      'of any network; save or download it again'
    )


def _read_pkl(path: pathlib.Path) -> dict[str, np.ndarray]:
  state = {}
  for name, array in _state(pickled_arrays.read(path), path).items():
    if not isinstance(array, np.ndarray):
      raise InputError(
        f'{path}: {name} is a {type(array).__name__}: its model holds arrays '
        'only; choose a file of weights'
      )
    state[name] = array
  return state


def _read_pth(path: pathlib.Path) -> dict[str, np.ndarray]:
  torch = _import('torch')
  _measure(path)
  with outside.reading(path, _NO_WEIGHTS, _AGAIN):
    found = _loaded(torch, path)
  measure, state = pickles.Measure(path), {}
  for name, tensor in _state(found, path).items():
    if isinstance(tensor, torch.Tensor):
      measure.add(tensor.numel() * tensor.element_size())
    state[name] = _array(torch, tensor, f'{path}: {name}')
  return state


def _measure(path: pathlib.Path) -> None:
  """Raises InputError if loading a file would take more than it should."""
  # What is damaged, PyTorch reports.
  with contextlib.suppress(
    zipfile.BadZipFile, zlib.error, RuntimeError, ValueError, EOFError
  ):
    if not zipfile.is_zipfile(path):
      with path.open('rb') as file:
        pickles.check_length(path, file, _LEGACY)
      return
    array_files.check_density(path, array_files.check(path))
    with zipfile.ZipFile(path) as archive:
      for name in archive.namelist():
        if name.endswith('.pkl'):
          with archive.open(name) as file:
            pickles.check_length(path, file)


def _loaded(torch: Any, path: pathlib.Path) -> object:
  """Returns what a .pth holds.

  Raises:
    InputError: it holds code. Otherwise nearly anything.
  """
  try:
    with warnings.catch_warnings():
      warnings.simplefilter('ignore')  # about types that will change
      return torch.load(path, map_location='cpu', weights_only=True)
  except pickle.UnpicklingError as error:
    code = re.search(r'GLOBAL ([\w.]+)', str(error))
    if not code:
      raise
    raise InputError(
      f'{path}: holds pickled code ({code[1]}), which could do anything: only '
      'plain tensors are read; save its state_dict() only'
    ) from error
  except RuntimeError as error:
    if 'TorchScript' not in str(error):
      raise
    raise InputError(
      f'{path}: is a TorchScript archive, which holds code: only plain '
      'tensors are read; save its state_dict() only'
    ) from error


def _state(found: object, path: pathlib.Path) -> Mapping[str, object]:
  """Returns the state_dict in what was loaded."""
  for key in _NESTED:
    if isinstance(found, Mapping) and isinstance(found.get(key), Mapping):
      found = found[key]
      break
  if not isinstance(found, Mapping):
    what = f'a {type(found).__name__}'
  elif not found:
    what = 'an empty dict'
  elif not all(isinstance(key, str) for key in found):
    what = 'a dict whose keys are not names'
  else:
    return found
  raise InputError(
    f'{path}: holds {what}: must be a state_dict, tensors by name; save the '
    "network's state_dict()"
  )


def _array(torch: Any, tensor: Any, name: str) -> np.ndarray:
  """Converts one tensor; bfloat16 becomes the type that JAX uses for it."""
  if not isinstance(tensor, torch.Tensor):
    raise InputError(
      f'{name} is a {type(tensor).__name__}: a state_dict holds tensors only; '
      "save the network's state_dict()"
    )
  tensor = tensor.detach()
  try:
    if tensor.dtype == torch.bfloat16:
      array: np.ndarray = tensor.view(torch.int16).numpy().view(_BFLOAT16)
    else:
      array = tensor.numpy()
  except (TypeError, RuntimeError) as error:  # sparse, quantised, …
    raise InputError(
      f'{name} is {tensor.dtype} of layout {tensor.layout}: weights must be '
      'dense; save them as float32'
    ) from error
  return array
