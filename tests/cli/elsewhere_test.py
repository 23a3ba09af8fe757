"""Images from addresses, zip files and STAC items, by the command."""

import json
import zipfile

import file_server
import pytest

from magnet_jax.cli import main


@pytest.fixture(name='server')
def start_server(monkeypatch):
  monkeypatch.setenv('no_proxy', '127.0.0.1')
  with file_server.running() as server:
    yield server


@pytest.fixture(name='run')
def make_run(checkpoint, tmp_path, monkeypatch):
  """Segments images into out; returns the status and the names of labels."""
  monkeypatch.chdir(tmp_path)
  out = tmp_path / 'out'

  def run(*names):
    flags = [f'--checkpoint={checkpoint}', '--no-panel', f'--out={out}']
    status = main.main(['segment', *map(str, names), *flags])
    return status, sorted(path.name for path in out.glob('*_label*'))

  return run


@pytest.fixture(name='kept')
def make_kept(tmp_path):
  """Returns what is in the folder of downloads, without hashes."""

  def kept():
    found = (tmp_path / 'out' / 'downloads').rglob('*.*')
    return sorted('/'.join(path.parts[-2:]) for path in found)

  return kept


def item(*hrefs):
  assets = {str(n): {'href': href} for n, href in enumerate(hrefs)}
  found = {'type': 'Feature', 'stac_version': '1.0.0', 'assets': assets}
  return json.dumps(found).encode()


def test_an_address(run, kept, server, pair, capsys):
  data = pair[0].read_bytes()
  address = server.has('/tiles/a.png', data)
  name = f'{address.replace("//", "//me:secret@")}?key=hidden'
  server.has('/tiles/a.png?key=hidden', data)
  assert run(name) == (0, ['a_label.png'])
  assert kept() == ['tiles/a.png']
  printed = capsys.readouterr()
  assert f'{address}?…: fetched, ' in printed.out
  assert '1 of 1 images' in printed.out
  assert 'secret' not in printed.out + printed.err
  assert 'hidden' not in printed.out + printed.err
  assert run(name)[0] == 0
  assert 'is there already' in capsys.readouterr().out


def test_a_bad_one_does_not_stop_others(run, kept, server, pair, capsys):
  with zipfile.ZipFile('a.zip', 'w') as archive:
    archive.write(pair[0], 'in/b.png')
    archive.writestr('in/empty.png', b'')
  short = server.has('/c.png', pair[0].read_bytes(), Content_Length=10**5)
  status, labels = run(
    f'{server.url}/none.png',
    '/vsizip/a.zip/in/b.png',
    '/vsizip/a.zip/in/none.png',
    '/vsizip/a.zip/in/empty.png',
    short,
    pair[0],
  )
  assert status == 2
  assert labels == ['b_label.png', 'field_label.png']
  printed = capsys.readouterr()
  lines = printed.err.splitlines()
  assert all(line.startswith('magnet-jax: error: ') for line in lines)
  for line, words in zip(
    lines,
    [
      'none.png: cannot be downloaded, the server has no such file',
      'none.png: is not in the zip file, which holds in/b.png in/empty.png',
      'c.png: cannot be downloaded, the connection ended after',
      'empty.png: is empty (0 bytes)',
    ],
    strict=True,
  ):
    assert words in line
  assert '2 of 6 images' in printed.out
  assert kept() == ['in/b.png', 'in/empty.png']


def test_items(run, kept, server, pair):
  data = pair[0].read_bytes()
  (pair[0].parent / 'item.json').write_bytes(item('field.png'))
  assert run(pair[0].parent / 'item.json') == (0, ['field_label.png'])
  server.has('/x/one/a.png', data)
  server.has('/x/two/a.png', data)
  address = server.has('/x/items/3', item('../one/a.png', '/x/two/a.png'))
  status, labels = run(address)
  assert status == 0
  assert labels == ['field_label.png', 'one_a_label.png', 'two_a_label.png']
  assert kept() == ['one/a.png', 'two/a.png']


@pytest.mark.usefixtures('run')
def test_refusals_leave_nothing(fails, server, checkpoint, tmp_path):
  away = server.has('/away.json', item('http://a.org/b.png'))
  (tmp_path / 'item.json').write_bytes(item('../b.png'))
  before = sorted(tmp_path.iterdir())
  for name, words in (
    (away, 'names images of other servers'),
    ('item.json', 'names images outside its folder'),
    (f'{server.url}/none.png', 'no such file'),
    (f'{server.url}/none', 'no such file'),
    ('/vsizip/none.zip/a.png', 'none.zip is no file'),
    ('/vsis3/a/b.png', 'is a path of GDAL'),
    ('s3://a/b.png', 'must be an address of http'),
  ):
    line = fails('segment', name, f'--checkpoint={checkpoint}', '--out=o')
    assert words in line
    assert sorted(tmp_path.iterdir()) == before


def test_nothing_is_downloaded_for_a_bad_flag(fails, server, pair, checkpoint):
  address = server.has('/a.png', pair[0].read_bytes())
  for flag in ('--bands=x', '--stretch=x', '--simplify=1', '--windows=x'):
    fails('segment', address, f'--checkpoint={checkpoint}', flag)
  fails('segment', address, '--checkpoint=none.npz')
  assert not server.requests


def test_python_takes_paths_alone(toy):
  with pytest.raises(ValueError, match='no such file'):
    toy.segment('https://a.org/b.png')
