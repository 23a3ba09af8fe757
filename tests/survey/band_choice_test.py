"""Images of one, three and four bands, of 8 and 16 bits."""

from folders import fill, label, photograph, save
import numpy as np
from PIL import Image
import pytest
from surveys import kinds, look

from magnet_jax.data import reading


def texts(found, kind):
  return [each.text for each in found.findings if each.kind == kind]


def four_bands(path, pixels, photometric):
  rasterio = pytest.importorskip('rasterio')
  path.parent.mkdir(parents=True, exist_ok=True)
  with rasterio.open(
    path,
    'w',
    driver='GTiff',
    height=pixels.shape[0],
    width=pixels.shape[1],
    count=4,
    dtype=pixels.dtype,
    photometric=photometric,
    transform=rasterio.Affine(2, 0, 9, 0, -2, 9),
  ) as file:
    file.write(np.moveaxis(pixels, -1, 0))


@pytest.mark.parametrize('photometric', ['minisblack', 'rgb'])
@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_four_bands(tmp_path, dtype, photometric):
  for i in range(4):
    both = [photograph(i), photograph(i + 50)[..., :1]]
    pixels = np.concatenate(both, -1).astype(dtype)
    pixels *= 10 if dtype == np.uint16 else 1
    four_bands(tmp_path / f'images/s{i}.tif', pixels, photometric)
    save(tmp_path / f'labels/s{i}.png', label(i))
  found = look(tmp_path)
  assert kinds(found, 'error', 'warning') == {'small split'}
  how = reading.from_settings(found.reading)
  for each in found.looks:
    assert each.bits == 8 * np.dtype(dtype).itemsize
    image, _ = how.image(each.pair.image)
    seed = int(each.pair.image.stem[1:])
    expected = photograph(seed).astype(int)
    assert np.abs(image - expected).max() <= (0 if dtype == np.uint8 else 20)
  assert '4 bands' in texts(found, 'bands')[0]
  assert found.reading['bands'] == (1, 2, 3)


def test_one_band_and_several_kinds(tmp_path):
  fill(tmp_path, 4)
  grey = Image.fromarray(photograph(7)).convert('L')
  save(tmp_path / 'images/s2.png', np.asarray(grey))
  found = look(tmp_path)
  assert 'one band' in texts(found, 'bands')[0]
  assert texts(found, 'kinds of images')
  assert found.reading == {}


@pytest.mark.parametrize(('least', 'bands'), [(3, (1, 2, 3)), (1, (1,))])
def test_bands_are_chosen_that_all_images_have(tmp_path, least, bands):
  fill(tmp_path, 4)
  grey = Image.fromarray(photograph(3)).convert('L' if least == 1 else 'RGB')
  save(tmp_path / 'images/s3.png', np.asarray(grey))
  for i in range(2):
    (tmp_path / f'images/s{i}.png').unlink()
    pixels = np.concatenate([photograph(i), photograph(i + 50)[..., :1]], -1)
    four_bands(tmp_path / f'images/s{i}.tif', pixels, 'minisblack')
  found = look(tmp_path)
  assert found.reading['bands'] == bands
  how = reading.from_settings(found.reading)
  for each in found.looks:
    image, _ = how.image(each.pair.image)
    assert image.shape == (140, 150, 3)
  expected = 'first three are' if least == 3 else 'first is'
  assert f'{expected} used, for all images' in texts(found, 'bands')[0]


def test_alpha_is_not_a_fourth_band(tmp_path):
  fill(tmp_path, 4)
  for i in range(4):
    image = Image.open(tmp_path / f'images/s{i}.png').convert('RGBA')
    image.save(tmp_path / f'images/s{i}.png')
  found = look(tmp_path)
  assert {each.bands for each in found.looks} == {3}
  assert not texts(found, 'bands')


def test_labels_given_as_images_are_dark(tmp_path):
  fill(tmp_path, 4)
  for i in range(4):
    save(tmp_path / f'images/s{i}.png', label(i + 30, values=(0, 1, 2)))
  assert texts(look(tmp_path), 'dark images')


def test_16_bits_that_fill_their_range_are_not_stretched(tmp_path):
  for i in range(4):
    grey = np.asarray(Image.fromarray(photograph(i)).convert('L'))
    save(tmp_path / f'images/s{i}.png', grey.astype(np.uint16) * 257)
    save(tmp_path / f'labels/s{i}.png', label(i))
  assert look(tmp_path).reading == {}


def test_numbers_of_other_kinds_get_a_range(tmp_path):
  pytest.importorskip('rasterio')
  for name, kind, low, high, wanted in (
    ('reflectance', np.float32, 0.0, 0.3, '0,0.3'),
    ('decibels', np.float32, -25.0, -3.0, '-25,-3'),
    ('heights', np.float32, 0.0, 1000.0, '0,1000'),
    ('signed', np.int16, -20000, 30000, '-20000,30000'),
    ('wide', np.int32, 0, 75000, '0,75000'),
  ):
    folder = tmp_path / name
    for i in range(3):
      grey = photograph(i)[..., 0] / 255 * (high - low) + low
      if name == 'heights':
        grey[:5] = -9999
      grey = np.clip(grey, None, high).astype(kind)
      grey[20, 30], grey[40, 50:60] = low, high
      save_tiff(folder / f'images/s{i}.tif', grey)
      save(folder / f'labels/s{i}.png', label(i))
    found = look(folder)
    text = found.reading['stretch']
    ends = [float(end) for end in text.split(',')]
    expected = [float(end) for end in wanted.split(',')]
    assert np.abs(np.subtract(ends, expected)).max() <= 0.06 * (high - low)
    how = reading.from_settings(found.reading)
    image, _ = how.image(found.looks[0].pair.image)
    assert image.std() > 20 and len(np.unique(image)) > 50


def save_tiff(path, pixels, **settings):
  rasterio = pytest.importorskip('rasterio')
  path.parent.mkdir(parents=True, exist_ok=True)
  with rasterio.open(
    path,
    'w',
    driver='GTiff',
    height=pixels.shape[0],
    width=pixels.shape[1],
    count=1,
    dtype=pixels.dtype,
    transform=rasterio.Affine(2, 0, 9, 0, -2, 9),
    **settings,
  ) as file:
    file.write(pixels[None])


def test_pixels_without_data_do_not_affect_the_range(tmp_path, recwarn):
  for i in range(4):
    grey = photograph(i)[..., 0].astype(np.float32)
    grey[:30] = np.nan if i != 1 else -1e30
    if i == 3:
      grey[:] = np.nan
    lacks = {'nodata': -1e30} if i == 1 else {}
    save_tiff(tmp_path / f'images/s{i}.tif', grey, **lacks)
    save(tmp_path / f'labels/s{i}.png', label(i))
  # Not georeferenced, which rasterio warns about.
  Image.fromarray(photograph(9)[..., 0].astype(np.float32)).save(
    tmp_path / 'images/s9.tif'
  )
  save(tmp_path / 'labels/s9.png', label(9))
  found = look(tmp_path)
  assert len(found.looks) == 5
  low, high = (float(end) for end in found.reading['stretch'].split(','))
  assert 0 <= low < 10 and 240 < high <= 255
  assert not [w for w in recwarn if 'rasterio' in w.filename]
