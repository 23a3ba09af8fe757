"""PyTorch files as the checked states of known networks.

Recognises the network in a file, and removes what is not part of it: prefixes
of names, ImageNet classifiers, half and double precision.
"""

from collections.abc import Mapping
import dataclasses
import pathlib

import numpy as np

from magnet_jax.files.atomic import PathLike
from magnet_jax.types import CORRECTOR, InputError, Section
from magnet_jax.weights import (
  torch_colours,
  torch_files,
  torch_names,
  torch_weights,
)
from magnet_jax.weights.torch_weights import State, listed

ORDERS = ('scale,coarse', 'coarse,scale')  # of the refiner's input
# Prefixes added by wrappers for several devices, training scripts, Lightning.
_PREFIXES = ('module.', 'model.')


@dataclasses.dataclass(frozen=True)
class Source:
  """The state of one network.

  Attributes:
    path: where it was read.
    network: a key of `torch_names.NAMES`.
    state: float32 arrays by their plain names, and the counters.
    dtype: of the file's floating-point numbers.
    dropped: keys of the file that are not part of the network.
    settings: of the network, that only these keys say, or none does.
  """

  path: pathlib.Path
  network: str
  state: State
  dtype: str
  dropped: tuple[str, ...]
  settings: Section = dataclasses.field(default_factory=dict)

  @property
  def kind(self) -> str:
    """'refiner', 'trunk', 'segmenter' or `CORRECTOR` and a name."""
    if self.network in torch_names.TRUNKS:
      return 'trunk'
    for name, network in torch_names.CORRECTORS.items():
      if self.network == network:
        return CORRECTOR + name
    return 'refiner' if self.network == 'refiner' else 'segmenter'

  def width(self, module: str) -> int:
    """Returns the number of features of a convolution.

    Raises:
      InputError: the file lacks it.
    """
    weight = self.state.get(f'{module}.weight')
    if weight is None or not weight.ndim:
      raise InputError(
        f'{self.path}: lacks {module}.weight, from which the width of its '
        f'network {self.network} follows; choose a whole file'
      )
    return int(weight.shape[0])

  @property
  def classes(self) -> int | None:
    """Number of features of the classifier; None for what has none.

    Raises:
      InputError: the classifier is missing.
    """
    if self.network not in torch_names.CLASSIFIERS:
      return None
    key = f'{torch_names.CLASSIFIERS[self.network]}.weight'
    if key not in self.state or not self.state[key].ndim:
      raise InputError(
        f'{self.path}: lacks {key}, the classifier of the network '
        f'{self.network}: it says how many classes there are; choose a whole '
        'file'
      )
    return int(self.state[key].shape[0])


def read(
  path: PathLike, *, network: str | None = None, cast: bool = False
) -> Source:
  """Reads a file and recognises its network.

  Args:
    path: .pth, .pkl or .safetensors.
    network: a key of `torch_names.NAMES`; None recognises it by its keys.
    cast: also accept float16, bfloat16 and float64.

  Raises:
    InputError: unreadable, of an unknown network, keys that are equal without
      their prefixes, or numbers that are not float32.
  """
  path = pathlib.Path(path)
  state = plain_names(torch_files.read(path), str(path))
  near = closest(state)
  network = network or near
  dropped = tuple(k for k in torch_names.DROPPED.get(network, ()) if k in state)
  settings = torch_colours.settings(network, state, str(path))
  state = {key: a for key, a in state.items() if key not in dropped}
  _, strange = torch_weights.match(state, network)
  if strange:
    raise InputError(
      f'{path}: is not a checkpoint of the network {network}, which has no '
      f'{listed(strange)} (of {len(state)} keys): the closest of '
      f'{", ".join(torch_names.NAMES)} is {near}; choose another file'
    )
  state, dtype = as_float32(state, str(path), cast=cast)
  return Source(path, network, state, dtype, dropped, settings)


def plain_names(state: Mapping[str, np.ndarray], name: str) -> State:
  """Removes the prefixes 'module.' and 'model.' from names.

  Args:
    state: arrays by name.
    name: of the state, for messages.

  Raises:
    InputError: two keys are equal without them.
  """
  plain: State = {}
  origin: dict[str, str] = {}
  for key, array in state.items():
    short = key
    while short.startswith(_PREFIXES):
      short = short.partition('.')[2]
    if short in plain:
      raise InputError(
        f'{name}: {origin[short]} and {key} are the same key without their '
        'prefixes: each must be there once; save the state_dict of one network'
      )
    plain[short], origin[short] = array, key
  return plain


def closest(names: Mapping[str, object]) -> str:
  """Returns the network whose table fits most keys.

  Among equals, the one with the largest share of its rows in use.

  Args:
    names: the state; only its keys matter.
  """

  def score(network: str) -> tuple[int, float]:
    used, strange = torch_weights.match(names, network)
    return -len(strange), used / len(torch_names.NAMES[network])

  return max(torch_names.NAMES, key=score)


def as_float32(
  state: Mapping[str, np.ndarray], name: str, *, cast: bool
) -> tuple[State, str]:
  """Ensures that all weights are float32.

  Args:
    state: arrays by name; the counters stay as they are.
    name: of the state, for messages.
    cast: convert other floating types; from half precision that is exact.

  Returns:
    The state, and the floating-point types that it had.

  Raises:
    InputError: other types without `cast`, or arrays of anything else.
  """
  types = {key: array.dtype.name for key, array in state.items()}
  floats = [key for key in state if not key.endswith(torch_weights.COUNTER)]
  other = [key for key in floats if types[key] != 'float32']
  odd = [k for k in other if types[k] not in ('float16', 'bfloat16', 'float64')]
  if odd or (other and not cast):
    remedy = 'save it as float32' if odd else 'add --cast=float32'
    first = (odd or other)[0]
    more = f' (and {len(other) - 1} more)' if len(other) > 1 else ''
    raise InputError(
      f'{name}: {first} is {types[first]}{more}: weights must be float32; '
      f'{remedy}'
    )
  with np.errstate(over='ignore'):  # `check_finite` reports what overflows
    cast_arrays = {key: state[key].astype(np.float32) for key in other}
  found = ', '.join(sorted({types[key] for key in floats}))
  return {**state, **cast_arrays}, found


def check_finite(state: Mapping[str, np.ndarray], name: str) -> None:
  """Raises InputError for NaN or infinity, naming the first key."""
  for key, array in state.items():
    if array.dtype.kind == 'f' and not np.isfinite(array).all():
      raise InputError(
        f'{name}: {key} holds NaN or infinity: weights must be finite; use an '
        'earlier checkpoint'
      )


def exchange_inputs(state: Mapping[str, np.ndarray]) -> State:
  """Returns a refiner's state for its maps in the other order; self-inverse."""
  changed = dict(state)
  for key, array in state.items():
    module = key.partition('.')[0]
    if module == 'bn0' and array.ndim == 1:
      changed[key] = np.roll(array, array.shape[0] // 2, axis=0)
    elif key == 'conv1.weight' and array.ndim == 4:
      changed[key] = np.roll(array, array.shape[1] // 2, axis=1)
  return changed
