"""Malformed images: formats whose own checks a random change would not pass."""

import io
import struct
import zlib

import fuzz_mutations
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from PIL import Image

_SIDES = (0, 1, 7, 48, 65535, 40_000, 100_000, 2**31 - 1, 2**31, 2**32 - 1)
_BOMB = zlib.compress(bytes(10**8), 9)


def _chunk(kind: bytes, data: bytes) -> bytes:
  check = zlib.crc32(kind + data)
  return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', check)


@st.composite
def png(draw: DrawFn, data: bytes) -> bytes:
  """Draws a PNG with another header or further chunks, and right checksums."""
  width, height, depth, colour, *rest = struct.unpack('>IIBBBBB', data[16:29])
  if draw(st.booleans()):
    width = draw(st.sampled_from((width, *_SIDES)))
    height = draw(st.sampled_from((height, *_SIDES)))
  if draw(st.integers(0, 3)) == 0:
    depth = draw(st.sampled_from((0, 1, 2, 3, 4, 8, 16, 255)))
    colour = draw(st.sampled_from((0, 1, 2, 3, 4, 6, 255)))
  if draw(st.integers(0, 5)) == 0:
    rest = draw(st.lists(st.integers(0, 255), min_size=3, max_size=3))
  header = struct.pack('>IIBBBBB', width, height, depth, colour, *rest)
  more = b''.join(draw(st.lists(st.sampled_from(_CHUNKS), max_size=2)))
  body = data[33:]
  if draw(st.integers(0, 4)) == 0:
    body = _chunk(b'IDAT', _BOMB) + body
  return data[:8] + _chunk(b'IHDR', header) + more + body


_CHUNKS = (
  _chunk(b'zTXt', b'a\0\0' + _BOMB),
  _chunk(b'iTXt', b'a\0\1\0\0\0' + _BOMB),
  _chunk(b'iCCP', b'a\0\0' + _BOMB),
  _chunk(b'iCCP', b'a\0\0' + zlib.compress(b'x' * 200)),
  _chunk(b'tEXt', b'a\0' + b'\xff' * 10**6),
  _chunk(b'eXIf', b'MM\0*\xff\xff\xff\xff'),
  _chunk(b'eXIf', b'II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\x09\0\0\0'),
  _chunk(b'PLTE', b''),
  _chunk(b'PLTE', bytes(1000)),
  _chunk(b'tRNS', bytes(300)),
  _chunk(b'gAMA', b'\xff' * 4),
  _chunk(b'acTL', b'\0\0\0\x02\0\0\0\0'),
  _chunk(b'fcTL', bytes(26)),
  _chunk(b'IEND', b''),
  _chunk(b'IHDR', bytes(13)),
  _chunk(b'ABCD', bytes(10)),
)


@st.composite
def jpeg(draw: DrawFn, data: bytes) -> bytes:
  """Draws a JPEG of another size, number of colours or metadata."""
  found = bytearray(data)
  place = 2
  while found[place] == 0xFF and not 0xC0 <= found[place + 1] <= 0xC2:
    place += 2 + int.from_bytes(found[place + 2 : place + 4], 'big')
  sides = [draw(st.sampled_from((0, 1, 40, 9999, 32767, 65535))) for _ in '12']
  found[place + 5 : place + 9] = struct.pack('>HH', *sides)
  if draw(st.integers(0, 3)) == 0:
    found[place + draw(st.integers(1, 20))] = draw(st.integers(0, 255))
  if draw(st.integers(0, 2)) == 0:
    more = draw(st.binary(max_size=40))
    begin = draw(
      st.sampled_from((b'Exif\0\0', b'Adobe', b'ICC_PROFILE\0', b''))
    )
    size = struct.pack('>H', len(begin + more) + 2)
    marker = bytes([0xFF, draw(st.integers(0xE0, 0xEF))])
    found[2:2] = marker + size + begin + more
  return bytes(found)


@st.composite
def tiff(draw: DrawFn) -> bytes:
  """Draws a TIFF of a few hundred bytes that claims anything."""
  side = st.sampled_from((*_SIDES, 16, 40))
  tags: dict[int, tuple[int, ...]] = {
    256: (4, draw(side)),
    257: (4, draw(side)),
    258: (3, draw(st.sampled_from((1, 8, 8, 8, 16, 32, 64, 3, 0)))),
    259: (3, draw(st.sampled_from((1, 1, 1, 5, 7, 8, 32773, 34712, 50000, 0)))),
    262: (3, draw(st.sampled_from((0, 1, 2, 3, 5, 6, 8, 99)))),
    277: (3, draw(st.sampled_from((1, 1, 3, 4, 0, 65535)))),
    284: (3, draw(st.sampled_from((1, 2)))),
    339: (3, draw(st.sampled_from((1, 2, 3, 9)))),
  }
  if draw(st.booleans()):
    tile = draw(st.sampled_from((16, 256, 512, 2**16, 0, 2**31)))
    tags |= {322: (4, tile), 323: (4, tile), 324: (4, 200), 325: (4, 100)}
  else:
    rows = draw(st.sampled_from((1, 8, 2**31, 0)))
    tags |= {278: (4, rows), 273: (4, 200), 279: (4, 100)}
  for tag in draw(st.lists(st.sampled_from(sorted(tags)), max_size=2)):
    if draw(st.booleans()):
      tags.pop(tag, None)
    else:
      number = draw(st.sampled_from((0, 1, 2**16, 2**31, 2**32 - 1)))
      tags[tag] = (draw(st.integers(0, 18)), number)
  if draw(st.integers(0, 3)) == 0:
    tags[draw(st.sampled_from((274, 320, 330, 34665, 33550, 34735)))] = (4, 200)
  big = draw(st.integers(0, 5)) == 0
  size = draw(st.sampled_from((100, 4000, 10**6)))
  count = draw(st.sampled_from((0, 0, 1, 4, 100, 3000)))
  if not count or 322 not in tags:
    return _tiff_of(tags, big, size)
  # As many tiles as are listed, most of them left out or elsewhere.
  length = 8 if big else 4
  starts = [draw(st.sampled_from((0, 0, 9, 300, 2**31))) for _ in range(4)]
  listed = [starts[number % 4] for number in range(count)]
  packed = struct.pack(f'<{count}{"Q" if big else "I"}', *listed)
  kind = 16 if big else 4
  tags |= {256: (4, 512 * count), 257: (4, 512), 322: (4, 512), 323: (4, 512)}
  lists = {324: (kind, count, 400), 325: (kind, count, 400)}
  if count * length <= length:
    lists = {tag: (kind, 1, starts[0]) for tag in lists}
  data = _tiff_of(tags | lists, big, 0).ljust(400, b'\0')
  return data + packed + bytes(size)


def _tiff_of(tags: dict[int, tuple[int, ...]], big: bool, size: int) -> bytes:
  """Packs tags of (type, value) or (type, count, value)."""
  if big:
    head = struct.pack('<2sHHHQQ', b'II', 43, 8, 0, 16, len(tags))
    entry = '<HHQQ'
  else:
    head, entry = struct.pack('<2sHIH', b'II', 42, 8, len(tags)), '<HHII'
  for tag in sorted(tags):
    kind, *count, value = tags[tag]
    head += struct.pack(entry, tag, kind, *(count or [1]), value)
  return head.ljust(200, b'\0') + bytes(size)


@st.composite
def npy(draw: DrawFn, data: bytes) -> bytes:
  """Draws an array file with another header."""
  length = int.from_bytes(data[8:10], 'little')
  body = data[10 + length :]
  header = draw(
    st.sampled_from(
      (
        "{'descr': '<f2', 'fortran_order': False, 'shape': (40, 48, 7), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (40, 48, 7), }",
        "{'descr': '<f8', 'fortran_order': True, 'shape': (40, 48, 7), }",
        "{'descr': '<f2', 'fortran_order': False, 'shape': (40, 48), }",
        "{'descr': '<f2', 'fortran_order': False, 'shape': (1%s, 9, 7), }"
        % ('0' * 9),
        "{'descr': '<f2', 'fortran_order': False, 'shape': (-1, 48, 7), }",
        "{'descr': '<f2', 'fortran_order': False, 'shape': (1%s,), }"
        % ('0' * 5000),
        "{'descr': '<f2', 'fortran_order': False, 'shape': (0, 0, 0), }",
        "{'descr': '|O', 'fortran_order': False, 'shape': (40, 48, 7), }",
        "{'descr': '<c8', 'fortran_order': False, 'shape': (40, 48, 7), }",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (40, 48, 14), }",
        "{'descr': '|S99999', 'fortran_order': False, 'shape': (40,), }",
        "{'descr': [('a', '<f2')], 'fortran_order': False, 'shape': (40, 48,)}",
        "{'descr': 'no', 'fortran_order': 1, 'shape': 'a'}",
        '{' * 300,
        '__import__("os").system("touch pwned")',
      )
    )
  ).encode()
  version = draw(st.sampled_from((1, 1, 1, 2, 3, 9)))
  size = struct.pack('<H' if version == 1 else '<I', len(header))
  return b'\x93NUMPY' + bytes([version, 0]) + size + header + body


def of_mode(mode: str, kind: str, size: tuple[int, int] = (48, 40)) -> bytes:
  """Returns a valid image of an unusual mode or format."""
  file = io.BytesIO()
  Image.new(mode, size).save(file, kind)
  return file.getvalue()


# What other readers than those of images take for their own.
_TEXTS = (
  '<VRTDataset rasterXSize="48" rasterYSize="40"><VRTRasterBand dataType="Byte"'
  ' band="1" subClass="VRTRawRasterBand"><SourceFilename>/etc/passwd'
  '</SourceFilename></VRTRasterBand></VRTDataset>',
  '<GDAL_WMS><Service name="TMS"><ServerUrl>http://127.0.0.1:1/</ServerUrl>'
  '</Service></GDAL_WMS>',
  'http://127.0.0.1:1/a.png',
  '%!PS-Adobe-3.0\n/etc/passwd run\n',
  '<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/>',
)
UNUSUAL = tuple(
  (f'b.{end}', of_mode(mode, kind, size))
  for end, kind, mode, size in (
    ('png', 'PNG', '1', (48, 40)),
    ('png', 'PNG', 'LA', (48, 40)),
    ('png', 'PNG', 'I;16', (48, 40)),
    ('png', 'PNG', 'L', (1, 1)),
    ('png', 'PNG', 'L', (1, 3000)),
    ('png', 'PNG', 'RGB', (3000, 1)),
    ('tif', 'TIFF', 'F', (48, 40)),
    ('tif', 'TIFF', 'I', (48, 40)),
    ('tif', 'TIFF', 'RGBA', (48, 40)),
    ('tif', 'TIFF', 'LAB', (48, 40)),
    ('tif', 'TIFF', 'CMYK', (48, 40)),
    ('gif', 'GIF', 'P', (48, 40)),
    ('bmp', 'BMP', 'RGB', (48, 40)),
    ('webp', 'WEBP', 'RGB', (48, 40)),
    ('png', 'GIF', 'P', (48, 40)),
    ('jpg', 'PNG', 'RGB', (48, 40)),
    ('png', 'JPEG', 'RGB', (48, 40)),
    ('jpg', 'TIFF', 'RGB', (48, 40)),
  )
) + tuple(('b.jpg', text.encode()) for text in _TEXTS)


@st.composite
def any_image(draw: DrawFn, seeds: dict[str, bytes]) -> tuple[str, bytes]:
  """Draws the name and the content of a malformed image."""
  kind = draw(st.sampled_from(('bytes', 'bytes', 'png', 'jpeg', 'tiff', 'odd')))
  if kind == 'odd':
    return draw(st.sampled_from(UNUSUAL))
  if kind == 'png':
    return 'b.png', draw(
      png(seeds[draw(st.sampled_from(('a.png', 'grey.png')))])
    )
  if kind == 'jpeg':
    return 'b.jpg', draw(jpeg(seeds['a.jpg']))
  if kind == 'tiff':
    return 'b.tif', draw(tiff())
  name = draw(st.sampled_from(_SEEDS))
  end = name.rpartition('.')[2]
  return f'b.{end}', draw(fuzz_mutations.damaged_bytes(seeds[name]))


_SEEDS = (
  *('a.png', 'a.jpg', 'a.tif', 'packed.tif', 'palette.png', 'alpha.png'),
  *('cmyk.jpg', 'deep.png', 'turned.jpg'),
)
