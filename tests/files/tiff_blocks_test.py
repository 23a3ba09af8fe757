"""TIFFs that leave out tiles or strips, and those that hold none."""

import io
import struct

import numpy as np
from picture_files import noise
from PIL import Image
import pytest

from magnet_jax.files import decoding, images, tiff_blocks
from magnet_jax.types import InputError

# Of tags: starts and byte counts of strips and tiles.
STRIPS, TILES = (273, 279), (324, 325)


def tiff(tags, *, lists=(), order='<', big=False, data=b''):
  """A TIFF of tags with one value each, of lists of long values, and data."""
  entry, long = ('HHQQ', 16) if big else ('HHII', 4)
  tags = {tag: (4, 1, value) for tag, value in tags.items()}
  place = (16 if big else 8) + (8 if big else 2)
  place += struct.calcsize(order + entry) * (len(tags) + len(lists))
  more = b''
  for tag, values in lists:
    packed = struct.pack(f'{order}{len(values)}{"Q" if big else "I"}', *values)
    inside = len(packed) <= (8 if big else 4)
    value = values[0] if inside else place + len(more)
    tags[tag] = (long, len(values), value)
    more += b'' if inside else packed
  sign = b'II' if order == '<' else b'MM'
  head = (
    struct.pack(f'{order}HHHQQ', 43, 8, 0, 16, len(tags))
    if big
    else struct.pack(f'{order}HIH', 42, 8, len(tags))
  )
  for tag in sorted(tags):
    kind, count, value = tags[tag]
    if kind == 4 and order == '>' and big:
      value <<= 32  # an inline value is at the left
    head += struct.pack(order + entry, tag, kind, count, value)
  return sign + head + more + data


def look(data):
  return tiff_blocks.look('a.tif', io.BytesIO(data))


@pytest.mark.parametrize('order', '<>')
@pytest.mark.parametrize('big', [False, True])
def test_tiles_and_strips(order, big):
  tiled = {256: 50, 257: 20, 322: 16, 323: 16}
  starts, counts = [0, 9, 9, 0, 9, 0, 9, 9], [1, 1, 0, 0, 1, 1, 1, 1]
  lists = list(zip(TILES, (starts, counts), strict=True))
  found = look(tiff(tiled, lists=lists, order=order, big=big))
  assert found.size == (16, 16) and (found.missing, found.count) == (4, 8)
  expected = [[False, True, False, False], [True, False, True, True]]
  np.testing.assert_array_equal(found.held, expected)
  strips = {256: 50, 257: 20, 278: 8}
  lists = list(zip(STRIPS, ([9, 0, 9], [1, 1, 1]), strict=True))
  found = look(tiff(strips, lists=lists, order=order, big=big))
  assert found.size == (8, 50) and found.missing == 1
  np.testing.assert_array_equal(found.held, [[True], [False], [True]])
  # One strip, without its length and its rows.
  found = look(tiff({256: 50, 257: 20}, lists=[(273, [9])], order=order))
  assert found.size == (20, 50) and found.held.all()


def test_bands_that_are_stored_apart():
  tags = {256: 32, 257: 16, 277: 3, 284: 2, 322: 16, 323: 16}
  found = look(tiff(tags, lists=[(324, [0, 0, 9, 0, 0, 0])]))
  np.testing.assert_array_equal(found.held, [[True, False]])
  assert (found.missing, found.count) == (5, 6)


@pytest.mark.parametrize(
  ('sides', 'listed', 'words'),
  [
    ((300_000, 300_000), [100], 'lists 1 tiles or strips of the 343396'),
    ((2**32 - 1, 2**32 - 1), [1] * 9, 'lists 9 tiles .* is damaged, copy'),
    ((1024, 1024), [0] * 4, 'holds no pixels: all of its 4 tiles'),
    ((1024, 1024), [0], 'lists 1 .* of the 4 '),
  ],
)
def test_claims_that_nothing_is_behind(sides, listed, words):
  tags = {256: sides[0], 257: sides[1], 322: 512, 323: 512}
  lists = [(tag, listed) for tag in TILES]
  with pytest.raises(InputError, match=words):
    look(tiff(tags, lists=lists, data=bytes(1000)))


def _shared(count, places, *, side=512, left_out=0):
  """Looks at tiles in a row that are stored at so many places."""
  starts = [9 + number % places for number in range(count)] + [0] * left_out
  tags = {256: side * len(starts), 257: side, 322: side, 323: side}
  return look(tiff(tags, lists=[(tag, starts) for tag in TILES]))


@pytest.mark.parametrize(('count', 'places'), [(3000, 1), (3000, 29)])
def test_few_tiles_that_are_shown_many_times(count, places):
  words = f'a.tif: shows {places} tiles or strips {count} times: .*; if it '
  with pytest.raises(InputError, match=words):
    _shared(count, places)
  with pytest.raises(InputError, match=words):
    _shared(count, places, left_out=3000)


@pytest.mark.parametrize(
  ('count', 'places', 'side', 'left_out'),
  [
    (3000, 30, 512, 0),  # a sea
    (500, 1, 512, 0),  # small
    (3000, 1, 16, 0),
    (1, 1, 16384, 0),  # a single tile
    (50, 1, 512, 10**4),  # sparse
  ],
)
def test_tiles_that_are_shared_rightly(count, places, side, left_out):
  found = _shared(count, places, side=side, left_out=left_out)
  assert found.missing == left_out and np.count_nonzero(found.held) == count


def test_lists_that_the_file_ends_in():
  tags = {256: 1024, 257: 1024, 322: 16, 323: 16}
  data = tiff(tags, lists=[(tag, [9] * 4096) for tag in TILES])
  with pytest.raises(InputError, match='lists 4086 tiles'):
    look(data[:-40])


def test_a_million_blocks_are_looked_at_quickly():
  side = 16 * 1184
  tags = {256: side, 257: side, 322: 16, 323: 16}
  lists = [(tag, [0] * 1184**2) for tag in TILES]
  with pytest.raises(InputError, match='all of its 1401856'):
    look(tiff(tags, lists=lists))


@pytest.mark.parametrize(
  'data',
  [
    b'',
    b'II*\0',
    b'II*\0\xff\xff\xff\xff',
    b'II+\0\x08\0\0\0' + b'\xff' * 8,
    b'II+\0\x08\0\0\0' + b'\xff' * 7 + b'\x7f',
    tiff({}),
    tiff({256: 0, 257: 0}, lists=[(273, [0])]),
    tiff({256: 9, 257: 9, 278: 0}, lists=[(273, [0])]),
    tiff({256: 9, 257: 9, 277: 0, 284: 2}, lists=[(273, [0])]),
    tiff({256: 9, 257: 9, 259: 6}, lists=[(273, [0])]),
    tiff({256: 9, 257: 9}),
    tiff({256: 9, 257: 9}, lists=[(273, [9])])[:-4],
  ],
)
def test_tags_that_cannot_be_told(data):
  assert look(data) is None


def _left_out(path, strip):
  """A TIFF of raw strips of which one is left out."""
  stream = io.BytesIO()
  Image.fromarray(noise((300, 200, 3))).save(
    stream, 'TIFF', tiffinfo={278: 100}
  )
  data = stream.getvalue()
  with Image.open(io.BytesIO(data)) as image:
    starts = list(image.tag_v2[273])
  before = struct.pack(f'<{len(starts)}I', *starts)
  assert len(starts) > 2 and data.count(before) == 1
  starts[strip] = 0
  path.write_bytes(
    data.replace(before, struct.pack(f'<{len(starts)}I', *starts))
  )
  return path


def test_pillow_reads_no_tiff_that_leaves_out_strips(tmp_path):
  path = _left_out(tmp_path / 'a.tif', 1)
  for source in (path, decoding.Encoded('a.tif', path.read_bytes())):
    with pytest.raises(
      InputError, match=r'leaves out 1 of its 3 .*; fill them'
    ):
      images.read_image(source)
  assert images.read_size(path) == (300, 200)
