"""Configs by path or name, with overrides from the command line."""

from collections.abc import Iterator, Sequence
import difflib
import pathlib
import runpy
from typing import TypeAlias

from absl import flags
import ml_collections
from ml_collections import config_flags

from magnet_jax import checked, configs, outside, ranges
from magnet_jax.cli import config_fields
from magnet_jax.files import records
from magnet_jax.models import build
from magnet_jax.types import InputError, Meta

Config: TypeAlias = ml_collections.ConfigDict


def load(name: str) -> Config:
  """Loads a config.

  Args:
    name: a Python file with `get_config()`, which is run; a .json file of
      settings, such as a run's config.json, which is only read; or the name of
      a config that is shipped in `magnet_jax.configs`, such as 'default'.

  Raises:
    InputError: there is no such config, it cannot be run, or a field is
      missing, of another type or out of range.
  """
  path = pathlib.Path(name)
  if not path.is_file():
    known = shipped()
    if name not in known:
      raise InputError(
        f'--config={name:.200}: no such file or shipped config; give a Python '
        f'or JSON file, or one of {", ".join(known)}'
      )
    path = known[name]
  usual = _run(shipped()['default'])
  remedy = "give the config.json of a run, or settings in a run's form"
  given = records.read_object(path, remedy) if path.suffix == '.json' else None
  config = _run(path) if given is None else ml_collections.ConfigDict()
  # ConfigDict raises various errors for names that it cannot have.
  with outside.reading(path, 'holds no settings', remedy):
    if given is not None:
      config = config_fields.complete(given, usual)
    with checked.named(str(path)):
      config_fields.check(config, usual)
  return config


def _run(path: pathlib.Path) -> Config:
  """Runs a Python file and returns its config."""
  try:
    # Run and not imported: a config may lie in any folder, under any name.
    config = runpy.run_path(str(path))['get_config']()
  except KeyboardInterrupt:
    raise
  # A program may raise anything, sys.exit() included.
  except BaseException as error:
    if isinstance(error, ImportError) and error.name == 'configs':
      raise InputError(
        f'{path}: imports the package configs, which is now '
        "magnet_jax.configs; write 'from magnet_jax.configs import default'"
      ) from error
    raise InputError(
      f'{path}: config cannot be loaded, {type(error).__name__}: {error}; it '
      'must be a Python file whose get_config() returns a ConfigDict'
    ) from error
  if not isinstance(config, ml_collections.ConfigDict):
    raise InputError(
      f'{path}: get_config() returns {type(config).__name__}: must return a '
      'ConfigDict; start from configs/default.py'
    )
  return config


def shipped() -> dict[str, pathlib.Path]:
  """Returns the files of the shipped configs by name, in alphabetical order."""
  (folder,) = configs.__path__
  return {
    path.stem: path
    for path in sorted(pathlib.Path(folder).glob('*.py'))
    if not path.stem.startswith('_')
  }


def override(config: Config, overrides: Sequence[str]) -> Config:
  """Returns a locked copy of a config with some fields changed.

  A trunk of another kind takes its own defaults: fields of the segmenter that
  it lacks are dropped, unless they are among the overrides.

  Args:
    config: all fields with their values.
    overrides: `--config.key=value`; values take the type of their field.

  Raises:
    InputError: for an unknown key, or a value of the wrong type or out of
      range.
  """
  changed: Config = config.copy_and_resolve_references()
  _free_types(changed)
  known = list(_keys(changed))
  for word in overrides:
    key = _key(word)
    if key not in known:
      raise InputError(_unknown(key, known))
  values = flags.FlagValues()
  argv = ['magnet-jax', *overrides]
  try:
    config_flags.DEFINE_config_dict(
      'config', changed, flag_values=values, lock_config=True, sys_argv=argv
    )
    values(argv)
  # Values are parsed as Python, which raises nearly anything for some.
  except Exception as error:
    message = ' '.join(str(error).split()) or type(error).__name__
    raise InputError(
      f'{message}; give a value of the type of the field'
    ) from error
  given = {_key(word) for word in overrides}
  if 'segmenter.trunk' in given:
    section = changed.segmenter
    with section.unlocked():
      for field in build.foreign(section.to_dict()):
        if f'segmenter.{field}' not in given:
          del section[field]
  ranges.check_all(changed.to_dict())
  return changed


def _key(override: str) -> str:
  """The dotted key that an override changes."""
  return override.split('=', 1)[0].split('.', 1)[1]


def _free_types(config: Config) -> None:
  """Lets fields take values of any type where those of the default config do.

  Copies with resolved references know only the types of their present values.
  """
  for name, section in load('default').items():
    if not isinstance(section, ml_collections.ConfigDict) or name not in config:
      continue
    there = config[name]
    for key in section:
      if section.get_type(key) is object and key in there:
        free = ml_collections.FieldReference(there[key], field_type=object)
        with there.ignore_type():
          there[key] = free


def _keys(config: Config, prefix: str = '') -> Iterator[str]:
  """Dotted keys of all fields that are not sections."""
  for key, value in config.items():
    if isinstance(value, ml_collections.ConfigDict):
      yield from _keys(value, f'{prefix}{key}.')
    else:
      yield prefix + key


def _unknown(key: str, known: list[str]) -> str:
  """The message for an unknown key: fields with a similar key or last word."""
  last = key.rsplit('.', 1)[-1]
  near = [k for k in known if k.rsplit('.', 1)[-1] == last]
  near += difflib.get_close_matches(key, known, n=3, cutoff=0.6)
  sections = sorted({k.split('.')[0] for k in known})
  hint = (
    f'did you mean {" or ".join(dict.fromkeys(near))}?'
    if near
    else f'the sections are {", ".join(sections)}; see configs/default.py'
  )
  return f'--config.{key}: unknown field; {hint}'


def from_meta(meta: Meta) -> Config:
  """Returns the config that a checkpoint was trained with.

  Fields of `data` that it lacks, as those of earlier versions may, get their
  defaults.

  Raises:
    InputError: it has no section `data`, or a field there does not have the
      type of its default.
  """
  data = {**load('default').data, **meta.section('data')}
  for key, usual in load('default').data.items():
    value, wanted = data[key], type(usual)
    if not isinstance(value, wanted):
      raise InputError(
        f'config.data.{key} is {value!r:.60}: must be of the type '
        f'{wanted.__name__}; name the images by --config or --images'
      )
  with outside.reading(
    'config', 'holds no settings', 'name the images by --config or --images'
  ):
    return ml_collections.ConfigDict({**meta.config, 'data': data})
