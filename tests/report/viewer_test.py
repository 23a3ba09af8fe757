"""The page in a browser: it loads, and its slider, zoom and keys do their work.

A script in the page acts as a person would and tells what came of it.
"""

import json

import browser
import numpy as np
import pytest

from magnet_jax import types
from magnet_jax.data import class_files
from magnet_jax.files import records
from magnet_jax.metrics import confusion
from magnet_jax.predict.panel import StageView
from magnet_jax.report import overview, runs, viewer, views

CLASSES = types.ClassTable(
  ('soil', '</script>'), ((110, 84, 62), (64, 178, 92))
)
DRIVER = """
const tell = arguments[0];
(async () => {
  const root = document.querySelector('.viewer');
  const find = (name) => root.querySelector(`[data-part="${name}"]`);
  const canvas = find('canvas');
  const seen = {};
  const settle = () => new Promise((done) => setTimeout(done, 30));
  for (let n = 0; n < 100 && !root.dataset.ready; n++) await settle();
  const probe = new OffscreenCanvas(1, 1).getContext('2d',
    { willReadFrequently: true });
  const colour = (x, y) => {
    const ratio = canvas.width / canvas.clientWidth;
    probe.drawImage(canvas, -Math.round(x * ratio), -Math.round(y * ratio));
    return [...probe.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const key = (name) => canvas.dispatchEvent(
    new KeyboardEvent('keydown', { key: name, bubbles: true }));
  const set = (name, value, kind) => {
    find(name).value = value;
    find(name).dispatchEvent(new Event(kind));
  };
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  seen.ready = root.dataset.ready;
  seen.script = document.querySelectorAll('.legend button')[1].textContent;
  seen.fit = Number(root.dataset.scale);
  const named = () => document.getElementById(
    canvas.getAttribute('aria-labelledby')).textContent;
  seen.named = [named()];
  seen.choices = [...find('left').options].map((o) => o.value);
  set('left', 'label 1', 'change');
  set('right', 'truth', 'change');
  const spots = [[width / 2 - 20, height / 2], [width / 2 + 20, height / 2]];
  seen.halves = spots.map(([x, y]) => colour(x, y));
  set('split', 90, 'input');
  seen.slid = spots.map(([x, y]) => colour(x, y));
  seen.split = Number(root.dataset.split);
  set('right', 'errors 1', 'change');
  set('split', 0, 'input');
  seen.error = colour(...spots[0]);
  set('right', 'points 2', 'change');
  set('step', 0, 'input');
  seen.stepped = find('right').value;
  seen.named.push(named());
  key('.');
  seen.named.push(named());
  key(',');
  const spoken = new MutationObserver(() => { seen.named.push('again'); });
  spoken.observe(find('state'), { childList: true, characterData: true,
    subtree: true });
  for (const name of ['+', 'ArrowLeft', ']', '0', '[']) key(name);
  await settle();
  spoken.disconnect();
  set('right', 'truth', 'change');
  root.querySelectorAll('.legend button')[1].click();
  seen.hidden = colour(...spots[0]);
  root.querySelectorAll('.legend button')[1].click();
  canvas.dispatchEvent(new WheelEvent('wheel', { deltaY: -300,
    clientX: canvas.getBoundingClientRect().left + 5,
    clientY: canvas.getBoundingClientRect().top + 5, cancelable: true }));
  seen.wheel = Number(root.dataset.scale) / seen.fit;
  for (let n = 0; n < 20; n++) key('+');
  seen.deepest = Number(root.dataset.scale);
  key('0');
  seen.back = Number(root.dataset.scale);
  canvas.dispatchEvent(new PointerEvent('pointermove', {
    clientX: canvas.getBoundingClientRect().left + width / 2,
    clientY: canvas.getBoundingClientRect().top + height / 2 }));
  seen.readout = find('readout').textContent;
  find('readout').textContent = '';
  canvas.setPointerCapture = () => {};  // knows no made pointers
  for (const kind of ['pointerdown', 'pointerup']) {
    canvas.dispatchEvent(new PointerEvent(kind, { pointerType: 'touch',
      clientX: canvas.getBoundingClientRect().left + width / 2,
      clientY: canvas.getBoundingClientRect().top + height / 2 }));
  }
  seen.touched = find('readout').textContent;
  const select = find('right');
  const style = getComputedStyle(select);
  probe.font = style.font;
  const words = [...select.options].map((o) => probe.measureText(o.text).width);
  seen.spare = select.clientWidth - 2 * parseFloat(style.paddingLeft)
    - 20 - Math.max(...words);  // 20 for the arrow
  seen.overflow = document.documentElement.scrollWidth > innerWidth;
  set('picture', 1, 'change');
  for (let n = 0; n < 100 && root.dataset.ready !== 'b'; n++) await settle();
  seen.second = root.dataset.ready;
  seen.named.push(named());
  return seen;
})().then(tell, (error) => tell({ failed: String(error) }));
"""


@pytest.fixture(name='run')
def make_run(tmp_path):
  """Two images: all is class 1, but stage 0 says 0; stage 1 is right."""
  folder = tmp_path / 'run'
  folder.mkdir()
  truth = np.ones((40, 60), np.uint8)
  image = np.full((40, 60, 3), (10, 20, 200), np.uint8)
  for number, name in enumerate('ab'):
    columns = [
      StageView('10 x 15', truth[:10, :15] * 0, np.full((10, 15), 0.5)),
      StageView('40 x 60', truth, np.zeros((40, 60)), truth.astype(bool)),
    ]
    sample = types.Sample(name, image, truth)
    views.add(folder, number, sample, 'magnet', columns)
    views.add(folder, number, sample, 'downsample', columns[:1])
  matrix = np.array([[0, 0], [240, 2160]])
  records.write(
    folder / 'records.jsonl',
    [
      {
        'image': name,
        'method': method,
        'miou': confusion.mean_iou(matrix),
        'boundary_iou': 0.5,
        'confusion': matrix,
        'seconds': 1,
        'windows': n,
      }
      for name in 'ab'
      for n, method in enumerate(('downsample', 'magnet'))
    ],
  )
  records.write_json(
    folder / 'settings.json', {'classes': class_files.to_json(CLASSES)}
  )
  return folder


@browser.needed
@pytest.mark.parametrize('width', [1200, 420])
def test_the_page_works_in_a_browser(run, tmp_path, width):
  page = tmp_path / 'page.html'
  overview.write(runs.find([run]), page, 'runs')
  with browser.browser(width) as call:
    call('/url', {'url': page.as_uri()})
    seen = call('/execute/async', {'script': DRIVER, 'args': []})
    said = call('/se/log', {'type': 'browser'})
  assert said == []
  assert 'failed' not in seen, seen
  soil, leaf = map(list, CLASSES.colours)
  assert seen['ready'] == 'a' and seen['second'] == 'b'
  assert seen['script'] == '</script>'
  # In the order of the records: downsample has one stage, magnet has two.
  assert seen['choices'] == [
    'image',
    'truth',
    'label 0',
    'uncertainty 0',
    'errors 0',
    'label 1',
    'uncertainty 1',
    'errors 1',
    'label 2',
    'uncertainty 2',
    'points 2',
    'errors 2',
  ]
  assert seen['halves'] == [soil, leaf]
  assert seen['slid'] == [soil, soil]
  assert seen['split'] == pytest.approx(0.9)
  assert seen['error'] == [224, 36, 36]
  assert seen['stepped'] == 'label 1'
  assert seen['named'] == [
    f'{image}: left of the divider {left}; right of it {right}'
    for image, left, right in (
      ('a', 'image', 'magnet, stage 1: segmentation'),
      ('a', 'magnet, stage 0: segmentation', 'magnet, stage 0: segmentation'),
      ('a', 'magnet, stage 1: segmentation', 'magnet, stage 1: segmentation'),
      ('b', 'magnet, stage 0: segmentation', 'label'),
    )
  ]
  blue = np.array(seen['hidden'])
  assert blue[2] > 150 and blue[1] < 60
  assert seen['wheel'] == pytest.approx(np.e, rel=0.01)
  assert seen['deepest'] == 64
  assert seen['back'] == pytest.approx(seen['fit'])
  assert seen['readout'].startswith('row 20, column 30 · label </script>')
  assert seen['touched'] == seen['readout']
  assert seen['spare'] > 0  # the longest name of a layer is not cut off
  assert not seen['overflow']


def test_too_large_images_are_shrunk_and_then_left_out(run):
  found = runs.find([run])
  whole = viewer.section(found.views, CLASSES)
  assert '"shrunk":1' in whole and 'Left out' not in whole
  assert 'http' not in whole
  assert viewer.section([], CLASSES) == ''
  rng = np.random.default_rng(0)
  noise = rng.integers(0, 256, (128, 128, 3), np.uint8)
  label = np.zeros((128, 128), np.uint8)
  columns = [StageView('128 x 128', label, rng.random((128, 128)))]
  views.add(run, 2, types.Sample('noise', noise), 'magnet', columns)
  *_, (title, view) = runs.find([run]).views
  for shrunk in (1, 2), (2, 4):  # the photograph stays whole for longer
    size = len(json.dumps(view.encoded(shrunk))) + 100
    small = viewer.section([(title, view)], CLASSES, size)
    assert f'"shrunk":{shrunk[0]}' in small
    assert f'1/{shrunk[0]}, uncertainty at 1/{shrunk[1]} of their' in small
    assert len(small) < size + 40_000
  none = viewer.section([(title, view)], CLASSES, 100)
  assert 'Left out' in none and '<script' not in none


def test_views_come_back_exactly(run):
  first, second = views.read(run, ('downsample', 'magnet'), 'magnet')
  assert (first.name, second.name) == ('a', 'b')
  encoded = first.encoded()
  assert encoded['size'] == [40, 60]
  points = [stage['points'] is None for stage in encoded['stages']]
  assert points == [True, True, False]
  assert encoded['start'] == 2
  views.clear(run)
  assert views.read(run) == []


def test_missing_and_damaged_pictures_are_named(run):
  (run / 'views' / '1' / 'magnet' / 'label_0.png').unlink()
  with pytest.raises(types.InputError, match=r'label_0\.png: is missing'):
    overview.html_page(runs.find([run]), 'runs')
  (run / 'views' / '1' / 'view.json').write_text('{"name":')
  with pytest.raises(types.InputError, match=r'view\.json: does not describe'):
    runs.find([run])
