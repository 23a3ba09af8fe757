"""Files of http servers, downloaded as a whole.

Opens nothing but the address that it is given, and where its server redirects
to, by http and https.
"""

import base64
from collections.abc import Iterator
import contextlib
import dataclasses
import email.utils
import functools
import http.client
import os
import pathlib
import re
import socket
import ssl
from typing import IO, Any, Protocol, Self
import urllib.error
import urllib.parse
import urllib.request

from magnet_jax.files import atomic
from magnet_jax.types import InputError

SCHEMES = ('http', 'https')
_PATIENCE = 30  # seconds without a byte
_BLOCK = 2**20  # bytes
_LATEST = 2**32  # seconds; what file systems keep of times
_AGAIN = 'run the command again, which keeps what is complete'
_CHECK = 'check the address'
_LATER = 'check the address and the network, or try again later'
_FAILURES = (
  (socket.gaierror, 'there is no such host', _LATER),
  (ConnectionRefusedError, 'the connection was refused', _LATER),
  (TimeoutError, f'there is no answer for {_PATIENCE} seconds', _LATER),
  (
    ssl.SSLError,
    'its certificate cannot be trusted, or the connection not be made safe',
    'check the address, or download it in another way and name the file',
  ),
  (ConnectionError, 'the connection broke', _AGAIN),
  (http.client.IncompleteRead, 'the connection broke', _AGAIN),
)
_SAFE = "%/:=&?~+!$,;'@()*[]"  # stays as it is in a path and a query


class Progress(Protocol):
  """The progress callback of a file that is copied from elsewhere."""

  def begins(self, name: str, size: int | None) -> None:
    """A file of so many bytes begins; None if that is unknown."""

  def done(self, size: int) -> None:
    """So many more bytes have come."""

  def ends(self) -> None:
    """The file is complete or was given up."""


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
      if parts.scheme not in SCHEMES or not host or re.search(r'\s', host):
        raise ValueError
      host = f'[{host}]' if ':' in host else host
      host += '' if parts.port is None else f':{parts.port}'
    except ValueError as error:
      raise InputError(
        # What precedes the last @ may be a password.
        f'{re.sub("//.*@", "//", text)}: must be an address of http or https, '
        'https://HOST/PATH; correct it, or download the file first'
      ) from error
    path, query = (
      urllib.parse.quote(each, safe=_SAFE)
      for each in (parts.path or '/', parts.query)
    )
    whole = (parts.scheme, host, path, query, '')
    return cls(urllib.parse.urlunsplit(whole), _authorization(parts))

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
          f'{self}: is no {what}, it has more than {longest} bytes; {_CHECK}'
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
    copied = 0
    while True:
      with self._talking():  # not around `write`, whose errors are others
        block = response.read(_BLOCK)
      if not block:
        break
      file.write(block)
      copied += len(block)
      progress.done(len(block))
    self._check_length(copied, size)

  def _check_length(self, copied: int, size: int | None) -> None:
    if size is not None and copied < size:
      raise InputError(
        f'{self}: cannot be downloaded, the connection ended after {copied} of '
        f'{size} bytes; {_AGAIN}'
      )

  @contextlib.contextmanager
  def _opened(self) -> Iterator[http.client.HTTPResponse]:
    request = urllib.request.Request(self.url)
    if self.authorization:
      # Not for servers that this one redirects to.
      request.add_unredirected_header('Authorization', self.authorization)
    with self._talking():
      response = _opener().open(request, timeout=_PATIENCE)
      if response.status != http.client.OK:
        response.close()
        raise InputError(
          f'{self}: cannot be downloaded, the server answers {response.status} '
          f'without a file; {_CHECK}'
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
      reason, remedy = _explained(error)
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


class _Redirects(urllib.request.HTTPRedirectHandler):
  """Follows redirects to http and https, not to ftp."""

  def redirect_request(  # noqa: PLR0917
    self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
  ) -> urllib.request.Request | None:
    if urllib.parse.urlsplit(newurl).scheme not in SCHEMES:
      raise urllib.error.HTTPError(req.full_url, code, msg, headers, fp)
    return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> urllib.request.OpenerDirector:
  """Returns what opens http and https alone; Python's own opens files too."""
  opener = urllib.request.OpenerDirector()
  for handler in (
    urllib.request.ProxyHandler,
    urllib.request.HTTPHandler,
    urllib.request.HTTPSHandler,
    urllib.request.HTTPDefaultErrorHandler,
    urllib.request.HTTPErrorProcessor,
    urllib.request.UnknownHandler,  # of a proxy's address
    _Redirects,
  ):
    opener.add_handler(handler())
  opener.addheaders = [('User-Agent', 'magnet-jax')]
  return opener


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


def _explained(error: BaseException) -> tuple[str, str]:
  """Returns why a download failed, and what to do."""
  if isinstance(error, urllib.error.HTTPError):
    return _of_status(error.code)
  if isinstance(error, urllib.error.URLError):
    if not isinstance(error.reason, BaseException):
      return 'the proxy cannot be used', 'correct the variable of the proxy'
    error = error.reason
  for kind, reason, remedy in _FAILURES:
    if isinstance(error, kind):
      return reason, remedy
  if isinstance(error, OSError) and error.strerror:
    return error.strerror, _LATER
  return f'the server speaks no http ({type(error).__name__})', _CHECK


def _of_status(code: int) -> tuple[str, str]:
  """Returns what an answer without the file means, and what to do."""
  told = f'{code} {http.client.responses.get(code, "")}'.strip()
  if code in (401, 403, 407):
    return (
      f'it may not be read ({told})',
      'give https://USER:PASSWORD@HOST/PATH, or download it in another way and '
      'name the file',
    )
  if code in (404, 410):
    return f'the server has no such file ({told})', _CHECK
  if 300 <= code < 400:
    return (
      f'it redirects to no other address of http, or in a circle ({told})',
      _CHECK,
    )
  later = code == 429 or code >= 500
  return f'the server answers {told}', 'try again later' if later else _CHECK
