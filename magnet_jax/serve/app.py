"""The page's addresses, for one browser on the same machine."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
import dataclasses
import functools
import os
import pathlib
import socket
from typing import Any
from urllib import parse

from tornado import httpserver, web

from magnet_jax import checked
from magnet_jax.files import plain_json
from magnet_jax.serve import pages
from magnet_jax.serve.worker import Worker
from magnet_jax.types import InputError

HOST = '127.0.0.1'  # nobody else on the network can reach it
_NAMES = (HOST, 'localhost')
_POLICY = (
  "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
  "img-src 'self' data: blob:; connect-src 'self'; form-action 'none'; "
  "base-uri 'none'; frame-ancestors 'none'"
)


class _Handler(web.RequestHandler):
  """Refuses what another page or another name asks, and explains errors."""

  worker: Worker

  def initialize(self, worker: Worker) -> None:
    self.worker = worker

  def set_default_headers(self) -> None:
    self.set_header('Content-Security-Policy', _POLICY)
    self.set_header('X-Content-Type-Options', 'nosniff')
    self.set_header('Cache-Control', 'no-store')

  def prepare(self) -> None:
    # A name that leads here from elsewhere, or a form of another page.
    host = parse.urlsplit(f'//{self.request.host}').hostname
    origin = self.request.headers.get('Origin')
    own = f'{self.request.protocol}://{self.request.host}'
    if host not in _NAMES or origin not in (None, own):
      raise web.HTTPError(403, reason='Only the page itself may ask')

  def write_error(self, status_code: int, **kwargs: Any) -> None:
    error = kwargs.get('exc_info', (None, None, None))[1]
    if isinstance(error, InputError):
      self.set_status(400)
      self.finish({'error': str(error)})
    else:
      self.finish({'error': f'{status_code}: {self._reason}'})

  def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
    if not isinstance(value, InputError):
      super().log_exception(typ, value, tb)


class _Start(_Handler):
  def get(self) -> None:
    self.finish(pages.start(self.worker))


class _Images(_Handler):
  async def post(self) -> None:
    name = self.get_query_argument('name', 'image')
    add = functools.partial(self.worker.add, name, self.request.body)
    number = await asyncio.to_thread(add)
    self.finish({'page': f'/images/{number}'})


class _Image(_Handler):
  async def get(self, number: str) -> None:
    page = functools.partial(pages.image, self.worker, int(number))
    self.finish(await asyncio.to_thread(page))


class _State(_Handler):
  def get(self, number: str) -> None:
    self.finish(dataclasses.asdict(self.worker.state(int(number))))


class _Order(_Handler):
  def post(self, number: str) -> None:
    try:
      found = plain_json.parse(self.request.body)
    except ValueError as error:
      raise InputError(f'the request: {error}; send JSON') from error
    order = functools.partial(_order, worker=self.worker, number=int(number))
    checked.call(order, found, 'the request')
    self.finish({})


def _order(
  *, worker: Worker, number: int, method: str, settings: dict[str, float]
) -> None:
  worker.order(number, method, settings)


class _File(_Handler):
  def get(self, number: str, name: str) -> None:
    folder = self.worker.folder / number
    path = folder / name
    if pathlib.PurePath(name).suffix not in pages.TYPES or not path.is_file():
      raise web.HTTPError(404, reason='There is no such file')
    self.set_header('Content-Type', pages.TYPES[path.suffix])
    self.finish(path.read_bytes())


class _Missing(_Handler):
  def prepare(self) -> None:
    super().prepare()
    raise web.HTTPError(404, reason='There is no such page')


def application(worker: Worker) -> web.Application:
  """Returns the application for a worker."""
  bound: Mapping[str, Worker] = {'worker': worker}
  rows = (
    (r'/', _Start),
    (r'/images', _Images),
    (r'/images/(\d{1,9})', _Image),
    (r'/images/(\d{1,9})/state', _State),
    (r'/images/(\d{1,9})/order', _Order),
    (r'/images/(\d{1,9})/files/([\w.-]+)', _File),
  )
  return web.Application(
    [(path, handler, dict(bound)) for path, handler in rows],
    default_handler_class=_Missing,
    default_handler_args=dict(bound),
    log_function=lambda handler: None,
  )


async def run(
  worker: Worker, port: int, most: int, tell: Any, stop: asyncio.Event
) -> None:
  """Serves the page until it is told to stop.

  Args:
    worker: segments the images.
    port: of the address; 0 takes one that is free.
    most: bytes that an image file may have.
    tell: called with the address.
    stop: ends the serving.

  Raises:
    InputError: the port is in use, or may not be used.
  """
  try:
    own = socket.create_server((HOST, port))
  except OSError as error:
    why = os.strerror(error.errno or 0)
    raise InputError(
      f'--port={port}: cannot be used, {why}; choose another, or 0 for one '
      'that is free'
    ) from error
  server = httpserver.HTTPServer(
    application(worker), max_body_size=most, max_buffer_size=most
  )
  own.setblocking(False)
  server.add_socket(own)
  tell(f'http://{HOST}:{own.getsockname()[1]}')
  try:
    await stop.wait()
  finally:
    server.stop()
