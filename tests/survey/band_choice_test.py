"""Images of one, three and four bands, of 8 and 16 bits."""

from folders import fill, label, photograph, save
import numpy as np
from PIL import Image
import pytest

from magnet_jax.data import reading
from magnet_jax.survey import survey


def look(folder):
  return survey.survey(folder, folder / 'out')


def texts(found, kind):
  return [each.text for each in found.findings if each.kind == kind]


def four_bands(path, pixels, photometric):
  rasterio = pytest.importorskip('rasterio')
  path.parent.mkdir(parents=True, exist_ok=True)
  with rasterio.open(
    path, 'w', driver='GTiff', height=pixels.shape[0], width=pixels.shape[1],
    count=4, dtype=pixels.dtype, photometric=photometric,
    transform=rasterio.Affine(2, 0, 9, 0, -2, 9),
  ) as file:  # fmt: skip
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
  assert {k.level for k in found.findings} == {'note'}
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


def test_alpha_is_no_fourth_band(tmp_path):
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
