"""Images that lie elsewhere: members of zip files, STAC items, addresses."""

import io
import json
import zipfile

from fuzz_case import Case, Special
from fuzz_files import QUICK, Seeds
from fuzz_mutations import TEXTS, damaged_json, damaged_zip
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

_NAMES = ('in/a.png', 'a.tif')
_ITEM = {
  'type': 'Feature',
  'stac_version': '1.0.0',
  'id': 'a',
  'assets': {
    'image': {'href': './a.png', 'type': 'image/png', 'roles': ['data']},
    'thumbnail': {'href': 'a.jpg', 'roles': ['thumbnail']},
  },
}
_REFERENCES = (
  *('../m.npz', '/etc/passwd', 'http://127.0.0.1:1/a.png', '//a/b.png', 'd'),
  *(
    '/vsizip/a.zip/a.tif',
    'file:///etc/passwd',
    'a.png?b',
    'A.PNG',
    'link.png',
  ),
)
_HOST = '127.0.0.1:1'  # which no server listens to
_ADDRESSES = (
  *(f'http://{_HOST}/a.png', f'/vsicurl/http://{_HOST}/a.png', 'http://'),
  *(
    f'http://me:secret@{_HOST}/a.png?b',
    f'http://{_HOST}/item',
    'http:///a.png',
  ),
  *(
    'http://[/a.png',
    'http://127.0.0.1:x/a.png',
    'http://127.0.0.1:99999/a.png',
  ),
  *('/vsizip/a.zip', '/vsizip//a.zip/a.tif', '/vsizip/', '/vsitar/a.tar/a.png'),
  *(
    's3://a/a.png',
    'ftp://127.0.0.1:1/a.png',
    'file:///etc/passwd',
    '://a.png',
  ),
)


@st.composite
def elsewhere(draw: DrawFn, seeds: Seeds) -> Case:
  """Draws an image that has to be fetched, and cannot be, or is malformed."""
  files: dict[str, bytes | Special] = {
    name: Special('seed', name) for name in ('m.npz', 'a.png', 'a.jpg')
  }
  kind = draw(st.sampled_from(('zip', 'zip', 'item', 'item', 'address')))
  if kind == 'zip':
    data = io.BytesIO()
    with zipfile.ZipFile(data, 'w', zipfile.ZIP_DEFLATED) as archive:
      for name in _NAMES:
        archive.writestr(name, seeds[name.rpartition('/')[2]])
      archive.writestr('in/a.pgw', '1\n0\n0\n-1\n5\n6\n')
    files['a.zip'] = draw(damaged_zip(data.getvalue()))
    name = f'/vsizip/a.zip/{draw(st.sampled_from((*_NAMES, "../x.png", "")))}'
  elif kind == 'item':
    name = 'item.json'
    files['link.png'] = Special('link', '/etc/passwd')
    item = json.loads(json.dumps(_ITEM))
    if draw(st.booleans()):
      item['assets']['image']['href'] = draw(st.sampled_from(_REFERENCES))
      files[name] = json.dumps(item).encode()
    else:
      files[name] = draw(damaged_json(item))
  else:
    name = draw(st.sampled_from(_ADDRESSES))
    if draw(st.booleans()):
      text = draw(st.sampled_from(TEXTS)).replace('\0', '')
      name = f'http://{_HOST}/{text}.png'
  # What was fetched is kept though it is no image.
  return Case('elsewhere', ('segment', name, *QUICK), files, partial=True)
