"""Valid files that the malformed ones are made from."""

import contextlib
import importlib.util
import io
import json
import math
import pathlib
import pickle
import struct
import zipfile

import numpy as np
from PIL import Image

from magnet_jax.cli import main
from magnet_jax.configs import tiny
from magnet_jax.evaluate import random_model
from magnet_jax.files import bundle, checkpoint_store, images
from magnet_jax.models import build
from magnet_jax.scenes import generator
from magnet_jax.types import Meta

SIZE = (40, 48)
COUNT = len(generator.CLASSES)


def write(folder: pathlib.Path) -> pathlib.Path:
  """Writes all of them; returns the folder."""
  folder.mkdir(parents=True, exist_ok=True)
  rng = np.random.default_rng(0)
  pixels = rng.integers(0, 256, (*SIZE, 3), np.uint8)
  label = np.zeros(SIZE, np.uint8)
  label[8:20, 10:30] = 5
  _images(folder, pixels)
  _with_place(folder)
  images.write_label(folder / 'label.png', label, generator.CLASSES)
  Image.fromarray(label).save(folder / 'label.tif')
  palette = generator.CLASSES.palette[label]
  Image.fromarray(palette).save(folder / 'colours.png')
  maps = rng.dirichlet(np.ones(COUNT), SIZE).astype(np.float16)
  np.save(folder / 'maps.npy', maps)
  np.savez(folder / 'maps.npz', maps)
  _models(folder, rng)
  _weights(folder, rng)
  _onnx(folder)
  _zips(folder)
  _evaluation(folder)
  return folder


def _images(folder: pathlib.Path, pixels: np.ndarray) -> None:
  image = Image.fromarray(pixels)
  image.save(folder / 'a.png')
  image.save(folder / 'a.jpg', quality=90)
  image.save(folder / 'a.tif')
  image.save(folder / 'packed.tif', compression='tiff_lzw')
  image.convert('L').save(folder / 'grey.png')
  image.convert('P').save(folder / 'palette.png')
  image.convert('RGBA').save(folder / 'alpha.png')
  image.convert('CMYK').save(folder / 'cmyk.jpg')
  deep = pixels[..., 0].astype(np.uint16) * 256
  Image.fromarray(deep).save(folder / 'deep.png')
  exif = Image.Exif()
  exif[274] = 6
  image.save(folder / 'turned.jpg', exif=exif)


def _with_place(folder: pathlib.Path) -> None:
  """A GeoTIFF in metres, if rasterio is there."""
  if importlib.util.find_spec('rasterio') is None:
    return
  from rasterio.crs import CRS

  from magnet_jax.rasters import geo_labels
  from magnet_jax.rasters.rasters import Place

  grey = np.arange(math.prod(SIZE), dtype=np.uint8).reshape(SIZE)
  crs = CRS.from_epsg(32633).to_wkt()
  place = Place(crs, (0.5, 0.0, 5e5, 0.0, -0.5, 4.5e6))
  geo_labels.export_labels(
    folder / 'geo.tif', iter([grey]), size=SIZE, place=place, classes=None
  )


def _models(folder: pathlib.Path, rng: np.random.Generator) -> None:
  """One model as a file, and as a run's folder of checkpoints."""
  config = tiny.get_config().to_dict()
  config['segmenter'] = {'name': 'unet', 'width': 2, 'levels': 1}
  refiner = {k: v for k, v in config['refiner'].items() if k != 'count'}
  segmenter = build.segmenter(num_classes=COUNT, **config['segmenter'])
  refinement = build.refinement(num_classes=COUNT, **refiner)
  pixels = np.zeros((1, 32, 32, 3), np.float32)
  maps = np.zeros((1, 8, 8, COUNT), np.float32)
  networks = {
    'segmenter': random_model.weights(rng, segmenter, pixels),
    'refiner': random_model.weights(rng, refinement, scale=maps, coarse=maps),
  }
  bundle.export(folder / 'm.npz', networks, Meta(config, generator.CLASSES))
  meta = Meta(config, generator.CLASSES, 'segmenter')
  where = folder / 'run' / 'segmenter' / 'checkpoints'
  with checkpoint_store.CheckpointStore(where) as store:
    store.save(1, {'average': networks['segmenter']}, meta, {'miou': 0.5})


def _weights(folder: pathlib.Path, rng: np.random.Generator) -> None:
  """Weights as others write them: .safetensors and .pkl."""
  names = ('stem.weight', 'stem.bias', 'head.weight')
  arrays = {n: rng.normal(size=(4, 3)).astype(np.float32) for n in names}
  header, data = {}, b''
  for name, array in arrays.items():
    ends = [len(data), len(data) + array.nbytes]
    header[name] = {'dtype': 'F32', 'shape': [4, 3], 'data_offsets': ends}
    data += array.tobytes()
  text = json.dumps(header).encode()
  (folder / 'w.safetensors').write_bytes(
    struct.pack('<Q', len(text)) + text + data
  )
  (folder / 'w.pkl').write_bytes(pickle.dumps({'model': arrays}, protocol=2))
  if importlib.util.find_spec('torch') is not None:
    import torch

    tensors = {name: torch.from_numpy(each) for name, each in arrays.items()}
    torch.save(tensors, folder / 'w.pth')


def _onnx(folder: pathlib.Path) -> None:
  """A convolution of one pixel."""
  import onnx
  from onnx import TensorProto, helper, numpy_helper

  kernel = np.ones((COUNT, 3, 1, 1), np.float32)
  node = helper.make_node('Conv', ['images', 'kernel'], ['logits'])
  shapes = [('images', ['b', 3, 'h', 'w']), ('logits', ['b', COUNT, 'h', 'w'])]
  inputs, outputs = (
    [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)]
    for name, shape in shapes
  )
  graph = helper.make_graph(
    [node], 'net', inputs, outputs, [numpy_helper.from_array(kernel, 'kernel')]
  )
  opsets = [helper.make_opsetid('', 13)]
  model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
  onnx.save(model, folder / 'net.onnx')


def _zips(folder: pathlib.Path) -> None:
  """The files of Cityscapes, of two images."""
  label = np.full((8, 8), 7, np.uint8)
  for name, kind, end, pixels in (
    ('leftImg8bit_trainvaltest', 'leftImg8bit', 'leftImg8bit', label),
    ('gtFine_trainvaltest', 'gtFine', 'gtFine_labelIds', label),
  ):
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, 'PNG')
    with zipfile.ZipFile(folder / f'{name}.zip', 'w') as archive:
      for split in ('train', 'val'):
        member = f'{kind}/{split}/town/town_000000_000000_{end}.png'
        archive.writestr(member, data.getvalue())


def _evaluation(folder: pathlib.Path) -> None:
  """The folder of an evaluation, for reports and to be resumed."""
  (folder / 'l.txt').write_text('a.png\tlabel.png\n')
  argv = ['evaluate', '--images=l.txt', '--checkpoint=m.npz', '--out=e']
  with (
    contextlib.chdir(folder),
    contextlib.redirect_stdout(io.StringIO()),
  ):
    assert not main.main([*argv, '--methods=downsample,patch'])
