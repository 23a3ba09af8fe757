"""Drives a headless browser by its driver's own protocol, JSON over HTTP."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request

import pytest

BROWSER = shutil.which('chromium') or shutil.which('google-chrome')
SERVICE = shutil.which('chromedriver')
needed = pytest.mark.skipif(
  not (BROWSER and SERVICE), reason='no browser: apt install chromium-driver'
)


@contextlib.contextmanager
def browser(width):
  """Yields a function of a command's path and content, to its result."""
  with socket.socket() as place:
    place.bind(('127.0.0.1', 0))
    port = place.getsockname()[1]
  server = f'http://127.0.0.1:{port}'

  def call(path, content=None, method='POST'):
    data = None if method == 'DELETE' else json.dumps(content or {}).encode()
    request = urllib.request.Request(server + path, data, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
      return json.load(answer)['value']

  flags = [
    '--headless=new',
    f'--window-size={width},900',
    '--disable-gpu',
    '--disable-dev-shm-usage',
  ]
  flags += ['--no-sandbox'] if os.geteuid() == 0 else []
  wanted = {
    'goog:chromeOptions': {'binary': BROWSER, 'args': flags},
    'goog:loggingPrefs': {'browser': 'ALL'},
  }
  service = subprocess.Popen(
    [SERVICE, f'--port={port}'],
    stdout=subprocess.DEVNULL,
    stderr=subprocess.DEVNULL,
  )
  try:
    for _ in range(100):
      with (
        contextlib.suppress(OSError),
        socket.create_connection(('127.0.0.1', port), 1),
      ):
        break
      time.sleep(0.1)
    made = call('/session', {'capabilities': {'alwaysMatch': wanted}})
    session = f'/session/{made["sessionId"]}'
    try:
      yield lambda path, content=None: call(session + path, content)
    finally:
      call(session, method='DELETE')  # or the browser would stay
  finally:
    service.terminate()
    service.wait()
