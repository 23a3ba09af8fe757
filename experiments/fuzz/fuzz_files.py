"""Commands on malformed files: one strategy for each row of the table."""

import json
import pathlib
import struct

from fuzz_case import Case, Special
import fuzz_images
from fuzz_mutations import (
  damaged_bytes,
  damaged_json,
  damaged_record,
  damaged_zip,
)
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy


class Seeds(dict[str, bytes]):
  """Content by path."""

  def __repr__(self) -> str:
    """Returns few words, as Hypothesis prints the arguments of strategies."""
    return f'Seeds of {len(self)} files'


# Segmented without compiling much, as most malformed images are refused before.
QUICK = ('--checkpoint=m.npz', '--method=downsample', '--no-panel', '--out=o')
_M = {'m.npz': Special('seed', 'm.npz')}
_A = {'a.png': Special('seed', 'a.png')}
_L = {'label.png': Special('seed', 'label.png')}


def read(folder: pathlib.Path) -> Seeds:
  """Reads the files of the seeds, by their paths."""
  return Seeds(
    (str(path.relative_to(folder)), path.read_bytes())
    for path in sorted(folder.rglob('*'))
    if path.is_file()
  )


@st.composite
def images(draw: DrawFn, seeds: Seeds) -> Case:
  """Draws a malformed image for segment, refine, init or evaluate."""
  name, data = draw(fuzz_images.any_image(seeds))
  command = draw(
    st.sampled_from(('segment', 'segment', 'segment', 'refine', 'evaluate'))
  )
  files = {name: data}
  if command == 'segment':
    more = draw(
      st.sampled_from(
        ((), (), ('--memory=0.5',), ('--bands=1,1,1',), ('--stretch=2-98',))
      )
    )
    return Case('images', ('segment', name, *QUICK, *more), files | _M)
  if command == 'refine':
    argv = ('refine', name, '--label=label.png', '--out=o')
    return Case('images', argv, files | _L)
  argv = ('evaluate', '--images=l.txt', '--methods=downsample')
  files |= {'l.txt': f'{name}\tlabel.png\n'.encode()}
  return Case(
    'images', (*argv, '--checkpoint=m.npz', '--out=o'), files | _M | _L
  )


@st.composite
def labels(draw: DrawFn, seeds: Seeds) -> Case:
  """Draws a malformed label or map of probabilities."""
  if draw(st.booleans()):
    name = draw(st.sampled_from(('maps.npy', 'maps.npz')))
    how = draw(st.integers(0, 2))
    if name == 'maps.npz':
      data = draw(damaged_zip(seeds[name]))
    elif how:
      data = draw(fuzz_images.npy(seeds[name]))
    else:
      data = draw(damaged_bytes(seeds[name]))
    argv = ('refine', 'a.png', f'--probabilities={name}', '--out=o')
    return Case('labels', argv, {name: data} | _A)
  name, data = draw(fuzz_images.any_image(seeds))
  if draw(st.integers(0, 2)) == 0:
    label = draw(st.sampled_from(('label.png', 'label.tif', 'colours.png')))
    name, data = f'b{label}', draw(damaged_bytes(seeds[label]))
  files = {name: data} | _A
  if draw(st.booleans()):
    more = draw(st.sampled_from(((), ('--classes=scenes',))))
    argv = ('refine', 'a.png', f'--label={name}', '--out=o', *more)
    return Case('labels', argv, files)
  argv = ('evaluate', '--images=l.txt', '--methods=downsample')
  files |= {'l.txt': f'a.png\t{name}\n'.encode()}
  return Case('labels', (*argv, '--checkpoint=m.npz'), files | _M)


@st.composite
def checkpoints(draw: DrawFn, seeds: Seeds) -> Case:
  """Draws a malformed model: a file of magnet-jax or of ONNX."""
  kind = draw(st.sampled_from(('npz', 'npz', 'meta', 'onnx')))
  if kind == 'onnx':
    files = {'b.onnx': draw(damaged_bytes(seeds['net.onnx']))} | _A | _M
    argv = (
      'segment',
      'a.png',
      '--segmenter=b.onnx',
      '--refiner=m.npz',
      '--out=o',
    )
    return Case('onnx', (*argv, '--method=downsample', '--no-panel'), files)
  data = seeds['m.npz']
  data = draw(with_meta(data) if kind == 'meta' else damaged_zip(data))
  more = {'b.npz': data} | _A
  command = draw(st.sampled_from(('segment', 'segment', 'convert')))
  if command == 'convert':
    argv = ('convert', 'b.npz', '--to=npz', '--out=c.npz')
    return Case('checkpoints', argv, more)
  argv = ('segment', 'a.png', '--checkpoint=b.npz', *QUICK[1:])
  return Case('checkpoints', argv, more)


def with_meta(data: bytes) -> SearchStrategy[bytes]:
  """Draws a model file with malformed metadata."""
  import io
  import zipfile

  import numpy as np

  with zipfile.ZipFile(io.BytesIO(data)) as archive:
    members = {name: archive.read(name) for name in archive.namelist()}
  text = np.load(io.BytesIO(members.pop('__meta__.npy'))).tobytes()

  def packed(meta: bytes) -> bytes:
    file, array = io.BytesIO(), io.BytesIO()
    np.save(array, np.frombuffer(meta, np.uint8))
    with zipfile.ZipFile(file, 'w') as archive:
      for name, content in {
        **members,
        '__meta__.npy': array.getvalue(),
      }.items():
        archive.writestr(name, content)
    return file.getvalue()

  return damaged_json(json.loads(text)).map(packed)


@st.composite
def foreign(draw: DrawFn, seeds: Seeds) -> Case:
  """Draws a malformed file of weights for convert."""
  kind = draw(st.sampled_from(('safetensors', 'header', 'pkl', 'pth')))
  argv = ['--out=o']
  if kind == 'header':
    data = seeds['w.safetensors']
    length = int.from_bytes(data[:8], 'little')
    text = draw(damaged_json(json.loads(data[8 : 8 + length])))
    data = struct.pack('<Q', len(text)) + text + data[8 + length :]
    name = 'b.safetensors'
  else:
    seed = {'pth': 'w.pth', 'pkl': 'w.pkl'}.get(kind, 'w.safetensors')
    data, name = seeds.get(seed, b'PK'), f'b.{kind}'
    data = draw(
      damaged_zip(data)
      if kind == 'pth' and len(data) > 2
      else damaged_bytes(data)
    )
  return Case('foreign weights', ('convert', name, *argv), {name: data})


@st.composite
def stores(draw: DrawFn, seeds: Seeds) -> Case:
  """Draws a run's folder of which one file is damaged, missing or odd."""
  name = draw(st.sampled_from([n for n in seeds if n.startswith('run/')]))
  how = draw(st.integers(0, 3))
  content: bytes | Special
  if how == 0:
    content = draw(st.sampled_from((b'', b'{}', b'[]', b'null', b'\0' * 100)))
  else:
    data = seeds[name]
    try:
      content = draw(damaged_json(json.loads(data)))
    except ValueError:
      content = draw(damaged_bytes(data))
  files = {'run': Special('seed', 'run'), name: content} | _A
  argv = ('segment', 'a.png', '--checkpoint=run', *QUICK[1:])
  return Case('run folders', argv, files)


@st.composite
def zips(draw: DrawFn, seeds: Seeds) -> Case:
  """Draws the zip files of Cityscapes, one of them malformed."""
  names = ('leftImg8bit_trainvaltest.zip', 'gtFine_trainvaltest.zip')
  which = draw(st.sampled_from(names))
  files = {f'd/{n}': seeds[n] for n in names}
  files[f'd/{which}'] = draw(damaged_zip(seeds[which]))
  argv = ('prepare', 'cityscapes_magnet', '--manual_dir=d', '--data_dir=s')
  return Case('zips', argv, files)


@st.composite
def lists(draw: DrawFn, seeds: Seeds) -> Case:
  """Draws folders and lists of images for init and prepare, with odd files."""
  files: dict[str, bytes | Special] = {}
  pairs = draw(st.integers(0, 4))
  for number in range(pairs):
    files[f'd/images/{number}.png'] = seeds['a.png']
    files[f'd/labels/{number}.png'] = seeds['label.png']
  place = draw(st.sampled_from(('d/images', 'd/labels', 'd')))
  for _ in range(draw(st.integers(0, 2))):
    name, data = draw(fuzz_images.any_image(seeds))
    where = draw(st.sampled_from(('0', '1', 'x', 'é', '=1', ' ', "a'b", '%s')))
    files[f'{place}/{where}.{name.rpartition(".")[2]}'] = data
  text = draw(st.sampled_from(_LISTS))
  if text:
    files['l.txt'] = text
  argv = draw(
    st.sampled_from(
      (
        ('init', 'd', '--out=o'),
        ('init', 'l.txt', '--out=o'),
        ('init', 'd', '--classes=c.txt', '--out=o'),
        (
          'prepare',
          'file_list/x',
          '--manual_dir=d',
          '--data_dir=s',
          '--classes=scenes',
        ),
      )
    )
  )
  files['c.txt'] = draw(damaged_bytes(b'meadow\ncrop\nroad\nwater\nbasin\n'))
  return Case('folders and lists', argv, files)


_LISTS = (
  *(b'', b'a.png\tlabel.png\n', b'd/images/0.png\td/labels/0.png\n' * 3),
  *(b'\xff\xfe\0', b'\0' * 100, b'a\tb\tc\n', b'a', b'\t\n', b'\n\n\n'),
  *(b'/dev/zero\t/dev/zero\n', b'/etc/passwd\t/etc/passwd\n', b'a' * 10**5),
  *(b'd/images/0.png\td/labels/0.png\nd/images/1.png\td/labels/1.png\n',),
  *(b'../x\t../y\n', b'd\td\n', 'é\té\n'.encode('utf-16')),
)


@st.composite
def reports(draw: DrawFn, seeds: Seeds) -> Case:
  """Draws the folder of an evaluation with one malformed file."""
  names = [n for n in seeds if n.startswith('e/') and not n.endswith('html')]
  name = draw(st.sampled_from(names))
  content = draw(damaged_record(name, seeds[name]))
  files = {'e': Special('seed', 'e'), name: content}
  argv = draw(st.sampled_from((('report', 'e'), ('report', 'e', '--files=f'))))
  return Case('reports', argv, files, continued='e')
