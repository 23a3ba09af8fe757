"""A server of files on this machine, which also does what servers must not."""

import contextlib
import http.server
import threading


class Server:
  """What it answers, by path: (status, headers, body); and what was asked.

  A body may be longer or shorter than its Content-Length; None waits, without
  an answer, until the server ends.
  """

  def __init__(self, port):
    self.url = f'http://127.0.0.1:{port}'
    self.answers = {}
    self.requests = []
    self.ended = threading.Event()

  def has(self, path, body, status=200, **headers):
    """Answers with a body; returns its address."""
    named = {name.replace('_', '-'): str(x) for name, x in headers.items()}
    if body is not None:
      named.setdefault('Content-Length', str(len(body)))
    self.answers[path] = status, named, body
    return self.url + path


class _Handler(http.server.BaseHTTPRequestHandler):
  def do_GET(self):
    server = self.server.files
    server.requests.append((self.path, dict(self.headers)))
    status, headers, body = server.answers.get(self.path, (404, {}, b'none'))
    if body is None:
      server.ended.wait(60)
      return
    self.send_response(status)
    for name, value in headers.items():
      if value:
        self.send_header(name, value)
    self.end_headers()
    self.wfile.write(body)

  def log_message(self, *_):
    """Prints nothing."""


@contextlib.contextmanager
def running():
  """Yields a `Server` that runs in a block."""
  with http.server.ThreadingHTTPServer(('127.0.0.1', 0), _Handler) as server:
    server.files = Server(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
      yield server.files
    finally:
      server.files.ended.set()
      server.shutdown()
      thread.join()
