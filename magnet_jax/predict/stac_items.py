"""The images that a STAC item names: its assets.

STAC 1.0, the specification of items, https://stacspec.org. An item may come
from anybody, so only what lies beside it is opened: files in or below its own
folder, or addresses of its own server.
"""

from collections.abc import Mapping
import os
import pathlib
import re

from magnet_jax.files import host_memory, plain_json, records
from magnet_jax.files.downloads import Address
from magnet_jax.files.records import Record
from magnet_jax.predict import image_suffixes
from magnet_jax.types import InputError

SUFFIXES = ('.json', '.geojson')
_LONGEST = 2**24  # bytes of an item
_LARGER = 20  # times its bytes that an item may take
_SHOWN = 5  # names in a message
_VISUAL = 'visual'  # the usual name of an asset in natural colours
_REMEDY = 'name a STAC item, or the images themselves'
_SCHEME = re.compile(r'[A-Za-z][A-Za-z0-9+.-]+:')


def of_file(path: pathlib.Path) -> list[pathlib.Path]:
  """Returns the images of an item's file.

  The asset 'visual' if there is one; else all images whose roles, if they have
  any, hold 'data'.

  Args:
    path: the item, JSON of at most 16 MB.

  Raises:
    InputError: it cannot be read, is no item, has no image, or names one that
      is not in or below its own folder.
  """
  found, elsewhere = [], []
  folder = path.parent
  top = os.path.realpath(folder)
  for href in _images(records.read_object(path, _REMEDY), str(path)):
    file = folder / href
    # Links are followed, which may lead out of the folder.
    inside = os.path.commonpath([top, os.path.realpath(file)]) == top
    if inside and not _SCHEME.match(href):
      found.append(file)
    else:
      elsewhere.append(href)
  _refuse(str(path), elsewhere, 'outside its folder')
  return found


def at_address(address: Address) -> list[Address]:
  """Returns the images of the item at an address, as `of_file` does.

  Args:
    address: of the item.

  Raises:
    InputError: it cannot be downloaded, is no item, has no image, or names one
      of another server.
  """
  named = ', '.join(image_suffixes.ALL)
  kind = f'image by its suffix ({named}) and no STAC item'
  data, base = address.read(kind, _LONGEST)
  host_memory.check(str(address), _LARGER * len(data))
  try:
    item = plain_json.parse(data)
  except ValueError:
    item = None
  if not isinstance(item, dict):
    raise InputError(f'{address}: is no {kind}, no JSON object; {_REMEDY}')
  found, elsewhere = [], []
  for href in _images(item, str(address)):
    try:
      image = base.joined(href)
    except InputError:
      elsewhere.append(href)
      continue
    if image.is_beside(base):
      found.append(image)
    else:
      elsewhere.append(image.url)
  _refuse(str(address), elsewhere, 'of other servers')
  return found


def _refuse(name: str, elsewhere: list[str], where: str) -> None:
  if elsewhere:
    more = ' …' if len(elsewhere) > _SHOWN else ''
    raise InputError(
      f'{name}: names images {where}, which an item cannot make this program '
      f'open: {" ".join(elsewhere[:_SHOWN])}{more}; name them yourself'
    )


def _images(item: Record, name: str) -> list[str]:
  """Returns the references of an item's images; `name` is for messages."""
  if item.get('type') != 'Feature' or 'stac_version' not in item:
    raise InputError(
      f'{name}: is of the type {item.get("type")!r:.40}, and no STAC item, '
      f"which has the type 'Feature' and a stac_version; {_REMEDY}"
    )
  assets = item.get('assets')
  if not isinstance(assets, dict) or not all(map(_is_asset, assets.values())):
    raise InputError(
      f'{name}: has damaged assets, each must be an object with a text href; '
      'correct them'
    )
  chosen = (
    [assets[_VISUAL]]
    if _VISUAL in assets
    else [each for each in assets.values() if _is_image(each)]
  )
  if not chosen:
    raise InputError(
      f'{name}: has no image among its assets ({", ".join(assets):.200}); '
      'name the images themselves'
    )
  return list(dict.fromkeys(each['href'] for each in chosen))


def _is_asset(asset: object) -> bool:
  """Whether it has what is read of an asset, of the right types."""
  if not isinstance(asset, Mapping):
    return False
  href, kind = asset.get('href'), asset.get('type') or ''
  roles = asset.get('roles') or []
  return (
    isinstance(href, str)
    and bool(href.strip())
    and '\0' not in href
    and isinstance(kind, str)
    and isinstance(roles, list)
  )


def _is_image(asset: Mapping[str, str]) -> bool:
  roles, kind = asset.get('roles'), asset.get('type') or ''
  path = asset['href'].partition('?')[0]
  named = path.lower().endswith(image_suffixes.ALL)
  return (not roles or 'data' in roles) and (
    kind.lower().startswith('image/') or named
  )
