"""The images that a person names: files, folders, lists, addresses, …"""

from collections.abc import Iterator, Sequence
import glob
import hashlib
import pathlib
import re

from magnet_jax.data import file_pairs
from magnet_jax.files.downloads import Address
from magnet_jax.predict import image_suffixes, stac_items
from magnet_jax.predict.fetching import Origin
from magnet_jax.rasters import zip_members
from magnet_jax.rasters.zip_members import Member
from magnet_jax.types import InputError

_LIST = '.txt'
_PATTERN = ('*', '?', '[')
_VSI = '/vsi'  # begins the names of GDAL's file systems
_CURL = '/vsicurl/'
_LONGEST = 60  # letters of a folder or of a name without its suffix
_DIGITS = 12  # of a hash that tells apart what has the same name


def find(
  names: Sequence[str], downloads: pathlib.Path
) -> dict[pathlib.Path, Origin | None]:
  """Returns the files of images, in the order in which they are named.

  Args:
    names: files; folders, whose images are taken, not those of folders in them;
      patterns such as 'photos/*.jpg', for shells that leave them; lists (.txt)
      of one image per line, or of image<TAB>label; addresses of http and
      https; members of zip files (/vsizip/a.zip/inner/b.tif); and STAC items
      (.json), as files or addresses. What is named twice is taken once.
    downloads: the folder for images from addresses and zip files.

  Returns:
    Where each image is or will be, and what has to be fetched to be there.

  Raises:
    InputError: a folder, pattern, list or item names none, or one that it must
      not; an item cannot be read; or a name is of another kind.
  """
  found: dict[pathlib.Path, Origin | None] = {}
  for name in names:
    for image in _of(name):
      if isinstance(image, pathlib.Path):
        found[image] = None
      else:
        found[_kept(image, downloads)] = image
  return found


def _of(name: str) -> Iterator[pathlib.Path | Origin]:
  if name.startswith(zip_members.PREFIX):
    yield Member.parse(name)
    return
  name = name.removeprefix(_CURL)
  if name.startswith(_VSI):
    raise InputError(
      f'{name}: is a path of GDAL, of which only {_CURL} and '
      f'{zip_members.PREFIX} are opened; unpack or download it first'
    )
  if '://' in name:
    yield from _at(Address.parse(name))
    return
  path = pathlib.Path(name)
  if path.is_dir():
    yield from _images(path)
  elif path.suffix.lower() == _LIST:
    yield from _listed(path)
  elif path.suffix.lower() in stac_items.SUFFIXES:
    yield from stac_items.of_file(path)
  elif not path.exists() and any(sign in name for sign in _PATTERN):
    found = sorted(glob.glob(name, recursive=True))
    if not found:
      raise InputError(f'{name}: no file has such a name; check the pattern')
    yield from map(pathlib.Path, found)
  else:
    yield path  # whatever is wrong with it is told when it is its turn


def _at(address: Address) -> list[Address]:
  """Returns an image's address, or those of the images of an item."""
  if _suffix(address) in image_suffixes.ALL:
    return [address]
  # Servers of items give these names without a suffix.
  return stac_items.at_address(address)


def _listed(path: pathlib.Path) -> Iterator[pathlib.Path]:
  """Yields the images of a list, which may come from anybody."""
  for pair in file_pairs.read_list(path):
    name = str(pair.image)
    if name.startswith(_VSI) or re.search('(^|/)https?:/', name):
      raise InputError(
        f'{path}: names {name}, which is no file; give addresses and members '
        'of zip files to the command itself'
      )
    yield pair.image


def _images(folder: pathlib.Path) -> list[pathlib.Path]:
  try:
    files = sorted(folder.iterdir())
  except OSError as error:
    raise InputError(
      f'{folder}: cannot be read, {error.strerror}; change its permissions'
    ) from error
  found = [
    file
    for file in files
    if file.suffix.lower() in image_suffixes.ALL
    and not file.name.startswith('.')
  ]
  if not found:
    raise InputError(
      f'{folder}: holds no {", ".join(image_suffixes.ALL)} file; name another '
      'folder, or the files themselves'
    )
  return found


def _suffix(origin: Origin) -> str:
  return pathlib.PurePosixPath(origin.place[2]).suffix.lower()


def _kept(origin: Origin, downloads: pathlib.Path) -> pathlib.Path:
  """Returns where an image is kept, the same in every run.

  Its name and that of its folder, which tell apart the outputs of images of
  the same name, are below a hash of all of its origin.
  """
  whole, folder, name = origin.place
  suffix = _suffix(origin)
  if suffix not in image_suffixes.ALL:
    raise InputError(
      f'{origin}: its name has no suffix of an image '
      f'({", ".join(image_suffixes.ALL)}); name another'
    )
  digits = hashlib.sha256(whole.encode(errors='surrogateescape')).hexdigest()
  stem = name[: -len(suffix)]
  return downloads / digits[:_DIGITS] / _plain(folder) / (_plain(stem) + suffix)


def _plain(name: str) -> str:
  """Returns a name without what means something else to a file system."""
  return re.sub(r'[^\w.+=()-]|^\W', '_', name)[:_LONGEST] or '_'
