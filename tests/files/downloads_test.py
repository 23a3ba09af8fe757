import base64
import socket
import threading

import file_server
import full_disk
import pytest

from magnet_jax.files import atomic, http_client
from magnet_jax.files.downloads import Address
from magnet_jax.types import InputError

CHANGED = 'Mon, 06 May 2024 07:08:09 GMT'
BODY = bytes(range(256)) * 5000


class Counted:
  """Progress callbacks that add up."""

  def __init__(self):
    self.begun, self.bytes, self.ended = [], 0, 0

  def begins(self, name, size):
    self.begun.append((name, size))

  def done(self, size):
    self.bytes += size

  def ends(self):
    self.ended += 1


@pytest.fixture(name='server')
def start_server(monkeypatch):
  monkeypatch.setenv('no_proxy', '127.0.0.1')
  with file_server.running() as server:
    yield server


def fetch(address, path):
  """Downloads; returns whether, and what was told of it."""
  progress = Counted()
  return Address.parse(address).fetch(path, progress), progress


@pytest.mark.parametrize(
  ('text', 'url', 'shown'),
  [
    ('http://a.org', 'http://a.org/', 'http://a.org/'),
    ('HTTPS://A.org:8/b.tif#c', 'https://a.org:8/b.tif', None),
    ('https://me:se%40cret@a.org/b.tif', 'https://a.org/b.tif', None),
    ('https://a.org/b?key=1', 'https://a.org/b?key=1', 'https://a.org/b?…'),
    ('https://a.org/ä b.tif', 'https://a.org/%C3%A4%20b.tif',
     'https://a.org/ä b.tif'),
    ('https://bü.de/b.tif', 'https://xn--b-eha.de/b.tif', None),
    ('http://[::1]:80/b.tif', 'http://[::1]:80/b.tif', None),
  ],
)  # fmt: skip
def test_an_address(text, url, shown):
  found = Address.parse(text)
  assert found.url == url
  assert str(found) == (shown or url)
  assert 'cret' not in repr(found) + str(found)


@pytest.mark.parametrize(
  'text',
  [
    'ftp://a.org/b.tif',
    's3://a/b.tif',
    'file:///etc/passwd',
    'http:///b.tif',
    'http://[::1/b.tif',
    'http://a:secret/b.tif',
    'http://me:sec/ret@a.org/b.tif',
    f'http://{"a" * 70}.org/b.tif',
    'http://a b/c.tif',
    'http://me:secret@a:b/c.tif',
    'http://a.org/\udcff.tif',
    'http://me:\udcff@a.org/b.tif',
  ],
)
def test_no_address(text):
  with pytest.raises(InputError, match='must be an address of http') as caught:
    Address.parse(text)
  assert 'me:' not in str(caught.value)


def test_a_file_is_downloaded_once(server, tmp_path):
  address = server.has('/a/b.tif', BODY, Last_Modified=CHANGED)
  path = tmp_path / 'new' / 'b.tif'
  new, progress = fetch(address, path)
  assert new and path.read_bytes() == BODY
  assert progress.begun == [(address, len(BODY))]
  assert (progress.bytes, progress.ended) == (len(BODY), 1)
  state = path.stat()
  assert state.st_mtime == 1714979289
  new, progress = fetch(address, path)
  assert not new and not progress.begun
  assert path.stat().st_mtime_ns == state.st_mtime_ns
  assert [*path.parent.iterdir()] == [path]


@pytest.mark.parametrize(
  ('body', 'headers', 'new'),
  [
    (b'abcd', {}, True),
    (b'abc', {}, False),  # of the same length, and nothing else is told
    (b'abc', {'Last_Modified': CHANGED}, True),
    (b'abc', {'Last_Modified': 'yesterday'}, False),
    (b'abc', {'Last_Modified': 'Mon, 06 May 9999 07:08:09 GMT'}, False),
    (b'abc', {'Content_Length': ''}, True),  # nothing is told
  ],
)
def test_what_is_there_is_compared(server, tmp_path, body, headers, new):
  path = tmp_path / 'b.tif'
  path.write_bytes(b'xyz')
  assert fetch(server.has('/b.tif', body, **headers), path)[0] == new
  assert path.read_bytes() == (body if new else b'xyz')


def test_an_old_file_stays_where_a_download_fails(server, tmp_path):
  path = tmp_path / 'b.tif'
  path.write_bytes(b'xyz')
  address = server.has('/b.tif', BODY, Content_Length=len(BODY) + 1)
  with pytest.raises(InputError, match=f'after {len(BODY)} of {len(BODY) + 1}'):
    fetch(address, path)
  assert [*tmp_path.iterdir()] == [path]
  assert path.read_bytes() == b'xyz'
  assert fetch(server.has('/b.tif', BODY), path)[0]


def test_chunks(server, tmp_path):
  body = b'3\r\nabc\r\n2\r\nde\r\n'
  chunked = {'Content_Length': '', 'Transfer_Encoding': 'chunked'}
  whole = server.has('/a.tif', body + b'0\r\n\r\n', **chunked)
  assert fetch(whole, tmp_path / 'a.tif')[0]
  assert (tmp_path / 'a.tif').read_bytes() == b'abcde'
  with pytest.raises(InputError, match='the connection broke; run the command'):
    fetch(server.has('/b.tif', body, **chunked), tmp_path / 'b.tif')
  assert not (tmp_path / 'b.tif').exists()


@pytest.mark.parametrize(
  ('status', 'words'),
  [
    (404, r'the server has no such file \(404 Not Found\); check the address'),
    (403, r'it may not be read \(403 Forbidden\); give https://USER'),
    (500, 'the server answers 500 Internal Server Error; try again later'),
    (429, 'try again later'),
    (418, 'the server answers 418'),
    (204, 'the server answers 204 without a file'),
    (206, 'the server answers 206 without a file'),
    (304, r'redirects to no other address of http.*\(304'),
    (799, 'the server answers 799; try'),
  ],
)
def test_answers_without_the_file(server, tmp_path, status, words):
  body = b'' if status in (204, 304) else b'sorry'
  address = server.has('/b.tif', body, status)
  with pytest.raises(InputError, match=words) as caught:
    fetch(address, tmp_path / 'b.tif')
  assert str(caught.value).startswith(f'{address}: cannot be downloaded, ')
  assert not [*tmp_path.iterdir()]


def test_redirects(server, tmp_path):
  server.has('/b.tif', BODY)
  address = server.has('/a.tif', b'', 302, Location='/b.tif')
  assert fetch(address, tmp_path / 'a.tif')[0]
  assert (tmp_path / 'a.tif').read_bytes() == BODY


@pytest.mark.parametrize(
  'to', ['file:///etc/passwd', 'ftp://127.0.0.1/b.tif', '/a.tif', '', 'x:y']
)
def test_redirects_that_are_not_followed(server, tmp_path, to):
  address = server.has('/a.tif', b'', 302, Location=to)
  with pytest.raises(InputError, match='redirects to no other address of http'):
    fetch(address, tmp_path / 'a.tif')
  assert not [*tmp_path.iterdir()]


def test_a_password_goes_to_its_server_alone(server, tmp_path):
  server.has('/b.tif', BODY)
  server.has('/a.tif', b'', 302, Location='/b.tif')
  address = server.url.replace('//', '//me:s%40cret@') + '/a.tif'
  assert fetch(address, tmp_path / 'a.tif')[0]
  (_, first), (_, second) = server.requests
  assert first['Authorization'].startswith('Basic ')
  pair = base64.b64decode(first['Authorization'].split()[1])
  assert pair == b'me:s@cret'
  assert 'Authorization' not in second
  with pytest.raises(InputError) as caught:
    fetch(address.replace('a.tif', 'none.tif'), tmp_path / 'c.tif')
  assert 'cret' not in str(caught.value)


def test_no_host_and_no_server(tmp_path, monkeypatch):
  def unknown(*_, **__):
    raise socket.gaierror(-2, 'Name or service not known')

  with socket.socket() as free:
    free.bind(('127.0.0.1', 0))
    port = free.getsockname()[1]
  monkeypatch.setenv('no_proxy', '*')
  with pytest.raises(InputError, match='the connection was refused; check'):
    fetch(f'http://127.0.0.1:{port}/b.tif', tmp_path / 'b.tif')
  monkeypatch.setattr(socket, 'getaddrinfo', unknown)
  with pytest.raises(InputError, match='there is no such host; check'):
    fetch('http://none.invalid/b.tif', tmp_path / 'b.tif')


def test_a_server_that_does_not_answer(server, tmp_path, monkeypatch):
  monkeypatch.setattr(http_client, 'PATIENCE', 0.2)
  with pytest.raises(InputError, match='no answer for 30 seconds; check'):
    fetch(server.has('/b.tif', None), tmp_path / 'b.tif')


def test_what_speaks_no_http(tmp_path, monkeypatch):
  monkeypatch.setenv('no_proxy', '*')
  with socket.create_server(('127.0.0.1', 0)) as listening:
    port = listening.getsockname()[1]

    def answer():
      with listening.accept()[0] as talk:
        talk.recv(1000)
        talk.sendall(b'SSH-2.0\r\n\r\n')

    thread = threading.Thread(target=answer)
    thread.start()
    with pytest.raises(InputError, match='speaks no http'):
      fetch(f'http://127.0.0.1:{port}/b.tif', tmp_path / 'b.tif')
    thread.join()


def test_a_disk_too_small(server, tmp_path, monkeypatch):
  address = server.has('/b.tif', BODY)
  with (
    full_disk.after(100_000),
    pytest.raises(InputError, match='cannot be written, File too large'),
  ):
    fetch(address, tmp_path / 'b.tif')
  monkeypatch.setattr(
    atomic.shutil, 'disk_usage', lambda _: type('', (), {'free': 1000})
  )
  with pytest.raises(InputError, match='1 MB are needed and 0 MB free'):
    fetch(address, tmp_path / 'b.tif')
  assert not [*tmp_path.iterdir()]


def test_a_folder_that_is_a_file(server, tmp_path):
  (tmp_path / 'out').touch()
  with pytest.raises(InputError, match='cannot be written, Not a directory'):
    fetch(server.has('/b.tif', BODY), tmp_path / 'out' / 'a' / 'b.tif')


def test_a_small_file_in_memory(server):
  address = Address.parse(server.has('/a/b.json', b'{}'))
  assert address.read('item', 2) == (b'{}', address)
  with pytest.raises(InputError, match='is no item, it has more than 1 bytes'):
    address.read('item', 1)
  endless = Address.parse(server.has('/c', b'abc', Content_Length=''))
  with pytest.raises(InputError, match='is no item, it has more than 2 bytes'):
    endless.read('item', 2)
  short = Address.parse(server.has('/d', b'abc', Content_Length=4))
  with pytest.raises(InputError, match='after 3 of 4 bytes'):
    short.read('item', 10)
  moved = Address.parse(server.has('/e', b'', 301, Location='/a/b.json'))
  assert moved.read('item', 2) == (b'{}', address)


@pytest.mark.parametrize(
  ('reference', 'url', 'beside'),
  [
    ('b.tif', 'https://a.org/x/b.tif', True),
    ('../b.tif', 'https://a.org/b.tif', True),
    ('/b.tif', 'https://a.org/b.tif', True),
    ('https://a.org/c.tif', 'https://a.org/c.tif', True),
    ('//b.org/c.tif', 'https://b.org/c.tif', False),
    ('http://a.org/c.tif', 'http://a.org/c.tif', False),
    ('https://a.org:8/c.tif', 'https://a.org:8/c.tif', False),
  ],
)
def test_what_a_document_refers_to(reference, url, beside):
  base = Address.parse('https://me:secret@a.org/x/item.json')
  found = base.joined(reference)
  assert found.url == url
  assert found.is_beside(base) == beside
  assert bool(found.authorization) == beside


@pytest.mark.parametrize('reference', ['s3://a/b.tif', 'file:/a', 'http://[a'])
def test_what_it_cannot_refer_to(reference):
  with pytest.raises(InputError):
    Address.parse('https://a.org/x/item.json').joined(reference)


def test_its_place():
  found = Address.parse('https://me@a.org/x%20y/b%2Fc.tif?d=/e.png')
  assert found.place == (found.url, 'b', 'c.tif')
  assert Address.parse('https://a.org/b.tif').place[1:] == ('a.org', 'b.tif')
