"""Which reader an image gets, and images in memory."""

import importlib.util
import sys

import numpy as np
from PIL import Image
import pytest

from magnet_jax.files import images
from magnet_jax.rasters import geo_reader, open_image, rasters, whole
from magnet_jax.types import InputError

SIZE = (40, 60)
PIXELS = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)
HERE = importlib.util.find_spec('rasterio') is not None
needs_rasterio = pytest.mark.skipif(
  not HERE, reason='needs rasterio: pip install "magnet-jax[geo]"'
)


@pytest.fixture
def without_rasterio(monkeypatch):
  find = importlib.util.find_spec
  monkeypatch.setattr(
    importlib.util,
    'find_spec',
    lambda name: None if name == 'rasterio' else find(name),
  )
  monkeypatch.setitem(sys.modules, 'rasterio', None)


def _save(path, mode='RGB', **settings):
  Image.fromarray(PIXELS).convert(mode).save(path, **settings)
  return path


def _read(raster):
  return raster.read(0, 0, *raster.size)


def test_array():
  mask = PIXELS[..., 0] > 100
  raster = rasters.ArrayRaster(PIXELS, mask)
  assert (raster.size, raster.block, raster.in_rows) == (SIZE, SIZE, False)
  np.testing.assert_array_equal(raster.read(3, 5, 7, 9), PIXELS[3:10, 5:14])
  np.testing.assert_array_equal(raster.valid(3, 5, 7, 9), mask[3:10, 5:14])
  assert rasters.ArrayRaster(PIXELS).valid(0, 0, *SIZE) is None
  raster.close()


@pytest.mark.parametrize(
  'area', [(0, 0, 40, 60), (7, 9, 20, 30), (39, 59, 1, 1)]
)
def test_blocks_cover_an_area_once(area):
  block = (8, 25)
  count = np.zeros(SIZE, int)
  for top, left, height, width in rasters.blocks_in(area, block, SIZE):
    assert (top % 8, left % 25) == (0, 0)
    count[top : top + height, left : left + width] += 1
  top, left, height, width = area
  assert (count[top : top + height, left : left + width] == 1).all()
  assert count.max() == 1
  corner = count[: max(0, top // 8 * 8), :]
  assert not corner.any()


@pytest.mark.parametrize('kind', ['jpg', 'png'])
@pytest.mark.parametrize('mode', ['RGB', 'L', 'CMYK'])
def test_small_pictures_are_read_as_all_others(tmp_path, kind, mode):
  if (kind, mode) == ('png', 'CMYK'):
    pytest.skip('there is no such PNG')
  path = _save(tmp_path / f'a.{kind}', mode)
  raster = open_image.open_image(path)
  assert isinstance(raster, rasters.ArrayRaster) and raster.notes == ()
  np.testing.assert_array_equal(_read(raster), images.read_image(path))


@needs_rasterio
@pytest.mark.parametrize('kind', ['jpg', 'png'])
def test_large_pictures_are_read_row_by_row(tmp_path, kind, monkeypatch):
  monkeypatch.setattr(whole, 'PIXELS', 100)
  path = _save(tmp_path / f'a.{kind}', quality=95, subsampling=0)
  raster = open_image.open_image(path)
  assert not isinstance(raster, rasters.ArrayRaster)
  found = _read(raster).astype(int)
  # GDAL's decoder of JPEG rounds otherwise.
  assert abs(found - images.read_image(path)).max() <= 2 * (kind == 'jpg')


@pytest.mark.parametrize('orientation', range(1, 9))
def test_turned_pictures_are_read_whole(tmp_path, orientation, monkeypatch):
  monkeypatch.setattr(whole, 'PIXELS', 100)
  exif = Image.Exif()
  exif[274] = orientation
  path = _save(tmp_path / 'a.jpg', exif=exif)
  if orientation == 1:
    assert whole.reason(path) == (None if HERE else 'rasterio is not installed')
    return
  raster = open_image.open_image(path)
  np.testing.assert_array_equal(_read(raster), images.read_image(path))
  (note,) = raster.notes
  assert note == (
    f'a.jpg: read whole into memory: its EXIF orientation is {orientation}'
  )


@pytest.mark.parametrize('orientation', [1, 3, 6])
def test_turned_tiffs(tmp_path, orientation):
  path = _save(tmp_path / 'a.tif', tiffinfo={274: orientation})
  raster = open_image.open_image(path)
  np.testing.assert_array_equal(_read(raster), images.read_image(path))
  if HERE:
    assert bool(raster.notes) == (orientation > 1)


@needs_rasterio
def test_a_map_is_not_turned(tmp_path):
  rasterio = pytest.importorskip('rasterio')
  exif = {274: 6, 33550: (1.0, 1.0, 0.0), 33922: (0.0,) * 6}
  path = _save(tmp_path / 'a.tif', tiffinfo=exif)
  with rasterio.open(path) as file:
    assert file.transform.a == 1
  np.testing.assert_array_equal(_read(open_image.open_image(path)), PIXELS)


def test_cmyk_tiff(tmp_path):
  path = _save(tmp_path / 'a.tif', 'CMYK')
  raster = open_image.open_image(path)
  np.testing.assert_array_equal(_read(raster), images.read_image(path))
  assert 'CMYK' in raster.notes[0] or not HERE


@pytest.mark.parametrize('mode', ['RGBA', 'LA', 'P'])
@pytest.mark.parametrize('small', [True, False])
def test_alpha_is_validity_by_either_reader(tmp_path, mode, small, monkeypatch):
  if not small:
    monkeypatch.setattr(whole, 'PIXELS', 100)
  image = Image.fromarray(PIXELS).convert(mode)
  path = tmp_path / 'a.png'
  if mode == 'P':
    index = int(np.asarray(image)[0, 0])
    expected = np.asarray(image) != index
    image.save(path, transparency=index)
  else:
    expected = PIXELS[..., 0] > 90
    image.putalpha(Image.fromarray(expected.astype(np.uint8) * 255))
    image.save(path)
  raster = open_image.open_image(path)
  np.testing.assert_array_equal(raster.valid(0, 0, *SIZE), expected)
  np.testing.assert_array_equal(
    _read(raster), np.where(expected[..., None], images.read_image(path), 0)
  )


def test_alpha_that_is_full_everywhere(tmp_path):
  assert (
    open_image.open_image(_save(tmp_path / 'a.png', 'RGBA')).valid(0, 0, *SIZE)
    is None
  )


@pytest.mark.parametrize('kind', ['jpg', 'tif'])
def test_bands_of_a_picture(tmp_path, kind):
  path = _save(tmp_path / f'a.{kind}')
  if kind == 'tif' and not HERE:
    pytest.skip('needs rasterio: pip install "magnet-jax[geo]"')
  plain = _read(open_image.open_image(path))
  found = _read(open_image.open_image(path, bands=(3, 1, 1)))
  np.testing.assert_array_equal(found, plain[..., [2, 0, 0]])
  single = _read(open_image.open_image(path, bands=(2,)))
  np.testing.assert_array_equal(single, plain[..., [1, 1, 1]])
  with pytest.raises(InputError, match=r'three or one of 1\.\.3'):
    open_image.open_image(path, bands=(1, 2, 4))


def test_stretch_of_eight_bits(tmp_path):
  path = _save(tmp_path / 'a.jpg')
  raster = open_image.open_image(path, stretch='2-98')
  np.testing.assert_array_equal(_read(raster), images.read_image(path))
  assert raster.notes == (
    'a.jpg: the stretch is ignored: the pixels have 8 bits',
  )


@needs_rasterio
def test_stretch_of_a_png_of_sixteen_bits(tmp_path):
  values = np.random.default_rng(0).integers(0, 3000, SIZE).astype(np.uint16)
  path = tmp_path / 'a.png'
  Image.fromarray(values).save(path)
  plain = _read(open_image.open_image(path))
  np.testing.assert_array_equal(plain[..., 0], values >> 8)
  found = _read(open_image.open_image(path, stretch=(0, 2550)))
  np.testing.assert_array_equal(
    found[..., 1], np.rint(np.minimum(values / 10, 255))
  )


def test_tiff_without_rasterio(tmp_path, without_rasterio):
  path = _save(tmp_path / 'a.tif')
  raster = open_image.open_image(path)
  np.testing.assert_array_equal(_read(raster), PIXELS)
  assert 'rasterio is not installed' in raster.notes[0]
  for settings in ({'bands': (3, 2, 1)}, {'stretch': '2-98'}):
    with pytest.raises(InputError, match=r'pip install "magnet-jax\[geo\]"'):
      open_image.open_image(path, **settings)
  with pytest.raises(InputError, match='pip install'):
    geo_reader.rasterio_for(path)


@pytest.mark.parametrize(
  ('name', 'data', 'message'),
  [
    ('a.txt', b'hello', 'not one of the formats GTiff'),
    ('a.tif', b'', 'is empty'),
    ('a.tif', b'hello', 'not one of the formats GTiff'),
    ('a.tif', b'II*\0' + b'\xff' * 60, 'cannot be opened as an image'),
    ('a.png', b'\x89PNG\r\n\x1a\n123', 'is not a JPEG, PNG or TIFF'),
    ('a.vrt', b'<VRTDataset>', 'not one of the formats GTiff'),
  ],
)
@needs_rasterio
def test_what_is_no_image(tmp_path, name, data, message):
  path = tmp_path / name
  path.write_bytes(data)
  with pytest.raises(InputError, match=message) as caught:
    open_image.open_image(path)
  assert str(path) in str(caught.value) and '\n' not in str(caught.value)


def test_missing_file(tmp_path):
  with pytest.raises(InputError, match='no such file'):
    open_image.open_image(tmp_path / 'a.tif')
