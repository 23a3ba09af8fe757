"""Images that would make GDAL open other files, whose kind they choose."""

import http.server
import threading

from geo_files import pixels, rasterio, unplaced, whole, write
import numpy as np
import pytest

from magnet_jax.rasters import geo, geo_reader, open_image
from magnet_jax.types import InputError

pytestmark = unplaced
SIDE = 32


def _raw(path, size=SIDE):
  """A VRT whose pixels are the bytes of any file."""
  return f"""<VRTDataset rasterXSize="{size}" rasterYSize="{size}">
  <VRTRasterBand dataType="Byte" band="1" subClass="VRTRawRasterBand">
  <SourceFilename relativetoVRT="0">{path}</SourceFilename>
  <ImageOffset>0</ImageOffset><PixelOffset>1</PixelOffset>
  <LineOffset>{size}</LineOffset></VRTRasterBand></VRTDataset>"""


@pytest.fixture(name='vrt')
def make_vrt(tmp_path):
  secret = tmp_path / 'secret'
  secret.write_bytes(bytes(range(256)) * 16)
  path = tmp_path / 'any.vrt'
  path.write_text(_raw(secret))
  return path


def _as_image(path, vrt):
  path.write_bytes(vrt.read_bytes())


def _as_overviews(path, vrt):
  path.with_name(path.name + '.ovr').write_bytes(vrt.read_bytes())


def _as_mask(path, vrt):
  path.with_name(path.name + '.msk').write_bytes(vrt.read_bytes())


def _in_metadata(path, vrt):
  with rasterio.open(path, 'r+') as file:
    file.update_tags(ns='OVERVIEWS', OVERVIEW_FILE=str(vrt))


def _beside_metadata(path, vrt):
  path.with_name(path.name + '.aux.xml').write_text(
    '<PAMDataset><Metadata domain="OVERVIEWS">'
    f'<MDI key="OVERVIEW_FILE">{vrt}</MDI></Metadata></PAMDataset>'
  )


def _in_overviews(path, vrt):
  beside = path.with_name(path.name + '.ovr')
  write(beside, pixels(3, size=(SIDE, SIDE)))
  _in_metadata(beside, vrt)


def _imagine(path, _):
  path.with_suffix('.aux').write_bytes(b'EHFA_HEADER_TAG\0' + bytes(99))


@pytest.mark.parametrize(
  ('put', 'words'),
  [
    (_as_image, 'not one of the formats'),
    (_as_overviews, r'a\.tif\.ovr: .* must be a TIFF; remove it'),
    (_as_mask, r'a\.tif\.msk: .* must be a TIFF; remove it'),
    (_in_metadata, r"any\.vrt', which its metadata names"),
    (_beside_metadata, r"any\.vrt', which its metadata names"),
    (_in_overviews, r'a\.tif\.ovr: takes its overviews'),
    (_imagine, r'a\.aux: .* remove it'),
  ],
)
def test_other_files_are_not_opened(tmp_path, vrt, put, words):
  path = write(tmp_path / 'a.tif', pixels(3, size=(64, 64)))
  put(path, vrt)
  with pytest.raises(InputError, match=words) as caught:
    open_image.open_image(path)
  assert '\n' not in str(caught.value)


def test_overviews_masks_and_notes_of_its_own_are_read(tmp_path):
  values = pixels(3, size=(64, 64))
  path = write(tmp_path / 'a.tif', values)
  with rasterio.Env(TIFF_USE_OVR=True), rasterio.open(path, 'r+') as file:
    file.build_overviews([2])
  (tmp_path / 'a.aux').write_text('notes of LaTeX')
  assert (tmp_path / 'a.tif.ovr').exists()
  raster = geo.open_file(path)
  np.testing.assert_array_equal(whole(raster), np.moveaxis(values, 0, -1))
  assert raster.reduced((32, 32)).size == (32, 32)


def test_whatever_gdal_raises_is_one_line(tmp_path):
  path = write(tmp_path / 'a.tif', pixels(3, size=(64, 64)))
  path.with_name('a.tif.aux.xml').write_text(
    '<PAMDataset><SRS>http://127.0.0.1:1/a</SRS></PAMDataset>'
  )
  with pytest.raises(InputError, match=r'a\.tif: cannot be .*NETWORK'):
    open_image.open_image(path)


def test_the_network_is_out_of_reach():
  asked = []

  class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
      asked.append(self.path)
      self.send_error(404)

    do_HEAD = do_GET

  server = http.server.HTTPServer(('127.0.0.1', 0), Handler)
  threading.Thread(target=server.serve_forever, daemon=True).start()
  where = f'http://127.0.0.1:{server.server_port}/a.tif'
  try:
    for name in (f'/vsicurl/{where}', where):
      with (
        geo_reader.environment(rasterio),
        pytest.raises(rasterio.errors.RasterioIOError),
      ):
        rasterio.open(name)
  finally:
    server.shutdown()
    server.server_close()
  assert not asked
