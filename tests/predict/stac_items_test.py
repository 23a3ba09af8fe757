import json

import file_server
import pytest

from magnet_jax.files.downloads import Address
from magnet_jax.predict import stac_items
from magnet_jax.types import InputError

DATA = {'href': './b.tif', 'roles': ['data']}
ASSETS = {
  'thumbnail': {'href': 'small.jpg', 'roles': ['thumbnail']},
  'metadata': {'href': 'about.xml', 'type': 'application/xml'},
  'red': DATA,
  'typed': {'href': 'c', 'type': 'image/tiff; application=geotiff'},
  'again': DATA,
  'key': {'href': 'in/D.JP2?key=1', 'type': None, 'roles': []},
}
VISUAL = ASSETS | {'visual': {'href': 'v.tif', 'roles': ['overview']}}


def item(assets, **more):
  found = {'type': 'Feature', 'stac_version': '1.0.0', 'assets': assets}
  return json.dumps(found | more).encode()


@pytest.fixture(name='server')
def start_server(monkeypatch):
  monkeypatch.setenv('no_proxy', '127.0.0.1')
  with file_server.running() as server:
    yield server


@pytest.mark.parametrize(
  ('assets', 'names'),
  [(ASSETS, ['b.tif', 'c', 'in/D.JP2?key=1']), (VISUAL, ['v.tif'])],
)
def test_images_of_an_item(server, tmp_path, assets, names):
  path = tmp_path / 'item.json'
  path.write_bytes(item(assets))
  assert stac_items.of_file(path) == [tmp_path / name for name in names]
  address = Address.parse(server.has('/x/item', item(assets)))
  assert [found.url for found in stac_items.at_address(address)] == [
    f'{server.url}/x/{name}' for name in names
  ]


def test_an_absolute_path_beside_it_and_links(tmp_path, monkeypatch):
  (tmp_path / 'in').mkdir()
  path = tmp_path / 'in' / 'item.json'
  (tmp_path / 'in' / 'link.tif').symlink_to(tmp_path / 'out.tif')
  inside = str(tmp_path / 'in' / 'b.tif')
  path.write_bytes(item({'a': {'href': inside}}))
  assert stac_items.of_file(path) == [tmp_path / 'in' / 'b.tif']
  monkeypatch.chdir(path.parent)
  assert len(stac_items.of_file(path.relative_to(path.parent))) == 1
  path.write_bytes(item({'a': {'href': 'link.tif'}}))
  with pytest.raises(
    InputError, match=r'outside its folder.*: link\.tif; name'
  ):
    stac_items.of_file(path)


@pytest.mark.parametrize(
  'href',
  [
    '../b.tif',
    '/etc/b.tif',
    '/vsicurl/http://a.org/b.tif',
    'http://a.org/b.tif',
    's3://a/b.tif',
    'file:b.tif',
  ],
)
def test_files_elsewhere_are_refused(tmp_path, href):
  path = tmp_path / 'item.json'
  path.write_bytes(item({'a': DATA, 'b': {'href': href}}))
  with pytest.raises(
    InputError, match='names images outside its fol'
  ) as caught:
    stac_items.of_file(path)
  assert f': {href}; name them yourself' in str(caught.value)


@pytest.mark.parametrize(
  'href', ['http://a.org/b.tif', '//a.org/b.tif', 's3://a/b.tif', 'file:/b.tif']
)
def test_addresses_elsewhere_are_refused(server, href):
  assets = {'a': DATA} | {str(n): {'href': f'{href}?{n}'} for n in range(9)}
  address = Address.parse(server.has('/item.json', item(assets)))
  with pytest.raises(InputError, match='names images of other serv') as caught:
    stac_items.at_address(address)
  assert '…; name them yourself' in str(caught.value)
  assert len(server.requests) == 1


@pytest.mark.parametrize(
  ('data', 'words'),
  [
    (b'', 'no JSON object|not a JSON object'),
    (b'[]', 'no JSON object|not a JSON object'),
    (b'{"type": "Feature"', 'no JSON object|not a JSON object'),
    (b'<html>', 'no JSON object|not a JSON object'),
    (b'[' * 10**5, 'no JSON object|not a JSON object'),
    (item({}, type='Collection'), "of the type 'Collection', and no STAC item"),
    (item({}, type=['x' * 999]), 'of the type .*, and no STAC item'),
    (b'{"type": "Feature", "assets": {}}', 'and no STAC item'),
    (item(None), 'has damaged assets'),
    (item([DATA]), 'has damaged assets'),
    (item({'a': 'b.tif'}), 'has damaged assets'),
    (item({'a': {}}), 'has damaged assets'),
    (item({'a': {'href': ' '}}), 'has damaged assets'),
    (item({'a': {'href': 'b\0.tif'}}), 'has damaged assets'),
    (item({'a': DATA | {'roles': 'data'}}), 'has damaged assets'),
    (item({'a': DATA | {'type': 5}}), 'has damaged assets'),
    (item({}), r'has no image among its assets \(\)'),
    (item({'a': {'href': 'b.xml'}}), r'has no image among its assets \(a\)'),
  ],
)
def test_what_is_no_item(server, tmp_path, data, words):
  path = tmp_path / 'item.json'
  path.write_bytes(data)
  with pytest.raises(InputError, match=words) as caught:
    stac_items.of_file(path)
  assert len(str(caught.value)) < 600
  address = server.has('/item.json', data)
  with pytest.raises(InputError, match=words) as caught:
    stac_items.at_address(Address.parse(address))
  assert address in str(caught.value)


def test_no_item_at_an_address(server):
  with pytest.raises(InputError, match='no such file'):
    stac_items.at_address(Address.parse(f'{server.url}/item.json'))
  large = server.has('/large', b' ', Content_Length=2**24 + 1)
  with pytest.raises(
    InputError, match=r'no image by its suffix .* no STAC item'
  ):
    stac_items.at_address(Address.parse(large))


def test_it_moved(server):
  server.has('/x/item.json', item({'a': DATA}))
  moved = server.has('/item', b'', 302, Location='/x/item.json')
  (found,) = stac_items.at_address(Address.parse(moved))
  assert found.url == f'{server.url}/x/b.tif'
