import numpy as np
import pytest

from magnet_jax import types
from magnet_jax.predict import pictures

_CLASSES = types.ClassTable(('soil', 'leaf'), ((110, 84, 62), (64, 178, 92)))


def _label(shape=(20, 30)):
  label = np.zeros(shape, np.uint8)
  label[:, shape[1] // 2 :] = 1
  return label


def test_every_class_gets_its_colour_and_no_class_grey_squares():
  label = np.full((24, 26), 255, np.uint8)
  label[:, :2] = 0, 1
  found = pictures.colourise(label, _CLASSES)
  np.testing.assert_array_equal(found[0, :2], [(110, 84, 62), (64, 178, 92)])
  greys = [found[y, x].tolist() for y in (0, 12) for x in (2, 12)]
  assert greys[0] == greys[3] != greys[1] == greys[2]
  assert len(np.unique(found[:, 2:])) == 2


def test_an_overlay_tints_draws_edges_and_leaves_ignored_pixels():
  image = np.full((20, 30, 3), 200, np.uint8)
  label = _label()
  label[:3] = 255
  found = pictures.overlay(image, label, _CLASSES, alpha=0.5)
  assert (found[:3] == 200).all()
  np.testing.assert_allclose(found[10, 5], (155, 142, 131), atol=1)
  np.testing.assert_array_equal(found[10, 14], (110, 84, 62))
  np.testing.assert_array_equal(found[10, 15], (64, 178, 92))
  assert (image == 200).all()
  plain = pictures.overlay(image, label, _CLASSES, 0.5, contours=False)
  np.testing.assert_allclose(plain[10, 14], (155, 142, 131), atol=1)


@pytest.mark.parametrize(('alpha', 'share'), [(0.0, 0), (1.0, 1)])
def test_alpha_runs_from_the_image_to_the_classes(alpha, share):
  image = np.full((20, 30, 3), 77, np.uint8)
  found = pictures.overlay(image, _label(), _CLASSES, alpha, contours=False)
  expected = pictures.colourise(_label(), _CLASSES) if share else image
  np.testing.assert_array_equal(found, expected)


def test_an_overlay_of_another_size_is_named():
  with pytest.raises(types.InputError, match=r'\(20, 30\)'):
    pictures.overlay(np.zeros((5, 5, 3), np.uint8), _label(), _CLASSES)


def test_heat_grows_lighter_and_clips():
  shown = pictures.heat(np.linspace(0, 1, 64, dtype=np.float32)[None])
  lightness = shown[0].astype(float) @ (0.2126, 0.7152, 0.0722)
  assert (np.diff(lightness) > -1).all()
  assert lightness[0] < 10
  assert lightness[-1] > 220
  outside = pictures.heat(np.array([[-1.0, np.nan, 0.0, 1.0, 9.0]]))[0]
  assert (outside[:3] == outside[2]).all()
  assert (outside[3:] == outside[3]).all()


def test_a_legend_shows_all_colours_and_flows():
  wide = pictures.legend(_CLASSES, 400)
  narrow = pictures.legend(_CLASSES, 70)
  assert wide.shape[1] == 400
  assert narrow.shape[0] == 2 * wide.shape[0]
  for picture in (wide, narrow):
    seen = {tuple(map(int, colour)) for colour in picture.reshape(-1, 3)}
    assert set(_CLASSES.colours) <= seen
