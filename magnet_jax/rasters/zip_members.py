"""Images in zip files, named as GDAL does: /vsizip/a.zip/inner/b.tif."""

from collections.abc import Iterator
import contextlib
import dataclasses
import os
import pathlib
from typing import IO, Self
import zipfile
import zlib

from magnet_jax import outside
from magnet_jax.files import atomic, decoding, downloads
from magnet_jax.files.downloads import Progress
from magnet_jax.rasters import world_files
from magnet_jax.types import InputError

PREFIX = '/vsizip/'
_BLOCK = 2**20  # bytes
_SMALL = 4096  # bytes of a world file
_SHOWN = 5  # names in a message
_AGAIN = 'the zip file is damaged, copy it again'
_ENCRYPTED = 1  # a flag of a member


@dataclasses.dataclass(frozen=True)
class Member:
  """A file in a zip file.

  Attributes:
    archive: the zip file.
    name: of the member, as the zip file has it.
  """

  archive: pathlib.Path
  name: str

  @classmethod
  def parse(cls, text: str) -> Self:
    """Takes /vsizip/ARCHIVE/NAME, in which ARCHIVE is the first file.

    Raises:
      InputError: there is no such file.
    """
    rest = text.removeprefix(PREFIX)
    ends = [at for at, letter in enumerate(f'{rest}/') if letter == '/' and at]
    for end in ends:
      if pathlib.Path(rest[:end]).is_file():
        return cls(pathlib.Path(rest[:end]), rest[end + 1 :])
    # Named for the message, without what is to be in it.
    zips = [rest[:end] for end in ends if rest[:end].lower().endswith('.zip')]
    raise InputError(
      f'{text}: {zips[0] if zips else rest} is no file; name a zip file and '
      'what is in it: /vsizip/a.zip/inner/b.tif, or /vsizip//folder/a.zip/b.tif'
    )

  def __str__(self) -> str:
    return f'{PREFIX}{self.archive}/{self.name}'

  @property
  def place(self) -> tuple[str, str, str]:
    """What no other file has, and the names of the folder and of the file."""
    folder, _, name = self.name.rpartition('/')
    whole = f'{os.path.abspath(self.archive)}\0{self.name}'
    return whole, folder.rpartition('/')[2] or self.archive.stem, name

  def fetch(self, path: pathlib.Path, progress: Progress) -> bool:
    """Unpacks the member and its world file, completely or not at all.

    A file that is there already is kept if it has the member's length and
    checksum.

    Args:
      path: where to; its folder is made if missing.
      progress: callback for bytes.

    Returns:
      Whether it was unpacked.

    Raises:
      InputError: there is no such member, it is damaged or encrypted, or
        writing fails.
    """
    with self._opened() as archive:
      info = self._info(archive)
      there = _is_same(path, info)
      if not there:
        atomic.prepare_folder(path.parent)
        atomic.check_space(path.parent, info.file_size)
        with atomic.replacing(path) as temporary, temporary.open('wb') as file:
          progress.begins(str(self), info.file_size)
          try:
            self._copy(archive, info, file, progress)
          finally:
            progress.ends()
      self._place(archive, path)
    return not there

  @contextlib.contextmanager
  def _opened(self) -> Iterator[zipfile.ZipFile]:
    with contextlib.ExitStack() as stack:
      with outside.reading(
        decoding.check_file(self.archive),
        'is not a complete zip file',
        'it was truncated or is something else, copy it again',
      ):
        archive = stack.enter_context(zipfile.ZipFile(self.archive))
      yield archive

  def _info(self, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    """Returns what the zip file says of the member, which can be unpacked."""
    try:
      info = archive.getinfo(self.name)
    except KeyError as error:
      names = [each for each in archive.namelist() if each[-1:] != '/']
      more = ' …' if len(names) > _SHOWN else ''
      raise InputError(
        f'{self}: is not in the zip file, which holds '
        f'{" ".join(names[:_SHOWN]) or "nothing"}{more}; name one of these'
      ) from error
    if info.flag_bits & _ENCRYPTED:
      raise InputError(
        f'{self}: is encrypted; unpack it by another program and name the file'
      )
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
      raise InputError(
        f'{self}: is packed by method {info.compress_type}, must be stored or '
        'deflated; unpack it by another program and name the file'
      )
    return info

  def _copy(
    self,
    archive: zipfile.ZipFile,
    info: zipfile.ZipInfo,
    file: IO[bytes],
    progress: Progress,
  ) -> None:
    """Copies as many bytes as were declared; zipfile compares checksums."""
    with contextlib.ExitStack() as stack:
      with self._reading():
        member = stack.enter_context(archive.open(info))

      def read(length: int) -> bytes:
        with self._reading():
          return member.read(length)

      copied = downloads.copy(read, file, progress, most=info.file_size)
    if copied != info.file_size:
      raise InputError(
        f'{self}: cannot be unpacked, it has {copied} bytes and not the '
        f'{info.file_size} that are declared; {_AGAIN}'
      )

  def _place(self, archive: zipfile.ZipFile, path: pathlib.Path) -> None:
    """Unpacks the world file that lies beside the member, if there is one."""
    there = {*archive.namelist()}
    for beside in world_files.names(pathlib.Path(self.name)):
      # Not str(Path), which changes names such as './a'.
      name = f'{self.name.rpartition(".")[0]}{beside.suffix}'
      if name not in there:
        continue
      info = Member(self.archive, name)._info(archive)
      if info.file_size <= _SMALL:
        with self._reading():
          data = archive.read(info)
        atomic.write_bytes(path.with_suffix(beside.suffix), data)

  def _reading(self) -> contextlib.AbstractContextManager[None]:
    return outside.reading(str(self), 'cannot be unpacked', _AGAIN)


def _is_same(path: pathlib.Path, info: zipfile.ZipInfo) -> bool:
  if not path.is_file() or path.stat().st_size != info.file_size:
    return False
  checksum = 0
  with path.open('rb') as file:
    while block := file.read(_BLOCK):
      checksum = zlib.crc32(block, checksum)
  return checksum == info.CRC
