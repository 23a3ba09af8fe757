"""Commands on good files with malformed ones beside them."""

from fuzz_case import Case, Special
from fuzz_files import QUICK, Seeds
import fuzz_images
from fuzz_mutations import damaged_bytes, damaged_record
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

_VRT = (
  b'<VRTDataset rasterXSize="48" rasterYSize="40"><VRTRasterBand '
  b'dataType="Byte" band="1" subClass="VRTRawRasterBand"><SourceFilename>'
  b'/etc/passwd</SourceFilename></VRTRasterBand></VRTDataset>'
)
_WMS = (
  b'<GDAL_WMS><Service name="TMS"><ServerUrl>http://127.0.0.1:1/</ServerUrl>'
)
_AUX = b'<PAMDataset>%s</PAMDataset>'
_TEXTS = (
  *(_VRT, _WMS, b'', b'\0' * 100, b'EHFA_HEADER_TAG' + bytes(100), b'{}'),
  b'<a>' * 5000,
  b'1\n0\n0\n-1\n0\n0\n',
  b'nan\n' * 6,
  b'1e999\n' * 6,
  b'0\n' * 6,
  _AUX % b'<SRS>no</SRS>',
  _AUX % b'<GeoTransform>1, 2, x</GeoTransform>',
  _AUX % b'<GeoTransform>nan, inf, 0, 0, 0, 0</GeoTransform>',
  _AUX % b'<PAMRasterBand band="1"><NoDataValue>no</NoDataValue>'
  b'</PAMRasterBand>',
  _AUX % b'<Metadata domain="OVERVIEWS"><MDI key="OVERVIEW_FILE">/etc/passwd'
  b'</MDI></Metadata>',
  _AUX % b'<GCPList><GCP Id="" Pixel="x" Line="1" X="nan" Y="2"/></GCPList>',
)
_ENDS = (
  *('.ovr', '.msk', '.aux.xml', '.aux', '.tfw', '.wld', '.prj', '.xml', '.gcp'),
  *('_RPC.TXT', '.rpb', '.imd', '.points'),
)
_EVALUATE = (
  *('evaluate', '--images=l.txt', '--checkpoint=m.npz', '--out=e'),
  '--methods=downsample,patch',
)


@st.composite
def sidecars(draw: DrawFn, seeds: Seeds) -> Case:
  """Draws a good image with files beside it that GDAL may open."""
  name = draw(st.sampled_from(('a.tif', 'a.tif', 'a.png', 'a.jpg')))
  files: dict[str, bytes | Special] = {'m.npz': Special('seed', 'm.npz')}
  files[name] = seeds[name]
  for _ in range(draw(st.sampled_from((1, 1, 2)))):
    end = draw(st.sampled_from(_ENDS))
    stem = draw(st.sampled_from((name, name.partition('.')[0])))
    kind = draw(st.integers(0, 3))
    if kind == 0:
      data = draw(fuzz_images.tiff())
    elif kind == 1:
      data = draw(damaged_bytes(seeds['packed.tif']))
    else:
      data = draw(st.sampled_from(_TEXTS))
    files[stem + end] = data
  more = draw(st.sampled_from(((), ('--overviews',), ('--bands=1,1,1',))))
  return Case('sidecars', ('segment', name, *QUICK, *more), files)


@st.composite
def resumed(draw: DrawFn, seeds: Seeds) -> Case:
  """Draws an evaluation to be resumed of which one file is malformed."""
  names = [n for n in seeds if n.startswith('e/')]
  name = draw(st.sampled_from(names))
  content = draw(damaged_record(name, seeds[name], cut=True))
  needed = ('e', 'l.txt', 'a.png', 'label.png', 'm.npz')
  files: dict[str, bytes | Special] = {n: Special('seed', n) for n in needed}
  return Case('resumed', _EVALUATE, files | {name: content}, continued='e')
