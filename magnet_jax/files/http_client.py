"""Opens addresses of http and https alone, and explains what fails."""

import http.client
import socket
import ssl
from typing import Any
import urllib.error
import urllib.parse
import urllib.request

SCHEMES = ('http', 'https')
PATIENCE = 30  # seconds without a byte
AGAIN = 'run the command again, which keeps what is complete'
CHECK = 'check the address'
_LATER = 'check the address and the network, or try again later'
_FAILURES = (
  (socket.gaierror, 'there is no such host', _LATER),
  (ConnectionRefusedError, 'the connection was refused', _LATER),
  (TimeoutError, f'there is no answer for {PATIENCE} seconds', _LATER),
  (
    ssl.SSLError,
    'its certificate cannot be trusted, or the connection not be made safe',
    'check the address, or download it in another way and name the file',
  ),
  (ConnectionError, 'the connection broke', AGAIN),
  (http.client.IncompleteRead, 'the connection broke', AGAIN),
)


class _Redirects(urllib.request.HTTPRedirectHandler):
  """Follows redirects to http and https, not to ftp."""

  def redirect_request(  # noqa: PLR0917
    self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
  ) -> urllib.request.Request | None:
    if urllib.parse.urlsplit(newurl).scheme not in SCHEMES:
      raise urllib.error.HTTPError(req.full_url, code, msg, headers, fp)
    return super().redirect_request(req, fp, code, msg, headers, newurl)


def opener() -> urllib.request.OpenerDirector:
  """Returns what opens http and https alone; Python's own opens files too."""
  found = urllib.request.OpenerDirector()
  for handler in (
    urllib.request.ProxyHandler,
    urllib.request.HTTPHandler,
    urllib.request.HTTPSHandler,
    urllib.request.HTTPDefaultErrorHandler,
    urllib.request.HTTPErrorProcessor,
    urllib.request.UnknownHandler,  # of a proxy's address
    _Redirects,
  ):
    found.add_handler(handler())
  found.addheaders = [('User-Agent', 'magnet-jax')]
  return found


def explain(error: BaseException) -> tuple[str, str]:
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
  return f'the server speaks no http ({type(error).__name__})', CHECK


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
    return f'the server has no such file ({told})', CHECK
  if 300 <= code < 400:
    return (
      f'it redirects to no other address of http, or in a circle ({told})',
      CHECK,
    )
  later = code == 429 or code >= 500
  return f'the server answers {told}', 'try again later' if later else CHECK
