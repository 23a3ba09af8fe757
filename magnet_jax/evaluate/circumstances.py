"""What a run's results hang on besides its flags: kept beside its records.

The model's own settings, such as K, versions, the commit and the device. Other
than the flags, they may differ when a run is resumed; the last ones are kept.
"""

from collections.abc import Mapping
import pathlib
import platform
import subprocess

import jax

import magnet_jax
from magnet_jax import parallel
from magnet_jax.files import records
from magnet_jax.predict import engines
from magnet_jax.predict.model import Model

NAME = 'circumstances.json'
_PATIENCE = 5  # seconds


def of(model: Model) -> dict[str, str]:
  """Returns the circumstances of a run now, by name.

  Args:
    model: with the settings that it is run with.
  """
  kind = jax.local_devices()[0].device_kind
  return {
    **{
      f'{section}.{name}': str(value)
      for section, settings in model.settings.items()
      for name, value in settings.items()
    },
    'pipeline': model.pipeline,
    'engine': engines.name(model),
    'magnet-jax': magnet_jax.__version__,
    'commit': _commit(),
    'jax': jax.__version__,
    'python': platform.python_version(),
    'devices': f'{parallel.device_count()} x {kind}',
  }


def write(folder: pathlib.Path, model: Model) -> None:
  """Writes the circumstances of a run into its folder.

  Raises:
    InputError: writing fails.
  """
  records.write_json(folder / NAME, of(model))


def read(folder: pathlib.Path) -> Mapping[str, str]:
  """Returns the circumstances of a run; empty if they were not kept.

  Raises:
    InputError: they are damaged.
  """
  path = folder / NAME
  if not path.exists():
    return {}
  found = records.read_object(path, 'evaluate again, or remove it')
  return {key: str(value) for key, value in found.items()}


def _commit() -> str:
  """Returns the commit of the package; '' if it is not in a repository."""
  # Not that of a repository in which it only happens to be installed.
  if not _git('ls-files', '__init__.py'):
    return ''
  return _git('describe', '--always', '--dirty', '--abbrev=12')


def _git(*words: str) -> str:
  """Returns what git prints in the folder of the package; '' if it fails."""
  (package,) = magnet_jax.__path__
  try:
    done = subprocess.run(
      ['git', *words],
      cwd=package,
      capture_output=True,
      text=True,
      timeout=_PATIENCE,
      check=False,
    )
  except (OSError, subprocess.TimeoutExpired):  # there is no git
    return ''
  return done.stdout.strip() if done.returncode == 0 else ''
