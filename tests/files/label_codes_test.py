"""From what label files hold to class indices."""

import numpy as np
from PIL import Image
import pytest

from magnet_jax.files import images, label_codes
from magnet_jax.types import ClassTable, InputError, LabelCodes

COLOURS = ((200, 0, 0), (0, 200, 0), (0, 0, 200))
RNG = np.random.default_rng(0)


def table(codes):
  return ClassTable(('a', 'b', 'c'), COLOURS, codes=codes)


def slow(pixels, codes):
  """One pixel after the other."""
  result = np.full(pixels.shape[:2], 255, np.uint8)
  for place in np.ndindex(result.shape):
    best = codes.tolerance + 1
    for index, each in enumerate([*codes.classes, codes.ignored]):
      for code in each:
        difference = np.abs(np.subtract(pixels[place], code, dtype=int)).max()
        if difference < best:
          best = difference
          result[place] = 255 if index == len(codes.classes) else index
  return result


@pytest.mark.parametrize('tolerance', [0, 60])
@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_values(dtype, tolerance):
  codes = LabelCodes(((0,), (100, 130), (255,)), (7,), tolerance)
  known = np.array([0, 100, 130, 255, 7], dtype)
  pixels = known[RNG.integers(0, 5, (300, 9))]
  if tolerance:
    pixels = RNG.integers(0, 256, (300, 9)).astype(dtype)
  found = label_codes.translate(pixels, codes, table(codes), 'a.png')
  np.testing.assert_array_equal(found, slow(pixels, codes))


def test_colours_with_noise():
  codes = LabelCodes(tuple((c,) for c in COLOURS), ((0, 0, 0),), 40)
  pixels = RNG.integers(0, 256, (270, 11, 3), np.uint8)
  near = np.array(COLOURS)[RNG.integers(0, 3, (270, 5))]
  pixels[:, :5] = np.clip(near + RNG.integers(-30, 31, near.shape), 0, 255)
  found = label_codes.translate(pixels, codes, table(codes), 'a.png')
  np.testing.assert_array_equal(found, slow(pixels, codes))
  assert (found == 255).any() and (found[:, :5] < 3).all()


def test_unknown_colours_are_listed_with_counts(tmp_path):
  pixels = np.zeros((400, 4, 3), np.uint8)
  pixels[...] = COLOURS[0]
  pixels[5, 1] = pixels[399, 0] = 1, 2, 3
  pixels[399, 3] = 9, 9, 9
  path = tmp_path / 'a.png'
  Image.fromarray(pixels).save(path)
  with pytest.raises(
    InputError,
    match=r'2 colours of no class, first at row 5, column 1: \(1, 2, 3\) in 2 '
    r'pixels, \(9, 9, 9\) in 1 pixel; must be of a, b, c',
  ):
    images.read_label(path, table(None), colours=True)


def test_many_unknown_values_are_summed_up():
  pixels = np.arange(20, dtype=np.uint16)[None]
  codes = LabelCodes(((0,), (1,), (2,)))
  with pytest.raises(InputError, match=r'17 values .*11 others in 11 pixels'):
    label_codes.translate(pixels, codes, table(codes), 'a.png')


def test_the_codes_of_a_table_are_used(tmp_path):
  codes = LabelCodes(((0,), (1000,), (60000,)), (7,))
  Image.fromarray(np.array([[60000, 7, 1000, 0]], np.uint16)).save(
    tmp_path / 'a.png'
  )
  for colours in (False, True):  # the codes say which
    found = images.read_label(tmp_path / 'a.png', table(codes), colours=colours)
    assert found.tolist() == [[2, 255, 1, 0]]


def test_grey_files_serve_as_colours(tmp_path):
  codes = LabelCodes((((0, 0, 0),), ((255, 255, 255),), ((9, 9, 9),)))
  Image.fromarray(np.array([[0, 255]], np.uint8)).save(tmp_path / 'a.png')
  found = images.read_label(tmp_path / 'a.png', table(codes))
  assert found.tolist() == [[0, 1]]
