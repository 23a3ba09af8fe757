import json

import jax
import numpy as np
from PIL import Image
import pytest

from magnet_jax.cli import main
from magnet_jax.files import bundle, images
from magnet_jax.filters import bands, guided
from magnet_jax.filters.table import FILTERS, Filter
from magnet_jax.predict import correctors
from magnet_jax.rasters import geo_labels
from magnet_jax.rasters.rasters import Place
from magnet_jax.refiners import deep_guided
from magnet_jax.scenes import generator
from magnet_jax.types import Meta

CLASSES = generator.CLASSES


@pytest.fixture
def theirs(pair, tmp_path):
  """A coarse label of the image, and the folder for the outputs."""
  truth = images.read_label(pair[1], CLASSES)
  coarse = truth[4::8, 4::8].repeat(8, 0).repeat(8, 1)
  images.write_label(tmp_path / 'theirs.png', coarse, CLASSES)
  return tmp_path / 'theirs.png', tmp_path / 'out'


def refine(image, out, *argv):
  return main.main(['refine', str(image), f'--out={out}', *map(str, argv)])


def result(out):
  return images.read_label(out / 'field_label.png', CLASSES)


@pytest.mark.parametrize('method', FILTERS)
def test_a_label_gets_the_outlines_of_the_image(pair, theirs, method, capsys):
  label, out = theirs
  flags = [f'--label={label}', f'--method={method}']
  assert refine(pair[0], out, *flags) == 0
  assert sorted(path.name for path in out.iterdir()) == [
    'field_label.png',
    'field_overlay.jpg',
    'field_panel.png',
  ]
  truth = images.read_label(pair[1], CLASSES)
  before = images.read_label(label, CLASSES)
  found = result(out)
  assert (found != truth).mean() < (before != truth).mean() / 2
  changed = 100 * (found != before).mean()
  assert (
    f'{changed:.2f} % of the pixels have another' in capsys.readouterr().out
  )
  with Image.open(out / 'field_label.png') as file:  # the palette it came with
    assert file.getpalette()[15:18] == list(CLASSES.colours[5])


def test_it_is_the_filter_of_the_one_hot_map(pair, theirs):
  label, out = theirs
  assert refine(pair[0], out, f'--label={label}', '--eps=0.01') == 0
  before = images.read_label(label, CLASSES)
  maps = (before[..., None] == np.arange(7)).astype(np.float32)
  wanted = guided.guided(images.read_image(pair[0]), maps, eps=0.01)
  np.testing.assert_array_equal(result(out), wanted.argmax(-1))


@pytest.mark.parametrize('kind', ['float16.npy', 'float64.npz', 'named.npz'])
def test_probabilities(pair, theirs, tmp_path, kind):
  label, out = theirs
  before = images.read_label(label, CLASSES)
  maps = (before[..., None] == np.arange(7)) * 0.93 + 0.01
  path = tmp_path / kind
  if kind.startswith('named'):
    np.savez(path, other=np.zeros(2), probabilities=maps)
  elif kind.endswith('.npz'):
    np.savez(path, maps)
  else:
    np.save(path, maps.astype(np.float16))
  assert refine(pair[0], out, f'--probabilities={path}') == 0
  found = result(out)
  wanted = guided.guided(images.read_image(pair[0]), maps.astype(np.float32))
  np.testing.assert_array_equal(found, wanted.argmax(-1))


def test_probabilities_of_a_georeferenced_image(pair, theirs, tmp_path):
  """As segment writes them: a band per class, NaN where there is no data."""
  pytest.importorskip('rasterio')
  label, out = theirs
  before = images.read_label(label, CLASSES)
  maps = ((before[..., None] == np.arange(7)) * 0.93 + 0.01).astype(np.float32)
  flags = []
  for missing in (0, np.nan):
    maps[:9] = missing or maps[:9]
    path = tmp_path / f'{len(flags)}.tif'
    place = Place('', (1.0, 0.0, 0.0, 0.0, -1.0, 0.0))
    geo_labels.export_probabilities(
      path, [maps], size=before.shape, place=place, names=CLASSES.names
    )
    flags.append(f'--probabilities={path}')
  np.save(tmp_path / 'a.npy', np.nan_to_num(maps, nan=1 / 7).astype('<f2'))
  assert refine(pair[0], out, f'--probabilities={tmp_path / "a.npy"}') == 0
  wanted = result(out)
  assert refine(pair[0], out, flags[1]) == 0
  found = result(out)
  assert (found[:9] == 255).all()
  np.testing.assert_array_equal(found[9:], wanted[9:])
  assert refine(pair[0], out, flags[0]) == 0
  assert (result(out) != 255).all()


def test_classes_are_named_by_a_table_or_by_their_colours(
  pair, theirs, tmp_path
):
  label, out = theirs
  colours = tmp_path / 'colours.png'
  before = images.read_label(label, CLASSES)
  images.write_image(colours, CLASSES.palette[before])
  flags = [f'--label={colours}', '--classes=scenes']
  assert refine(pair[0], out, *flags) == 0
  found = result(out)
  table = tmp_path / 'classes.json'
  rows = [{'name': str(n), 'colour': [n, n, 9 * n]} for n in range(6)]
  table.write_text(json.dumps({'classes': rows}))
  assert refine(pair[0], out, f'--label={label}', f'--classes={table}') == 0
  np.testing.assert_array_equal(result(out), found)
  with Image.open(out / 'field_label.png') as file:
    assert file.getpalette()[15:18] == [5, 5, 45]


def test_an_image_without_colour_is_told_of(pair, theirs, tmp_path, capsys):
  label, out = theirs
  assert refine(pair[0], out, f'--label={label}') == 0
  assert 'no colour' not in capsys.readouterr().out
  grey = images.read_image(pair[0])[..., 0]
  images.write_image(tmp_path / 'grey.png', grey)
  assert refine(tmp_path / 'grey.png', out, f'--label={label}') == 0
  assert capsys.readouterr().out.count('grey.png: has no colour, so its') == 1
  assert (out / 'grey_label.png').exists()


def test_pixels_without_a_label_stay_so(pair, theirs, tmp_path):
  label, out = theirs
  pixels = images.read_label(label, CLASSES)
  pixels[:10] = 255
  images.write_label(tmp_path / 'some.png', pixels, CLASSES)
  assert refine(pair[0], out, f'--label={tmp_path / "some.png"}') == 0
  found = result(out)
  np.testing.assert_array_equal(found == 255, pixels == 255)


def test_bad_input_is_one_line(pair, theirs, fails, tmp_path):
  image, (label, out) = pair[0], theirs
  pixels = images.read_label(label, CLASSES)
  given = f'--label={label}'

  def line(*argv):
    found = fails('refine', *argv, f'--out={out}')
    assert not out.exists()
    return found

  def stored(name, values):
    np.save(tmp_path / name, values)
    return f'--probabilities={tmp_path / name}'

  assert 'refine: 0 images given; name one' in line(given)
  assert 'refine: 2 images given' in line(image, image, given)
  assert 'give either --label' in line(image)
  assert 'give either --label' in line(image, given, '--probabilities=a.npy')
  assert 'none.png: no such file' in line(image, '--label=none.png')
  assert 'none.npy: no such file' in line(image, '--probabilities=none.npy')
  assert 'none.jpg: no such file' in line('none.jpg', given)
  assert '--method=sharpen' in line(image, given, '--method=sharpen')
  assert '--eps=0.0: must be' in line(image, given, '--eps=0')
  assert "class table 'mars': unknown" in line(image, given, '--classes=mars')
  # The label holds classes 0 and 5, the table has three.
  found = line(image, given, '--classes=carrotweed')
  assert 'label 5 at row' in found and 'below 3' in found

  other = tmp_path / 'other.png'
  images.write_label(other, pixels[:-1], CLASSES)
  assert 'sizes must be equal' in line(image, f'--label={other}')
  images.write_label(other, np.full_like(pixels, 255), CLASSES)
  assert 'all pixels are 255' in line(image, f'--label={other}')
  images.write_image(other, CLASSES.palette[pixels])
  assert 'holds colours; give the classes' in line(image, f'--label={other}')

  maps = np.full((64, 64, 3), 1 / 3)
  assert 'shape (63, 64, 3)' in line(image, stored('a.npy', maps[1:]))
  assert 'moveaxis' in line(image, stored('a.npy', np.moveaxis(maps, -1, 0)))
  assert 'shape (64, 64)' in line(image, stored('a.npy', maps[..., 0]))
  assert 'holds int64' in line(image, stored('a.npy', maps.astype(int)))
  maps[5, 7] = 2, -1, 0
  found = line(image, stored('a.npy', maps))
  assert 'at row 5, column 7 the sum is 1, the least -1' in found
  maps[5, 7] = 0.5, 0.2, 0.1
  assert 'the sum is 0.8, the' in line(image, stored('a.npy', maps))
  nothing = np.full_like(maps, np.nan)
  assert 'all pixels are NaN' in line(image, stored('a.npy', nothing))
  maps[5, 7, 0] = np.nan  # all of them would mean that there is no label
  assert 'the sum is nan' in line(image, stored('a.npy', maps))
  maps[5, 7] = 1 / 3
  good = stored('a.npy', maps)
  found = line(image, good, '--classes=scenes')
  assert 'has 3 classes, --classes=scenes has 7' in found
  assert 'has 255 classes: must be 1 to 254' in line(
    image, stored('a.npy', np.full((64, 64, 255), 1 / 255))
  )
  (tmp_path / 'b.npy').write_bytes(b'no array')
  assert 'cannot be read as a .npy' in line(
    image, f'--probabilities={tmp_path / "b.npy"}'
  )
  np.savez(tmp_path / 'two.npz', a=maps, b=maps)
  assert 'holds the arrays a, b' in line(
    image, f'--probabilities={tmp_path / "two.npz"}'
  )


def test_a_filter_may_need_the_whole_map(pair, theirs, monkeypatch):
  label, out = theirs

  def shifted(image, maps):
    assert image.shape == (64, 64, 3) and maps.shape == (64, 64, 2)
    return np.roll(maps, 1, axis=0)

  monkeypatch.setitem(FILTERS, 'guided', Filter(shifted, 'a row lower'))
  monkeypatch.setattr(Filter, 'check', lambda *_: None)
  assert refine(pair[0], out, f'--label={label}') == 0
  before = images.read_label(label, CLASSES)
  np.testing.assert_array_equal(result(out), np.roll(before, 1, axis=0))


def test_bands_of_any_height_give_the_same(pair, theirs, tmp_path, monkeypatch):
  label, out = theirs
  rng = np.random.default_rng(0)
  maps = rng.random((64, 64, 7)) * (rng.random(7) > 0.5) + 0.1
  np.save(tmp_path / 'maps.npy', maps / maps.sum(-1, keepdims=True))
  for given in (f'--label={label}', f'--probabilities={tmp_path}/maps.npy'):
    for method in [
      name for name, each in FILTERS.items() if 'eps' in each.settings
    ]:
      assert refine(pair[0], out, given, f'--method={method}', '--eps=.01') == 0
      whole = result(out)
      with monkeypatch.context() as patch:
        patch.setattr(bands, 'PIXELS', 16)
        assert (
          refine(pair[0], out, given, f'--method={method}', '--eps=.01') == 0
        )
      assert (result(out) != whole).mean() < 1e-3


def test_a_setting_of_another_method_is_refused(
  pair, theirs, fails, monkeypatch
):
  plain = Filter(lambda image, maps: maps, 'nothing')
  monkeypatch.setitem(FILTERS, 'guided', plain)
  line = fails('refine', pair[0], f'--label={theirs[0]}', '--radius=3')
  assert '--radius: guided has no such setting; leave it out' in line


def test_the_label_is_never_replaced(pair, theirs, fails, tmp_path):
  label, _ = theirs
  taken = label.rename(tmp_path / 'field_label.png')
  before = taken.read_bytes()
  line = fails('refine', pair[0], f'--label={taken}', f'--out={tmp_path}')
  assert 'field_label.png: is an input image that an output would' in line
  assert taken.read_bytes() == before


@pytest.fixture(name='trained')
def make_trained(monkeypatch):
  """A model whose corrector exchanges the first and the last class."""
  corrects = Filter(
    lambda image, maps: maps[..., [6, *range(1, 6), 0]],
    'exchanges classes',
    num_classes=7,
  )
  monkeypatch.setattr(
    correctors,
    'read',
    lambda path, name: (corrects, CLASSES),
  )


@pytest.mark.usefixtures('trained')
def test_a_corrector_sees_all_classes_of_its_model(pair, theirs, tmp_path):
  label, out = theirs
  flags = [f'--label={label}', '--method=iterative', '--checkpoint=it']
  assert refine(pair[0], out, *flags) == 0
  before = images.read_label(label, CLASSES)
  order = np.array([6, *range(1, 6), 0])
  np.testing.assert_array_equal(result(out), order[before])
  maps = (before[..., None] == np.arange(7)).astype(np.float32)
  np.save(tmp_path / 'maps.npy', maps)
  flags[0] = f'--probabilities={tmp_path / "maps.npy"}'
  assert refine(pair[0], out, *flags) == 0
  np.testing.assert_array_equal(result(out), order[before])


def test_a_corrector_needs_no_segmenter(pair, theirs, tmp_path, capsys):
  label, out = theirs
  alone = deep_guided.make(num_classes=7, width=2)
  variables = alone.module.init(jax.random.key(0), **alone.inputs)
  settings = {'correctors': {'deep_guided': {'width': 2}}}
  meta = Meta(settings, CLASSES, kind='refiner_deep_guided')
  bundle.export(tmp_path / 'a.npz', {'refiner_deep_guided': variables}, meta)
  flags = [f'--label={label}', f'--checkpoint={tmp_path / "a.npz"}']
  assert refine(pair[0], out, *flags, '--method=deep-guided') == 0
  corrects, classes = correctors.read(tmp_path / 'a.npz', 'deep_guided')
  assert classes == CLASSES
  before = images.read_label(label, CLASSES)
  maps = (before[..., None] == np.arange(7)).astype(np.float32)
  wanted = corrects.apply(images.read_image(pair[0]), maps)
  np.testing.assert_array_equal(result(out), wanted.argmax(-1))
  assert refine(pair[0], out, *flags, '--method=iterative') == 2
  error = capsys.readouterr().err
  assert 'holds refiner_deep_guided, no refiner_iterative: train' in error


@pytest.mark.usefixtures('trained')
@pytest.mark.parametrize(
  ('flags', 'message'),
  [
    (['--method=guided', '--checkpoint=it'], 'guided is not trained, and has'),
    (
      ['--method=iterative', '--classes=dubai'],
      'vegetation, water, the model meadow,',
    ),
    (['--method=iterative', '--radius=3'], 'iterative has no such setting'),
  ],
)
def test_faults_of_a_corrector(pair, theirs, flags, message, capsys):
  label, out = theirs
  assert refine(pair[0], out, f'--label={label}', *flags) == 2
  error = capsys.readouterr().err
  assert message in error and error.count('\n') == 1
  assert not out.exists()
