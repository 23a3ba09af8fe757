"""Opens image files from outside; whatever is wrong becomes one error."""

from collections.abc import Callable, Iterator
import contextlib
import ctypes
import dataclasses
import io
import logging
import os
import pathlib
import threading
import warnings

import numpy as np
from PIL import Image, TiffImagePlugin, _imaging

from magnet_jax import outside
from magnet_jax.files import host_memory, jpeg_scans, tiff_blocks
from magnet_jax.files.atomic import PathLike
from magnet_jax.types import InputError, Size

MAX_PIXELS = 2**30
_FORMATS = ('JPEG', 'PNG', 'TIFF')
# The most pixels for each byte of a file: zlib packs at most 1032 bytes, of 8
# pixels each, into one; a JPEG has at least one bit for each block of 8 x 8,
# and colours at least that for the brightness.
# A TIFF may leave out tiles, but lists each (`tiff_blocks`). A JPEG 2000 of a
# single colour has nearly no bytes; one of thousands of pixels is no picture.
_DENSEST = {'PNG': 8 * 1032, 'JPEG': 8 * 64, 'TIFF': 2**17, 'JPEG 2000': 2**13}
_BYTES = 7  # of a pixel: 4 in Pillow, 3 as an array
# Pillow logs some of what it raises; other packages log all that is passed on.
logging.getLogger('PIL').propagate = False
logging.getLogger('PIL').addHandler(logging.NullHandler())


class TooManyPixelsError(InputError):
  """A header claims more pixels than may be decoded."""


@dataclasses.dataclass(frozen=True)
class Encoded:
  """A file's content in memory, accepted by all readers in place of a path.

  Attributes:
    name: its name in messages.
    data: JPEG, PNG or TIFF bytes.
  """

  name: str
  data: bytes

  def __fspath__(self) -> str:
    return self.name


class _TiffLines:
  """The lines that libtiff prints on its own about what is raised anyway."""

  _NAMES = ('TIFFSetErrorHandler', 'TIFFSetWarningHandler')

  def __init__(self) -> None:
    self._set: list[Callable[[int | None], int | None]] = []
    # Where Pillow has no libtiff, nothing is printed.
    with contextlib.suppress(OSError, AttributeError):
      # Names are looked up in the libraries that Pillow is linked to as well.
      library = ctypes.CDLL(_imaging.__file__)
      for name in self._NAMES:
        function = getattr(library, name)
        function.restype, function.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
        self._set.append(function)
    self._before: list[int | None] = []

  def off(self) -> None:
    """Prints nothing from here on."""
    self._before = [function(None) for function in self._set]

  def on(self) -> None:
    """Prints again as before."""
    for function, before in zip(self._set, self._before, strict=True):
      function(before)


class _PillowGuard:
  """Lifts the pixel limit and the warnings of Pillow while any thread decodes.

  Our limit is checked on the header, before any memory is taken; that of
  Pillow is global and warns. It is restored when the last thread is done, so
  that other users of Pillow in the process keep it.
  """

  def __init__(self) -> None:
    self._lock = threading.Lock()
    self._inside = 0
    self._limit: int | None = None
    self._filters: warnings.catch_warnings[None] | None = None
    self._lines = _TiffLines()

  def __enter__(self) -> None:
    with self._lock:
      if not self._inside:
        self._limit = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = None
        self._filters = warnings.catch_warnings()
        self._filters.__enter__()
        # Pillow warns of damaged metadata in files that it can read.
        warnings.simplefilter('ignore')
        self._lines.off()
      self._inside += 1

  def __exit__(self, *_: object) -> None:
    with self._lock:
      self._inside -= 1
      if not self._inside:
        Image.MAX_IMAGE_PIXELS = self._limit
        assert self._filters
        self._filters.__exit__(None, None, None)
        self._lines.on()


quiet = _PillowGuard()  # for what uses Pillow other than by `opened`


def check_file(path: PathLike) -> pathlib.Path:
  """Raises InputError unless `path` is a regular file that is not empty."""
  path = check_regular(path)
  if not path.stat().st_size:
    raise InputError(f'{path}: is empty (0 bytes); copy or export it again')
  return path


def check_regular(path: PathLike) -> pathlib.Path:
  """Raises InputError unless `path` is a regular file, not a pipe or device."""
  path = pathlib.Path(path)
  try:
    if path.is_dir():
      raise InputError(f'{path}: is a folder, not a file; name a file in it')
    if not path.exists():
      link = ', the link leads nowhere' if path.is_symlink() else ''
      raise InputError(f'{path}: no such file{link}; check the path')
    if not path.is_file():
      raise InputError(f'{path}: is not a regular file; copy it to one first')
    if not os.access(path, os.R_OK):
      raise InputError(f'{path}: may not be read; change its permissions')
  except OSError as error:
    raise InputError(
      f'{path}: cannot be read, {error.strerror}; check the path'
    ) from error
  return path


@contextlib.contextmanager
def guarded(path: PathLike) -> Iterator[None]:
  """Turns whatever a block raises about a file into one line that names it.

  For work on many files, of which a bad one must not stop the others.

  Raises:
    InputError: the block raised something, or raised it itself.
  """
  with outside.reading(
    path,
    'cannot be processed',
    'copy or export the file again',
    memory='free some, or cut the image into parts',
  ):
    yield


def check_pixels(
  path: pathlib.Path,
  size: Size,
  kind: str | None,
  *,
  stored: int,
  limit: int,
) -> None:
  """Checks a header that claims more pixels than allowed, or than are there.

  Args:
    path: for messages.
    size: (height, width).
    kind: one of 'JPEG', 'JPEG 2000', 'PNG', 'TIFF'; others may hold any number.
    stored: bytes of the file.
    limit: of height * width; `sys.maxsize` if they are not decoded whole.

  Raises:
    TooManyPixelsError: they are more than the limit.
    InputError: than the file can hold.
  """
  height, width = size
  claim = (
    f'{path}: its header claims {width} x {height} = {width * height} pixels'
  )
  if width * height > limit:
    raise TooManyPixelsError(
      f'{claim}, more than the limit of {limit}; the file may be damaged, '
      'otherwise cut the image into parts'
    )
  densest = _DENSEST.get(kind or '')
  if densest and width * height > densest * stored:
    raise InputError(
      f'{claim}, more than its {stored} bytes can hold; it is truncated, copy '
      'or export it again'
    )


def check_whole(path: pathlib.Path, size: Size) -> None:
  """Raises InputError unless an image can be decoded whole."""
  check_pixels(path, size, None, stored=0, limit=MAX_PIXELS)
  host_memory.check(str(path), _BYTES * size[0] * size[1])


def read_file(path: PathLike) -> bytes:
  """Reads a regular file that is not empty.

  Raises:
    InputError: there is none, it cannot be read, or is too large for memory.
  """
  path = check_file(path)
  host_memory.check(str(path), path.stat().st_size)
  with outside.reading(path, 'cannot be read', 'copy it again'):
    return path.read_bytes()


@contextlib.contextmanager
def opened(
  path: PathLike, max_pixels: int = MAX_PIXELS, *, decoded: bool = True
) -> Iterator[Image.Image]:
  """Opens a JPEG, PNG or TIFF file and reads its header only.

  Decoding inside the block raises the same errors.

  Args:
    path: the file, or its content as `Encoded`.
    max_pixels: largest height * width that the header may claim.
    decoded: whether the pixels will be, for which they must fit into memory
      and be there.

  Yields:
    Pillow's image, of the file's first frame.

  Raises:
    InputError: missing, empty, of another format, damaged, or too large.
  """
  file: pathlib.Path | io.BytesIO
  size = len(path.data) if isinstance(path, Encoded) else 0
  if isinstance(path, Encoded):
    file = io.BytesIO(path.data)
    path = pathlib.Path(path)
  else:
    file = path = check_file(path)
    size = path.stat().st_size
  with quiet:
    try:
      image = Image.open(file, formats=_FORMATS)
    except Exception as error:
      # UnidentifiedImageError says the same with less.
      raise InputError(
        f'{path}: is not a JPEG, PNG or TIFF image that can be read; convert '
        'it to one of these or copy it again'
      ) from error
    with image:
      if image.format == 'MPO':  # a JPEG, with others after it
        image.format = 'JPEG'
      width, height = image.size
      check_pixels(
        path, (height, width), image.format, stored=size, limit=max_pixels
      )
      if decoded:
        host_memory.check(str(path), _BYTES * width * height)
      if image.format == 'TIFF':
        tiff_blocks.check(path, file, all_of_them=decoded)
      elif image.format == 'JPEG' and decoded:
        jpeg_scans.check(path, file)
      with outside.reading(
        path,
        'cannot be decoded',
        'it may be truncated, copy or export it again',
      ):
        yield image


def stored(image: Image.Image) -> np.ndarray:
  """Returns the pixels of an opened image as its file stores them.

  Pillow reads the signed bytes of TIFF files as unsigned.
  """
  pixels = np.asarray(image)
  tags = (
    image.tag_v2 if isinstance(image, TiffImagePlugin.TiffImageFile) else {}
  )
  signed = tags.get(TiffImagePlugin.SAMPLEFORMAT) == (2,)
  return pixels.view(np.int8) if signed and image.mode == 'L' else pixels
