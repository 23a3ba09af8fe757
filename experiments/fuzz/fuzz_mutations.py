"""Ways to damage a file or a value: strategies of Hypothesis."""

import copy
import io
import json
import struct
import warnings
import zipfile

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

NUMBERS = (
  *('', ' ', '-1', '0', '1', '2', '-0', '1.5', '-1.0', '1e999', '1e-999'),
  *('nan', '-nan', 'inf', '-inf', '0x10', '1_000', '+5', ' 5', '5 ', '1e3'),
  *('²', '１２', '٣', '9' * 30, '9' * 5000, '0' * 5000, '1' + '0' * 18),
  *('2147483648', '4294967296', '18446744073709551616', '.', 'e', '1e', '--'),
  *('true', 'None', '[]', '(1, 2)', '{}', '1,2', '1,,2', ',', ',1', '1;2'),
  *('1x2', 'x', 'x1', '1x', '0x0', '1x2x3', '1X2', '99999999x1', '1×2', 'axb'),
  *('0.5,0.2', '0.5,', '1,nan', '0.5,-1', '1e400', '1/2', '5%', 'a', 'half'),
)
TEXTS = (
  *('', ' ', '\t', '\n', '-', '--', '=', ':', ',', ',,', '.', 'a,b', 'a, b'),
  *('é', '🙂', 'ﬀ', '\u202e', '\x1b[2J', '\x00', '\ud800', '\udcff', 'a\nb'),
  *('%s', '%n', '{}', '{0}', '$HOME', '~', '*', '?', '[', ']', '\\', '"', "'"),
  *('a' * 300, 'a/' * 2500, 'null', 'None', 'true', 'nan', '0', '1e999'),
  *('os:system', 'os:', ':x', 'a:b:c', 'builtins:exec', 'missing.mod:f'),
  *('file:///etc/passwd', 'http://127.0.0.1:1/x', 'ftp://127.0.0.1:1/x'),
  *('/vsicurl/http://127.0.0.1:1/x', '/vsimem/x', '/vsistdin/', '/vsizip/a'),
  *('HDF5:"a"://b', 'NETCDF:a:b', 'GTIFF_DIR:1:a.tif', 'WMS:http://127.0.0.1'),
  *('javascript:alert(1)', '<script>', '&amp;', "' or 1", '=1+1', '@x'),
)
# That a command may be told to read or write; nothing outside is changed.
PATHS = (
  *('a.png', 'label.png', 'm.npz', 'net.onnx', 'run', 'missing', 'missing.png'),
  *('folder', 'empty', 'fifo', 'loop', 'zero', 'gone', 'a.png/x', 'missing/x'),
  *('fifo/x', 'loop/x', 'folder/', './/a.png', '/dev/null', '/dev/null/x'),
  *('/dev/full', '/dev/stdin', '/dev/fd/0', '/proc/self/mem', '/proc/none/x'),
  *('/proc/none', '/sys/none', '/sys/none/x', '/etc/passwd', '..', '../..'),
)
NASTY = st.sampled_from((*NUMBERS, *TEXTS, *PATHS))
# What stands for text that json cannot write itself.
_WRITTEN = {
  '@deep': '[' * 5000 + ']' * 5000,
  '@nested': '[' * 60 + ']' * 60,
  '@objects': '{"a":' * 60 + '1' + '}' * 60,
  '@digits': '1' * 5000,
  '@twice': '{"a": 1, "a": 2}',
}
_NUMBERS = (
  *(0, 1, -1, 2**31 - 1, 2**31, 2**32, 2**63, -(2**63), 2**64, 10**400),
  *(0.5, -0.5, 1e308, float('nan'), float('inf'), float('-inf'), 1e-320),
)


@st.composite
def values(draw: DrawFn) -> object:
  """Draws a value that a JSON file may hold and nobody expects."""
  kind = draw(st.integers(0, 6))
  if kind == 0:
    return draw(st.sampled_from((None, True, False, [], {}, '', [None], [[]])))
  if kind <= 2:
    return draw(st.sampled_from(_NUMBERS))
  if kind <= 4:
    return draw(NASTY)
  if kind == 5:
    return draw(st.lists(st.sampled_from(_NUMBERS), max_size=4))
  return draw(st.sampled_from(list(_WRITTEN)))


@st.composite
def damaged_bytes(draw: DrawFn, data: bytes) -> bytes:
  """Draws a damaged copy of a file's content."""
  return draw(st.sampled_from(_DAMAGES))(draw, data)


def _cut(draw: DrawFn, data: bytes) -> bytes:
  return data[: draw(st.integers(0, max(len(data) - 1, 0)))]


def _flip(draw: DrawFn, data: bytes) -> bytes:
  found = bytearray(data)
  # Most faults are in headers, which are at the beginning, or for zip the end.
  reach = draw(st.sampled_from((32, 256, len(data))))
  for _ in range(draw(st.sampled_from((1, 2, 8, 40)))):
    place = draw(st.integers(0, max(min(reach, len(data)) - 1, 0)))
    if draw(st.integers(0, 3)) == 0:
      place = len(data) - 1 - place
    if found:
      found[place] = draw(st.integers(0, 255))
  return bytes(found)


def _number(draw: DrawFn, data: bytes) -> bytes:
  """Overwrites a number of a header by an extreme one."""
  form = draw(st.sampled_from(('<H', '>H', '<I', '>I', '<Q', '>Q')))
  size = struct.calcsize(form)
  most = 256**size - 1
  number = draw(
    st.sampled_from((0, 1, most, most // 2, most // 2 + 1, 40000 % most, 65535))
  )
  place = draw(st.integers(0, max(min(len(data) - size, 300), 0)))
  return data[:place] + struct.pack(form, number) + data[place + size :]


def _zeros(draw: DrawFn, data: bytes) -> bytes:
  first = draw(st.integers(0, len(data)))
  last = draw(st.integers(first, len(data)))
  return data[:first] + bytes(last - first) + data[last:]


def _twice(draw: DrawFn, data: bytes) -> bytes:
  first = draw(st.integers(0, len(data)))
  last = draw(st.integers(first, len(data)))
  return data[:last] + data[first:]


def _other(draw: DrawFn, data: bytes) -> bytes:
  """Something else altogether."""
  return draw(
    st.sampled_from(
      (
        *(b'', b'\0', b'\n', b'text', bytes(1000), b'\xff' * 1000),
        *(b'PK\x03\x04', b'\x93NUMPY', b'\x89PNG\r\n\x1a\n', b'II*\0'),
        *(b'II*\0\x08\0\0\0', b'MM\0*\0\0\0\x08', b'II+\0\x08\0\0\0'),
        *(b'\xff\xd8\xff', b'GIF89a', b'%PDF-1.4', b'<VRTDataset/>', b'{}'),
        *(b'[' * 10**5, b'\x80\x02.', b'RIFF\0\0\0\0WEBP', b'BM'),
      )
    )
  )


_DAMAGES = (_cut, _cut, _flip, _flip, _number, _number, _zeros, _twice, _other)


@st.composite
def damaged_json(draw: DrawFn, value: object) -> bytes:
  """Draws a JSON file like that of a value, with other content or damage."""
  value = copy.deepcopy(value)
  for _ in range(draw(st.sampled_from((1, 1, 1, 2, 4)))):
    value = _changed(draw, value)
  text = json.dumps(value)
  for word, written in _WRITTEN.items():
    text = text.replace(f'"{word}"', written)
  try:
    data = text.encode()
  except UnicodeEncodeError:
    data = text.encode('utf-8', 'surrogatepass')
  return draw(damaged_bytes(data)) if draw(st.integers(0, 4)) == 0 else data


def _changed(draw: DrawFn, value: object) -> object:
  """Changes one place of nested lists and dicts."""
  items = (
    list(value) if isinstance(value, dict) else
    list(range(len(value))) if isinstance(value, list) else []
  )  # fmt: skip
  if not items or draw(st.integers(0, 5)) == 0:
    return draw(values())
  key = draw(st.sampled_from(items))
  how = draw(st.integers(0, 6))
  if how == 0:
    del value[key]
  elif how == 1 and isinstance(value, dict):
    value[draw(st.sampled_from(TEXTS))] = value.pop(key)
  elif how == 2 and isinstance(value, dict):
    value[draw(st.sampled_from((*TEXTS, 'x')))] = draw(values())
  elif how == 3 and len(items) > 1:
    other = draw(st.sampled_from(items))
    value[key], value[other] = value[other], value[key]
  else:
    value[key] = _changed(draw, value[key])
  return value


@st.composite
def damaged_record(
  draw: DrawFn, name: str, data: bytes, *, cut: bool = False
) -> bytes:
  """Damages a file of an evaluation by its kind: a line, a document, or bytes.

  Args:
    draw: of Hypothesis.
    name: of the file.
    data: its content.
    cut: whether lines at the end may be missing.
  """
  if name.endswith('.jsonl'):
    lines = data.splitlines()
    which = draw(st.integers(0, len(lines) - 1))
    lines[which] = draw(damaged_json(json.loads(lines[which])))
    kept = draw(st.integers(1, len(lines))) if cut else len(lines)
    return b'\n'.join(lines[:kept]) + b'\n'
  if name.endswith('.json'):
    return draw(damaged_json(json.loads(data)))
  return draw(damaged_bytes(data))


@st.composite
def damaged_zip(draw: DrawFn, data: bytes) -> bytes:
  """Draws a zip file with other members, or damaged ones, or damage."""
  if draw(st.integers(0, 2)) == 0:
    return draw(damaged_bytes(data))
  with zipfile.ZipFile(io.BytesIO(data)) as archive:
    members = {name: archive.read(name) for name in archive.namelist()}
  names = list(members)
  for _ in range(draw(st.sampled_from((1, 1, 2)))):
    name = draw(st.sampled_from(names))
    how = draw(st.integers(0, 5))
    if how == 0:
      members.pop(name, None)
    elif how == 1:
      members[draw(st.sampled_from(_MEMBERS))] = members.get(name, b'x')
    elif how == 2:
      bombs = (10**6, 3 * 10**7)  # larger ones take long to pack
      members[name] = bytes(draw(st.sampled_from(bombs)))
    else:
      members[name] = draw(damaged_bytes(members.get(name, b'')))
  file, how = io.BytesIO(), draw(st.sampled_from(_PACKINGS))
  with (
    warnings.catch_warnings(action='ignore'),
    zipfile.ZipFile(file, 'w', how) as archive,
  ):
    for name, content in members.items():
      archive.writestr(name, content)
      if draw(st.integers(0, 20)) == 0:
        archive.writestr(name, content)  # twice
  return file.getvalue()


_PACKINGS = (zipfile.ZIP_STORED, *[zipfile.ZIP_DEFLATED] * 8, zipfile.ZIP_BZIP2)
_MEMBERS = (
  *('../x.npy', '/x', 'a\\b', 'é.npy', '__meta__', '__meta__.npy', 'x/'),
  *('segmenter/params/x.npy', 'segmenter.npy', '..', 'a' * 1000),
)
