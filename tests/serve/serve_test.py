"""The page that segments what is dropped into it: answers and clicks."""

import asyncio
import base64
import io
import json
import threading
import time
import urllib.error
import urllib.request

import browser
import numpy as np
from PIL import Image
import pytest
import toy_model

from magnet_jax.cli import main
from magnet_jax.predict.budget import Budget
from magnet_jax.serve import app, kept
from magnet_jax.serve.worker import Worker
from magnet_jax.types import InputError

# Drops a file, given in base64.
DROP = """
const bytes = Uint8Array.from(atob(arguments[0]), (c) => c.charCodeAt(0));
const event = new DragEvent('drop', { dataTransfer: new DataTransfer() });
event.dataTransfer.items.add(new File([bytes], 'a <b>.png'));
document.querySelector('[data-part="drop"]').dispatchEvent(event);
"""
# Chooses a method and a scale, and presses the button.
ORDER = """
const find = (name) => document.querySelector(`[data-part="${name}"]`);
find('method').value = 'patch';
find('method').dispatchEvent(new Event('change'));
const shown = [...document.querySelectorAll('[data-setting]')]
  .filter((e) => e.offsetParent).map((e) => e.dataset.setting);
document.querySelector('[name=scale]').value = arguments[0];
find('form').requestSubmit();
return shown;
"""
SEEN = """
return {
  title: document.title,
  error: document.querySelector('[data-part="error"]')?.textContent,
  ready: document.querySelector('.viewer')?.dataset.ready,
  layers: [...document.querySelectorAll('[data-part="left"] option')].length,
  overflow: document.documentElement.scrollWidth > innerWidth,
};
"""


@pytest.fixture(name='served')
def serve(tmp_path):
  """Yields the worker and the address of its page."""
  worker = Worker(toy_model.make(), tmp_path, Budget('auto', 0.5))
  started, told = threading.Event(), []

  async def run():
    stop = asyncio.Event()
    told.append((asyncio.get_running_loop(), stop))

    def tell(address):
      told.append(address)
      started.set()

    await app.run(worker, 0, 2**20, tell, stop)

  thread = threading.Thread(target=lambda: asyncio.run(run()))
  thread.start()
  assert started.wait(20)
  (loop, stop), address = told
  yield worker, address
  loop.call_soon_threadsafe(stop.set)
  thread.join()


def _ask(address, data=None, **headers):
  request = urllib.request.Request(
    address, data, {'Content-Type': 'image/png', **headers}
  )
  try:
    with urllib.request.urlopen(request, timeout=60) as answer:
      return answer.status, answer.read()
  except urllib.error.HTTPError as error:
    return error.code, json.loads(error.read())['error']


def _png(size=(64, 80)):
  stream = io.BytesIO()
  Image.fromarray(toy_model.sample(0, size).image).save(stream, 'PNG')
  return stream.getvalue()


def _wait(address):
  for _ in range(1200):
    state = json.loads(_ask(f'{address}/state')[1])
    if not state['waiting']:
      return state
    time.sleep(0.05)
  raise TimeoutError(state)


def test_an_image_is_segmented_by_several_methods(served):
  worker, address = served
  status, answer = _ask(f'{address}/images?name=a.png', _png())
  assert (status, json.loads(answer)) == (200, {'page': '/images/1'})
  page = f'{address}/images/1'
  orders = [('magnet', {}), ('magnet-fast', {'windows': 0.5}), ('magnet', {})]
  for method, settings in orders:
    order = json.dumps({'method': method, 'settings': settings})
    assert _ask(f'{page}/order', order.encode())[0] == 200
  state = _wait(page)
  assert state['finished'] == 3 and state['error'] == ''
  assert state['done'] == state['total'] and state['shown'] > 1
  image = worker.find(1)
  assert [d.title for d in image.done] == ['magnet-fast, windows 0.5', 'magnet']
  model = worker.model
  pixels = toy_model.sample(0, (64, 80)).image
  maps = model.cascade().segment(pixels, model.plan((64, 80)))
  status, label = _ask(f'{page}/files/{image.done[1].label}')
  found = np.asarray(Image.open(io.BytesIO(label)))
  assert np.array_equal(found, maps.argmax(-1))
  html = _ask(page)[1].decode()
  assert 'magnet-fast, windows 0.5' in html and 'class="viewer"' in html
  assert _ask(f'{page}/files/preview.jpg')[1][:2] == b'\xff\xd8'
  # What is kept is there for the next time.
  again = Worker(model, worker.folder, Budget())
  assert [d.title for d in again.find(1).done] == [d.title for d in image.done]
  assert again.add('b.png', _png()) == 2
  assert 'a.png' in _ask(address)[1].decode()


@pytest.mark.parametrize(
  ('asked', 'status', 'words'),
  [
    (('/images?name=a.png', b'GIF', {}), 400, 'a.png: is not a JPEG, PNG or'),
    (('/images', b'', {}), 400, 'image: is not a JPEG'),
    (('/images/7', None, {}), 400, 'no such file'),
    (('/images/7/order', b'{}', {}), 400, 'method: is missing'),
    (('/images/7/order', b'{', {}), 400, 'send JSON'),
    (('/images/x', None, {}), 404, '404'),
    (('/images/1/files/..%2fsecret.png', None, {}), 404, '404'),
    (('/images/1/files/image.json', None, {}), 404, 'no such file'),
    (('/', None, {'Host': 'evil.example'}), 403, 'Only the page itself'),
    (
      ('/images', b'x', {'Origin': 'http://evil.example'}),
      403,
      'Only the page',
    ),
  ],
)
def test_what_is_refused(served, asked, status, words):
  worker, address = served
  path, data, headers = asked
  found = _ask(address + path, data, **headers)
  assert found[0] == status and words in found[1], found
  assert not kept.read(worker.folder)


@pytest.mark.parametrize(
  ('method', 'settings', 'words'),
  [
    ('magnet', {'windows': 0.5}, 'magnet has no such setting'),
    ('magnet-fast', {'windows': 1.5}, 'windows 1.5'),
    ('glnet', {}, 'glnet'),
    ('other', {}, '--method=other: unknown'),
  ],
)
def test_ways_that_are_refused(tmp_path, method, settings, words):
  worker = Worker(toy_model.make(), tmp_path, Budget())
  number = worker.add('a.png', _png())
  with pytest.raises(InputError, match=words):
    worker.order(number, method, settings)
  assert worker.state(number).waiting == 0


def test_images_that_are_too_large(tmp_path):
  worker = Worker(toy_model.make(), tmp_path, Budget('auto', 0.25))
  stream = io.BytesIO()
  Image.new('RGB', (3000, 3000)).save(stream, 'PNG')
  number = worker.add('a.png', stream.getvalue())
  with pytest.raises(InputError, match=r'magnet-jax segment, which streams'):
    worker.order(number, 'magnet', {})
  small = Worker(worker.model, tmp_path, Budget('auto', 1e-4))
  with pytest.raises(InputError, match='more than the limit'):
    small.add('b.png', _png((200, 200)))
  assert [image.number for image in kept.read(tmp_path)] == [number]


def test_a_port_that_is_in_use(served, tmp_path, capsys):
  port = served[1].rpartition(':')[2]
  flags = [f'--port={port}', f'--out={tmp_path / "new"}']
  assert main.main(['serve', *flags]) == 2
  line = capsys.readouterr().err
  assert f'--port={port}: cannot be used' in line and 'choose another' in line
  assert not (tmp_path / 'new').exists()
  assert main.main(['serve', '--port=70000']) == 2
  assert 'must be a whole number of 0 to 65535' in capsys.readouterr().err


@browser.needed
@pytest.mark.parametrize('width', [1200, 420])
def test_the_page_works_in_a_browser(served, width):
  worker, address = served
  with browser.browser(width) as call:

    def act(script, *args):
      return call('/execute/sync', {'script': script, 'args': args})

    def until(test):
      for _ in range(1200):
        seen = act(SEEN)
        if test(seen):
          return seen
        time.sleep(0.05)
      raise TimeoutError(seen)

    call('/url', {'url': address})
    act(DROP, base64.b64encode(b'no picture').decode())
    seen = until(lambda seen: seen['error'])
    assert seen['error'].startswith('a <b>.png: is not a JPEG, PNG or TIFF')
    act(DROP, base64.b64encode(_png()).decode())
    seen = until(lambda seen: seen['ready'])
    assert seen['title'].startswith('a <b>.png') and not seen['error']
    assert not seen['overflow']
    assert act(ORDER, '0.5') == ['scale']
    until(lambda now: (now['layers'] or 0) > seen['layers'])
    assert [d.title for d in worker.find(1).done] == [
      'magnet',
      'patch, scale 0.5',
    ]
