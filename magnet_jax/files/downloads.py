"""Files of http servers, downloaded as a whole.

Opens nothing but the address that it is given, and where its server redirects
to, by http and https.
"""

import base64
from collections.abc import Callable, Iterator
import contextlib
import dataclasses
import email.utils
import functools
import http.client
import math
import os
import pathlib
import re
from typing import IO, Protocol, Self
import urllib.error
import urllib.parse
import urllib.request

from magnet_jax.files import atomic, http_client
from magnet_jax.types import InputError

_BLOCK = 2**20  # bytes
_LATEST = 2**32  # seconds; what file systems keep of times
_SAFE = "%/:=&?~+!$,;'@()*[]"  # stays as it is in a path and a query


class Progress(Protocol):
  """The progress callback of a file that is copied from elsewhere."""

  def begins(self, name: str, size: int | None) -> None:
    """A file of so many bytes begins; None if that is unknown."""

  def done(self, size: int) -> None:
    """So many more bytes have come."""

  def ends(self) -> None:
    """The file is complete or was given up."""


def copy(
  read: Callable[[int], bytes],
  file: IO[bytes],
  progress: Progress,
  most: float = math.inf,
) -> int:
  """Copies what is read into a file, block by block.

  Args:
    read: returns at most so many bytes, none at the end. Explains its own
      errors; those of writing are others.
    file: where to.
    progress: callback for bytes.
    most: bytes after which it stops; it may be above by less than a block.

  Returns:
    How many bytes were copied.
  """
  copied = 0
  while copied <= most and (block := read(_BLOCK)):
    file.write(block)
    copied += len(block)
    progress.done(len(block))
  return copied


@dataclasses.dataclass(frozen=True)
class Address:
  """An address of http or https.

  Its text for messages lacks the user, the password and the query, any of which
  may be secret.

  Attributes:
    url: the address without user and password, in ASCII.
    authorization: the header of these, or ''.

  >>> str(Address.parse('https://me:secret@a.org/b.tif?key=1'))
  'https://a.org/b.tif?…'
  """

  url: str
  authorization: str = dataclasses.field(default='', repr=False)

  @classmethod
  def parse(cls, text: str) -> Self:
    """Takes an address as people write it; InputError if it is none."""
    try:
      parts = urllib.parse.urlsplit(text)
      host = (parts.hostname or '').encode('idna').decode()
      if (
        parts.scheme not in http_client.SCHEMES
        or not host
        or re.search(r'\s', host)
      ):
        raise ValueError
      host = f'[{host}]' if ':' in host else host
      host += '' if parts.port is None else f':{parts.port}'
      # Here as well, as not all text can be written in UTF-8.
      path, query = (
        urllib.parse.quote(each, safe=_SAFE)
        for each in (parts.path or '/', parts.query)
      )
      url = urllib.parse.urlunsplit((parts.scheme, host, path, query, ''))
      authorization = _authorization(parts)
    except ValueError as error:
      raise InputError(
        # What precedes the last @ may be a password.
        f'{re.sub("//.*@", "//", text)}: must be an address of http or https, '
        'https://HOST/PATH; correct it, or download the file first'
      ) from error
    return cls(url, authorization)

  @functools.cached_property
  def _parts(self) -> urllib.parse.SplitResult:
    return urllib.parse.urlsplit(self.url)

  def __str__(self) -> str:
    # Paths of other alphabets are told as people write them.
    parts = self._parts
    path = urllib.parse.unquote(parts.path)
    shown = f'{parts.scheme}://{parts.netloc}{path}'
    return f'{shown}?…' if parts.query else shown

  @property
  def place(self) -> tuple[str, str, str]:
    """What no other file has, and the names of the folder and of the file."""
    folder, _, name = urllib.parse.unquote(self._parts.path).rpartition('/')
    host = self._parts.hostname or ''
    return self.url, folder.rpartition('/')[2] or host, name

  def is_beside(self, other: Self) -> bool:
    """Returns whether both are of the same server."""
    own, its = self._parts, other._parts
    return (own.scheme, own.netloc) == (its.scheme, its.netloc)

  def joined(self, reference: str) -> Self:
    """Returns the address that a document at this one refers to.

    Raises:
      InputError: it is none of http or https.
    """
    try:
      text = urllib.parse.urljoin(self.url, reference)
    except ValueError:
      text = reference
    found = type(self).parse(text)
    if not found.authorization and self.is_beside(found):
      return dataclasses.replace(found, authorization=self.authorization)
    return found

  def fetch(self, path: pathlib.Path, progress: Progress) -> bool:
    """Downloads the file, completely or not at all.

    A file that is there already is kept if it has the length and the time of
    change that the server tells.

    Args:
      path: where to; its folder is made if missing.
      progress: callback for bytes.

    Returns:
      Whether it was downloaded.

    Raises:
      InputError: the server cannot be reached or has no such file, the
        connection broke, or writing fails.
    """
    with self._opened() as response:
      size, changed = response.length, _changed(response)
      if _is_same(path, size, changed):
        return False
      atomic.prepare_folder(path.parent)
      atomic.check_space(path.parent, size or 0)
      with atomic.replacing(path) as temporary:
        progress.begins(str(self), size)
        try:
          with temporary.open('wb') as file:
            self._copy(response, file, size, progress)
        finally:
          progress.ends()
        if changed is not None:
          os.utime(temporary, (changed, changed))
    return True

  def read(self, what: str, longest: int) -> tuple[bytes, Self]:
    """Downloads a small file into memory.

    Args:
      what: it has to be, for the message.
      longest: the most bytes that it may have.

    Returns:
      Its bytes, and the address to which what it names is relative.

    Raises:
      InputError: as `fetch`, or it has more bytes.
    """
    with self._opened() as response:
      size = response.length
      with self._talking():
        data = b'' if (size or 0) > longest else response.read(longest + 1)
      if max(size or 0, len(data)) > longest:
        raise InputError(
          f'{self}: is no {what}, it has more than {longest} bytes; '
          f'{http_client.CHECK}'
        )
      self._check_length(len(data), size)
      moved = response.url != self.url
    return data, (type(self).parse(response.url) if moved else self)

  def _copy(
    self,
    response: http.client.HTTPResponse,
    file: IO[bytes],
    size: int | None,
    progress: Progress,
  ) -> None:
    def read(length: int) -> bytes:
      with self._talking():
        return response.read(length)

    self._check_length(copy(read, file, progress), size)

  def _check_length(self, copied: int, size: int | None) -> None:
    if size is not None and copied < size:
      raise InputError(
        f'{self}: cannot be downloaded, the connection ended after {copied} of '
        f'{size} bytes; {http_client.AGAIN}'
      )

  @contextlib.contextmanager
  def _opened(self) -> Iterator[http.client.HTTPResponse]:
    request = urllib.request.Request(self.url)
    if self.authorization:
      # Not for servers that this one redirects to.
      request.add_unredirected_header('Authorization', self.authorization)
    with self._talking():
      response = http_client.opener().open(
        request, timeout=http_client.PATIENCE
      )
      if response.status != http.client.OK:
        response.close()
        raise InputError(
          f'{self}: cannot be downloaded, the server answers {response.status} '
          f'without a file; {http_client.CHECK}'
        )
    with contextlib.closing(response):
      yield response

  @contextlib.contextmanager
  def _talking(self) -> Iterator[None]:
    """Turns whatever a server does into one line."""
    try:
      yield
    except InputError:
      raise
    except (OSError, http.client.HTTPException, ValueError) as error:
      if isinstance(error, urllib.error.HTTPError):
        error.close()
      reason, remedy = http_client.explain(error)
      raise InputError(
        f'{self}: cannot be downloaded, {reason}; {remedy}'
      ) from error


def _authorization(parts: urllib.parse.SplitResult) -> str:
  if parts.username is None:
    return ''
  pair = f'{parts.username}:{parts.password or ""}'
  return (
    f'Basic {base64.b64encode(urllib.parse.unquote_to_bytes(pair)).decode()}'
  )


def _changed(response: http.client.HTTPResponse) -> int | None:
  """Returns the seconds of a file's last change, as the server tells it."""
  try:
    found = email.utils.parsedate_to_datetime(response.headers['Last-Modified'])
    seconds = int(found.timestamp())
  except (TypeError, ValueError, OverflowError):
    return None
  return seconds if 0 <= seconds < _LATEST else None


def _is_same(path: pathlib.Path, size: int | None, changed: int | None) -> bool:
  """Whether a file is what a server tells about; not if it tells nothing."""
  if (size is None and changed is None) or not path.is_file():
    return False
  there = path.stat()
  return (size is None or there.st_size == size) and (
    changed is None or int(there.st_mtime) == changed
  )
