"""Which classes label files hold."""

import json

from folders import COLOURS, label, save
import numpy as np
from PIL import Image
import pytest

from magnet_jax.files import images
from magnet_jax.survey import coding, label_counts, naming
from magnet_jax.types import InputError


def decide(paths, given=None):
  return coding.decide([label_counts.count(path) for path in paths], given)


def kinds(found):
  return [each.kind for each in found.findings]


def agrees(found, paths, truths):
  """Checks that files are read as the truth, and counted as they are read."""
  tally = [found.tally(label_counts.count(path)) for path in paths]
  for path, truth, row in zip(paths, truths, tally, strict=True):
    read = images.read_label(path, found.table)
    assert (read == truth).mean() > 0.97
    assert (read[read != 255] == truth[read != 255]).mean() > 0.999
    values = np.where(read == 255, len(found.table), read)
    counts = np.bincount(values.ravel(), minlength=len(row))
    np.testing.assert_array_equal(row, counts)


def palette_png(path, index, palette):
  image = Image.fromarray(index, 'P')
  image.putpalette(np.asarray(palette, np.uint8).tobytes())
  path.parent.mkdir(exist_ok=True)
  image.save(path)
  return path


@pytest.mark.parametrize('values', [(0, 255), (0, 1), (3, 200)])
def test_binary(tmp_path, values):
  paths = [
    save(tmp_path / f'{i}.png', label(i, values=values)) for i in range(3)
  ]
  found = decide(paths)
  assert found.table.names == ('background', 'foreground')
  assert found.table.codes.classes == tuple((v,) for v in values)
  agrees(found, paths, [label(i, values=(0, 1)) for i in range(3)])


def test_one_bit(tmp_path):
  Image.fromarray(label(0, values=(0, 255))).convert('1').save(
    tmp_path / 'a.png'
  )
  found = decide([tmp_path / 'a.png'])
  agrees(found, [tmp_path / 'a.png'], [label(0, values=(0, 1))])


def test_255_beside_others_is_ignored(tmp_path):
  paths = [save(tmp_path / 'a.png', label(0, values=(0, 1, 255)))]
  found = decide(paths)
  assert kinds(found) == ['ignored']
  agrees(found, paths, [label(0, values=(0, 1, 255))])


@pytest.mark.parametrize('values', [(0, 128, 255), (0, 85, 170, 255)])
def test_255_among_greys_is_a_class(tmp_path, values):
  paths = [save(tmp_path / 'a.png', label(0, values=values))]
  found = decide(paths)
  assert kinds(found) == []
  agrees(found, paths, [label(0, values=range(len(values)))])


def _signed(path, values, seed=0):
  """A TIFF of signed numbers."""
  index = label(seed, values=range(len(values)))
  return save(path, np.array(values, np.int32)[index])


def test_values_below_0_are_no_label(tmp_path):
  paths = [_signed(tmp_path / 'a.tif', (-1, 0, 1, 255))]
  found = decide(paths)
  assert kinds(found) == ['ignored']
  assert 'pixels of -1, 255 (50' in found.findings[0].text
  assert found.table.codes.classes == ((0,), (1,))
  assert found.table.codes.ignored == (-1, 255)
  agrees(found, paths, [np.array([255, 0, 1, 255])[label(0, values=range(4))]])


def test_of_two_values_one_below_0_is_a_class(tmp_path):
  paths = [_signed(tmp_path / 'a.tif', (-1, 1))]
  found = decide(paths)
  assert not found.findings and len(found.table) == 2
  agrees(found, paths, [label(0, values=(0, 1))])


@pytest.mark.parametrize(
  ('content', 'classes'),
  [
    ('a\nb\nc\n', ((0,), (1,), (2,))),
    ('a,1,2,3\nb,4,5,6\nc,7,8,9\n', None),
  ],
)
def test_names_leave_values_below_0_without_label(tmp_path, content, classes):
  (tmp_path / 'c.csv').write_text(content)
  paths = [_signed(tmp_path / 'a.tif', (-2, -1, 0, 2))]
  found = decide(paths, naming.read(str(tmp_path / 'c.csv')))
  assert kinds(found) == ['ignored']
  assert '-2, -1' in found.findings[0].text
  assert (found.table.codes and found.table.codes.classes) == classes
  agrees(found, paths, [np.array([255, 255, 0, 2])[label(0, values=range(4))]])


def test_a_class_that_is_said_to_be_below_0_is_one(tmp_path):
  rows = [
    {'name': str(value), 'colour': [0, 0, 40 * value + 40], 'labels': [value]}
    for value in (-1, 0, 1)
  ]
  (tmp_path / 'c.json').write_text(json.dumps({'classes': rows}))
  paths = [_signed(tmp_path / 'a.tif', (-1, 0, 1))]
  found = decide(paths, naming.read(str(tmp_path / 'c.json')))
  assert not found.findings
  agrees(found, paths, [label(0)])


def test_values_beside_colours_are_told(tmp_path):
  paths = [
    save(tmp_path / 'a.png', COLOURS[label(0)]),
    save(tmp_path / 'b.png', label(1)),
    palette_png(tmp_path / 'c.png', label(2), COLOURS),
  ]
  found = decide(paths)
  assert kinds(found) == ['kinds of labels']
  assert '1 label of 3 hold values' in found.findings[0].text
  assert len(found.table) == 6


def test_signed_bytes_are_values_below_0(tmp_path):
  """Pillow reads them as unsigned: -2 would be class 254."""
  pixels = np.array((-2, -1, 0, 1), np.int8)[label(0, values=range(4))]
  # 339 is the sample format, 2 stands for signed integers.
  path = save(tmp_path / 'a.tif', pixels.view(np.uint8), tiffinfo={339: 2})
  found = decide([path])
  assert found.table.codes.classes == ((0,), (1,))
  assert found.table.codes.ignored == (-2, -1)
  agrees(found, [path], [np.array([255, 255, 0, 1])[label(0, values=range(4))]])


@pytest.mark.parametrize('dtype', [np.uint16, np.int32])
@pytest.mark.parametrize('other', ['colours', 'palettes'])
def test_values_of_many_bits_beside_colours_are_no_class(
  tmp_path, dtype, other
):
  """Training reads no colours from them: they are left out, not accepted."""
  deep = label(3).astype(dtype)
  paths = [save(tmp_path / 'deep.tif', deep)]
  if other == 'colours':
    paths.append(save(tmp_path / 'a.png', COLOURS[label(0)]))
  else:
    paths.append(palette_png(tmp_path / 'a.png', label(0), COLOURS))
    paths.append(palette_png(tmp_path / 'b.png', 2 - label(1), COLOURS[::-1]))
  found = decide(paths)
  assert set(found.table.colours) == {tuple(c) for c in COLOURS.tolist()}
  if other == 'colours':
    assert '1 label of 2 hold values of more' in found.findings[0].text
  with pytest.raises(InputError, match='more than 8 bits'):
    found.tally(label_counts.count(paths[0]))


def test_16_bits_and_other_values(tmp_path):
  paths = [save(tmp_path / 'a.png', label(0, values=(7, 1000, 40000)))]
  found = decide(paths)
  assert found.table.names == ('class 7', 'class 1000', 'class 40000')
  agrees(found, paths, [label(0)])


def test_palettes_give_indices_and_their_colours(tmp_path):
  paths = [
    palette_png(tmp_path / f'{i}.png', label(i), COLOURS) for i in range(2)
  ]
  found = decide(paths)
  assert found.table.colours == tuple(tuple(c) for c in COLOURS.tolist())
  assert found.table.codes.classes == ((0,), (1,), (2,)) and not found.findings
  agrees(found, paths, [label(0), label(1)])


def test_palettes_that_differ_give_colours(tmp_path):
  paths = [
    palette_png(tmp_path / 'a.png', label(0), COLOURS),
    palette_png(tmp_path / 'b.png', 2 - label(1), COLOURS[::-1]),
  ]
  found = decide(paths)
  assert kinds(found) == ['palettes differ']
  order = [
    [tuple(c) for c in COLOURS.tolist()].index(c) for c in found.table.colours
  ]
  truths = [np.argsort(order)[label(i)] for i in range(2)]
  agrees(found, paths, truths)


@pytest.mark.parametrize('mode', ['RGB', 'RGBA'])
def test_colours(tmp_path, mode):
  coloured = Image.fromarray(COLOURS[label(0, values=(0, 1, 1, 2))])
  coloured.convert(mode).save(tmp_path / 'a.png')
  found = decide([tmp_path / 'a.png'])
  assert found.table.names[0] == '#fa0000' and len(found.table) == 3


def test_known_colours_are_recognised(tmp_path):
  from magnet_jax.data import classes

  table = classes.get('dubai')
  coloured = table.palette[label(0, values=(0, 2, 4, 255))]
  found = decide([save(tmp_path / 'a.png', coloured)])
  assert kinds(found) == ['known colours']
  assert found.table.names == table.names
  agrees(found, [tmp_path / 'a.png'], [label(0, values=(0, 2, 4, 255))])


def test_jpeg_colours_are_told_from_their_noise(tmp_path):
  paths = []
  for i in range(2):
    paths.append(
      save(tmp_path / f'{i}.jpg', COLOURS[label(i, (400, 400))], quality=80)
    )
  found = decide(paths)
  assert len(found.table) == 3 and found.table.codes.tolerance
  warning = found.findings[0]
  assert warning.kind == 'inexact labels' and 'pixels' in warning.text
  nearest = [
    int(np.abs(COLOURS.astype(int) - c).sum(-1).argmin())
    for c in found.table.colours
  ]
  truths = [np.argsort(nearest)[label(i, (400, 400))] for i in range(2)]
  agrees(found, paths, truths)


def test_softened_binary_masks(tmp_path):
  sharp = Image.fromarray(label(0, (60, 60), (0, 255)))
  sharp.resize((480, 480), Image.Resampling.BILINEAR).save(tmp_path / 'a.png')
  found = decide([tmp_path / 'a.png'])
  assert found.table.names == ('background', 'foreground')
  assert kinds(found) == ['inexact labels']


def _blocks(values, side=12):
  places = np.random.default_rng(0).integers(0, len(values), (9, 9))
  squares = np.array(values, np.uint8)[places]
  return np.kron(squares, np.ones((side, side), np.uint8))


@pytest.mark.parametrize('values', [(0, 255), (0, 100, 220)])
def test_codes_between_areas_are_blends(tmp_path, values):
  sharp = _blocks(values)
  soft = Image.fromarray(sharp).resize((216, 216), Image.Resampling.BILINEAR)
  soft.save(tmp_path / 'a.png')
  found = decide([tmp_path / 'a.png'])
  assert sorted(c[0] for c in found.table.codes.classes) == list(values)
  assert kinds(found) == ['inexact labels']


@pytest.mark.parametrize('areas', [(0,), (0, 4)])
def test_thin_lines_are_classes(tmp_path, areas):
  pixels = _blocks(areas)
  pixels[::9], pixels[4::9], pixels[:, ::12] = 1, 2, 3
  found = decide([save(tmp_path / 'a.png', pixels)])
  assert len(found.table) == 3 + len(areas)
  assert 'inexact labels' not in kinds(found)


@pytest.mark.parametrize('values', [(0, 1), (0, 1, 2), (3, 30)])
def test_indices_in_jpeg_are_refused(tmp_path, values):
  """They would all silently become one class."""
  path = save(tmp_path / 'a.jpg', label(0, values=values), quality=90)
  with pytest.raises(InputError, match=r'hold only \d+ to \d+, and are JPEG'):
    decide([path])


def test_instance_numbers_are_refused(tmp_path):
  numbers = np.arange(900, dtype=np.uint16).repeat(20).reshape(120, 150)
  with pytest.raises(InputError, match='hold 900 different values'):
    decide([save(tmp_path / 'a.png', numbers)])
