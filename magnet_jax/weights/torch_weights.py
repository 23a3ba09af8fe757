"""PyTorch's names and layouts of weights, and back.

    variables, counters = torch_weights.from_torch(state, 'fpn', template)
    state = torch_weights.to_torch(variables, 'fpn', counters)

Arrays are only renamed and transposed, so both directions are exact. PyTorch
is not needed.
"""

from collections.abc import Iterable, Mapping
import functools
import re
import string

import numpy as np

from magnet_jax.files import trees
from magnet_jax.types import InputError
from magnet_jax.weights import torch_names

State = dict[str, np.ndarray]  # arrays by PyTorch's names
Counters = dict[str, int]  # batches that each normalisation has seen, by name

_LEAVES = {
  'kernel': 'weight',
  'scale': 'weight',
  'negative_slope': 'weight',
  'bias': 'bias',
  'mean': 'running_mean',
  'var': 'running_var',
}
COUNTER = 'num_batches_tracked'
_REMEDY = (
  'choose the config of this network, or change fields such as '
  '--config.segmenter.trunk'
)
_SHOWN = 3  # names that a message lists before counting the rest


def listed(names: Iterable[str]) -> str:
  """Returns the first few names, and the number of others."""
  names = list(names)
  rest = len(names) - _SHOWN
  return ', '.join(names[:_SHOWN]) + (f' and {rest} more' if rest > 0 else '')


def from_torch(
  state: Mapping[str, np.ndarray],
  network: str,
  template: object,
  *,
  name: str = 'state',
) -> tuple[trees.Tree, Counters]:
  """Renames and transposes a network's state to our variables.

  Args:
    state: arrays by their names in PyTorch, convolutions as OIHW.
    network: a key of `torch_names.NAMES`.
    template: {'params', 'batch_stats'}, arrays or shapes of our network.
    name: of the state, for messages.

  Returns:
    NumPy arrays in the template's places, and the counters
    `num_batches_tracked` by their names; no counters if the state has none.

  Raises:
    InputError: a key is missing or left over on either side, or a shape
      differs.
  """
  wanted = trees.flatten(template)
  keys = _torch_keys(wanted, network)
  counted = _counter_keys(wanted, network)
  present = counted & state.keys()
  missing = [key for key in keys.values() if key not in state]
  # Files from PyTorch before 0.4.1 have no counters.
  missing += sorted(counted - present) if present else []
  if missing:
    raise InputError(
      f'{name}: lacks {listed(missing)}: each weight of the network {network} '
      f'must be there; use a complete file, or {_REMEDY}'
    )
  rest = [k for k in state if k not in counted and k not in keys.values()]
  if rest:
    raise InputError(
      f'{name}: {listed(rest)} have no place in the network {network}: every '
      f'key must be used; {_REMEDY}'
    )
  arrays = {
    path: _from_layout(
      state[key],
      wanted[path].shape,
      f'{name}: {key}',
      line=_is_line(key, network),
    )
    for path, key in keys.items()
  }
  return trees.unflatten(arrays), {
    key: _count(state[key], f'{name}: {key}') for key in sorted(present)
  }


def to_torch(
  variables: object,
  network: str,
  counters: Mapping[str, int] | None = None,
) -> State:
  """Renames and transposes our variables to a network's state.

  Args:
    variables: {'params', 'batch_stats'} of arrays.
    network: a key of `torch_names.NAMES`.
    counters: as `from_torch` returned them; None writes zeros.

  Returns:
    Arrays by their names in PyTorch, convolutions as OIHW.

  Raises:
    InputError: a variable has no name there, or a counter no variable here.
  """
  flat = trees.flatten(variables)
  state = {
    key: _to_layout(np.asarray(flat[path]), path, line=_is_line(key, network))
    for path, key in _torch_keys(flat, network).items()
  }
  known = _counter_keys(flat, network)
  if counters is None:
    counters = dict.fromkeys(sorted(known), 0)
  if counters.keys() - known:
    raise InputError(
      f'counters {listed(sorted(counters.keys() - known))}: belong to no '
      f'normalisation of the network {network}; convert the file again'
    )
  return state | {k: np.array(n, np.int64) for k, n in counters.items()}


def match(names: Iterable[str], network: str) -> tuple[int, list[str]]:
  """Compares the keys of a state with the names of a network.

  Args:
    names: the state's keys.
    network: a key of `torch_names.NAMES`.

  Returns:
    The number of the network's rows in use, and the keys without a row.
  """
  table = torch_names.NAMES[network]
  patterns = [pattern(theirs) for theirs, _ in table]
  used: set[int] = set()
  strange = []
  for name in names:
    module = name.rpartition('.')[0]
    rows = [i for i, row in enumerate(patterns) if row.fullmatch(module)]
    used.update(rows)
    if not rows:
      strange.append(name)
  return len(used), strange


def _torch_keys(flat: Iterable[str], network: str) -> dict[str, str]:
  """Returns PyTorch's key of each of our leaves, by 'params/module/leaf'."""
  table = torch_names.NAMES[network]
  keys: dict[str, str] = {}
  strange = []
  for path in flat:
    _, _, inner = path.partition('/')
    module, _, leaf = inner.rpartition('/')
    theirs = _translate(module, table)
    if theirs is None or leaf not in _LEAVES:
      strange.append(path)
    else:
      keys[path] = f'{theirs}.{_LEAVES[leaf]}'
  doubled = len(keys) - len(set(keys.values()))
  if strange or doubled:
    raise InputError(
      f'{listed(strange) or f"{doubled} variables"}: no name of their own '
      f'in the network {network}; choose the network that the variables '
      'belong to'
    )
  return keys


def _counter_keys(flat: Iterable[str], network: str) -> set[str]:
  """Returns the counters of all our batch normalisations."""
  keys = _torch_keys(flat, network)
  return {
    f'{key.rpartition(".")[0]}.{COUNTER}'
    for path, key in keys.items()
    if path.endswith('/mean')
  }


def _translate(module: str, table: torch_names.Table) -> str | None:
  """Returns PyTorch's name of our module, None if the table has none."""
  for theirs, ours in table:
    found = pattern(ours).fullmatch(module)
    if found:
      return theirs.format(**found.groupdict())
  return None


@functools.cache
def pattern(row: str) -> re.Pattern[str]:
  """Returns a regular expression of a row's side, one group per placeholder."""
  parts = []
  for literal, field, _, _ in string.Formatter().parse(row):
    parts.append(re.escape(literal))
    parts.append('' if field is None else rf'(?P<{field}>\d+)')
  return re.compile(''.join(parts))


def _is_line(key: str, network: str) -> bool:
  """Returns whether a module in PyTorch is a convolution along one axis."""
  lines = torch_names.LINES.get(network)
  return lines is not None and key.startswith(lines)


def _from_layout(
  array: np.ndarray, wanted: tuple[int, ...], name: str, *, line: bool
) -> np.ndarray:
  """Returns one array in our layout, after a check of its shape."""
  shape = tuple(np.shape(array))
  if len(wanted) == 4:  # OIHW -> HWIO
    theirs = tuple(wanted[i] for i in (3, 2, 0, 1))
  elif len(wanted) == 2:  # a 1x1 convolution, ours a dense layer
    theirs = (*wanted[::-1], 1) if line else (*wanted[::-1], 1, 1)
  else:  # the slope of a PReLU is one number
    theirs = wanted or (1,)
  if shape != theirs:
    raise InputError(
      f'{name} has shape {list(shape)}, but the config needs {list(theirs)}; '
      f'{_REMEDY}'
    )
  if len(wanted) == 4:
    array = array.transpose(2, 3, 1, 0)
  elif len(wanted) == 2:
    array = array.reshape(wanted[::-1]).T
  return np.ascontiguousarray(array).reshape(wanted)


def _to_layout(array: np.ndarray, path: str, *, line: bool) -> np.ndarray:
  """Returns one array in PyTorch's layout."""
  leaf = path.rpartition('/')[2]
  if leaf == 'kernel' and array.ndim == 4:
    array = array.transpose(3, 2, 0, 1)
  elif leaf == 'kernel':
    array = array.T.reshape(*array.shape[::-1], 1, *([] if line else [1]))
  elif leaf == 'negative_slope':
    array = array.reshape(1)
  return np.ascontiguousarray(array)


def _count(value: np.ndarray, name: str) -> int:
  """Returns one counter as an integer."""
  value = np.asarray(value)
  if value.shape or value.dtype.kind not in 'iu':
    raise InputError(
      f'{name} is {value.dtype}{list(value.shape)}: must be one whole number; '
      'save the state_dict again'
    )
  return int(value)
