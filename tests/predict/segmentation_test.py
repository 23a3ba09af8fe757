"""Segmenting images in Python: the usual case, from one call."""

import numpy as np
from PIL import Image
import pytest
import toy_model

from magnet_jax.cascade import labels
from magnet_jax.files import images
from magnet_jax.predict import model as models
from magnet_jax.types import InputError

SAMPLE = toy_model.sample(size=(70, 90))
MODEL = toy_model.make()


@pytest.fixture(scope='module', name='found')
def make_found():
  return MODEL.segment(SAMPLE.image, keep_stages=True)


def test_all_of_one_call(found):
  plan = MODEL.plan((70, 90))
  wanted = MODEL.cascade().segment(SAMPLE.image, plan)
  np.testing.assert_array_equal(found.probabilities, wanted)
  np.testing.assert_array_equal(found.label, labels.predict(wanted))
  ordered = np.sort(wanted, axis=-1)
  np.testing.assert_allclose(
    found.confidence, ordered[..., -1] - ordered[..., -2], atol=1e-6
  )
  assert [each.stage for each in found.stages] == [*plan]
  assert found.stages[-1].probabilities is found.probabilities
  assert MODEL.segment(SAMPLE.image).stages == ()
  assert repr(found).startswith('Segmentation(size=(70, 90), classes=(')


def test_any_form_of_the_image_gives_the_same(found, tmp_path):
  path = tmp_path / 'a.png'
  images.write_image(path, SAMPLE.image)
  given = [path, Image.fromarray(SAMPLE.image), SAMPLE.image / 255]
  for each in MODEL.segment_all(given):
    np.testing.assert_array_equal(each.label, found.label)
  label = models.segment_image(MODEL, str(path))
  np.testing.assert_array_equal(label, found.label)


def test_a_batch(found):
  batch = np.stack([SAMPLE.image, SAMPLE.image[::-1]])
  first, second = MODEL.segment_all(batch, windows=0.5)
  few = MODEL.segment(SAMPLE.image, windows=0.5).label
  np.testing.assert_array_equal(first.label, few)
  assert (first.label != found.label).any()
  assert second.label.shape == (70, 90)
  with pytest.raises(InputError, match='image 1: image of shape'):
    list(MODEL.segment_all([SAMPLE.image, batch]))


def test_pixels_without_data_have_no_label(tmp_path):
  image = Image.fromarray(SAMPLE.image)
  mask = np.ones((70, 90), bool)
  mask[:, :9] = False
  image.putalpha(Image.fromarray(mask.astype(np.uint8) * 255))
  found = MODEL.segment(image)
  np.testing.assert_array_equal(found.label == 255, ~mask)
  np.testing.assert_array_equal(found.confidence[~mask], 0)
  image.putalpha(0)
  with pytest.raises(InputError, match='none of its 70x90 pixels is valid'):
    MODEL.segment(image)


def test_a_plan_of_another_size_is_refused():
  plan = MODEL.plan((90, 70))
  cascade = MODEL.cascade()
  words = 'image of 70x90 with a plan for 90x70'
  with pytest.raises(InputError, match=words):
    MODEL.segment(SAMPLE.image, plan=plan)
  with pytest.raises(InputError, match=words):
    cascade.stages(SAMPLE.image, plan)
  with pytest.raises(InputError, match=words):
    cascade.patches(SAMPLE.image, plan[-1].grid)


def test_a_cascade_takes_other_images_too(found):
  cascade = MODEL.cascade()
  plan = MODEL.plan((70, 90))
  given = cascade.segment(Image.fromarray(SAMPLE.image), plan)
  np.testing.assert_array_equal(given, found.probabilities)
  with pytest.raises(InputError, match=r'image\[..., :3\]'):
    cascade.segment(np.zeros((70, 90, 4), np.uint8), plan)


def test_unknown_settings_are_named():
  with pytest.raises(InputError, match='window_size'):
    MODEL.segment(SAMPLE.image, window_size=3)


def test_a_model_is_described_in_one_line():
  text = repr(MODEL)
  assert len(text) < 300 and '\n' not in text
  assert 'network=(32, 32), refiners=1' in text
  assert MODEL.classes.names[0] in text
