"""Every field of the configs is read somewhere, and all configs load."""

import pathlib
import re

import pytest

from configs import default
from magnet_jax.cli import config_file
from magnet_jax.data import classes
from magnet_jax.segment import settings

ROOT = pathlib.Path(__file__).parents[1]
NAMES = sorted(
  path.stem for path in (ROOT / 'configs').glob('*.py') if path.stem[0] != '_'
)


def fields(config, prefix=''):
  for key, value in config.items():
    if hasattr(value, 'items'):
      yield from fields(value, f'{prefix}{key}.')
    else:
      yield f'{prefix}{key}'


def source() -> str:
  files = (ROOT / 'magnet_jax').rglob('*.py')
  return '\n'.join(path.read_text() for path in files)


def test_every_field_is_read():
  text = source()
  # A section that is passed on whole names its fields as parameters.
  sections = re.findall(r'\*\*config(?:\.|\[\')(\w+)', text)
  unread = []
  for field in fields(default.get_config()):
    *path, key = field.split('.')
    read = rf'\.{key}\b|\[\'{key}\'\]|\[f\'\{{\w+\}}_{key.split("_")[-1]}\'\]'
    if path and path[0] in sections:
      read += rf'|\b{key}: '
    # data.train, data.val and data.test are read by the split's name.
    if path == ['data'] and key in ('train', 'val', 'test'):
      read += r'|data\[split\]'
    if not re.search(read, text):
      unread.append(field)
  assert not unread


@pytest.mark.parametrize('name', NAMES)
def test_shipped_configs_are_sound(name):
  config = config_file.override(config_file.load(name), [])
  assert list(fields(config)) == list(fields(default.get_config()))
  classes.get(config.data.classes)
  options = settings.options(config.refine)
  assert options.batch >= 1
  stages = settings.planner(config.plan)((900, 1300))
  assert stages[-1].size == (900, 1300)
