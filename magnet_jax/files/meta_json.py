"""The metadata of a checkpoint, as JSON.

    {"kind": "refiner", "config": {"plan": {…}, "refine": {…}, …},
     "classes": {"names": […], "colours": […], "unscored": […], "codes": …},
     "torch": {…}, "versions": {…}, "format": 1}

Files of earlier versions have neither format nor versions; only converted
networks have `torch`, and a trunk has no classes.
"""

from collections.abc import Mapping
import dataclasses
from importlib import metadata

from magnet_jax import checked, ranges
from magnet_jax.files import records
from magnet_jax.types import InputError, Meta

_FORMAT = 1
_PACKAGES = ('magnet-jax', 'jax', 'flax')


def to_json(meta: Meta) -> dict[str, object]:
  """Returns the JSON object; new metadata names the versions that write it."""
  content = dataclasses.asdict(meta)
  content['versions'] = meta.versions or _versions()
  written: dict[str, object] = records.to_json(content)
  return {k: v for k, v in written.items() if v} | {'format': _FORMAT}


def from_json(content: object, name: str) -> Meta:
  """Checks and converts what this or an earlier version of `to_json` wrote.

  Args:
    content: parsed JSON.
    name: the file, for messages.

  Raises:
    InputError: a part is missing, of the wrong type or out of range, or the
      format is that of a later version.
  """
  with checked.named(name):
    if isinstance(content, Mapping):
      content = dict(content)
      found = content.pop('format', _FORMAT)
      if found != _FORMAT:
        raise InputError(
          f'meta.format is {found!r}: must be {_FORMAT}, as newer versions '
          'may write others; upgrade magnet-jax, or use another file'
        )
    meta = checked.call(Meta, content, 'meta')
    ranges.check_all(meta.config)
    return meta


def _versions() -> dict[str, str]:
  found = {}
  for package in _PACKAGES:
    try:
      found[package] = metadata.version(package)
    except metadata.PackageNotFoundError:
      found[package] = 'not installed'
  return found
