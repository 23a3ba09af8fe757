import jax
import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.cascade import plan
from magnet_jax.cascade.cascade import Cascade
from magnet_jax.cascade.host_segmenter import HostSegmenter
from magnet_jax.cascade.options import Options
from magnet_jax.ops import normalise, resize
from magnet_jax.refiners import magnet
from magnet_jax.types import InputError

CLASSES = 4
NETWORK = (16, 12)
_WEIGHTS = np.random.default_rng(3).normal(0, 2, (3, CLASSES))
WEIGHTS = _WEIGHTS.astype(np.float32)


def pixelwise(images):
  return images @ WEIGHTS


def refiner(*, scale, coarse):
  return 4 * scale + 2 * jnp.roll(coarse, 1, axis=1)


def images(count=3, size=NETWORK):
  rng = np.random.default_rng(0)
  return rng.integers(0, 256, (count, *size, 3), np.uint8)


def expected(pixels):
  return np.asarray(normalise.normalise(jnp.asarray(pixels))) @ WEIGHTS


def host(function=pixelwise, **settings):
  return HostSegmenter(function, **{'num_classes': CLASSES, **settings})


@pytest.mark.parametrize('batch', [1, 2, 3, 5])
def test_sees_one_shape_and_loses_no_image(batch):
  shapes = []

  def function(given):
    shapes.append(given.shape)
    given *= 1  # it may write there
    return pixelwise(given)

  pixels = images()
  before = pixels.copy()
  found = host(function, batch=batch)(pixels)
  assert set(shapes) == {(batch, *NETWORK, 3)}
  assert len(shapes) == -(-3 // batch)
  assert found.dtype == np.float32
  np.testing.assert_allclose(found, expected(pixels), rtol=1e-5, atol=1e-5)
  np.testing.assert_array_equal(pixels, before)


def test_channels_first():
  def function(given):
    assert given.shape == (1, 3, *NETWORK) and given.flags['C_CONTIGUOUS']
    return np.einsum('bihw,io->bohw', given, WEIGHTS)

  found = host(function, channels='first')(images())
  np.testing.assert_allclose(found, expected(images()), rtol=1e-5, atol=1e-5)


def test_raw_images_and_half_precision():
  def function(given):
    assert given.dtype == np.uint8
    return pixelwise(given / np.float32(255)).astype(np.float16)

  found = host(function, normalised=False)(images())
  wanted = images() / np.float32(255) @ WEIGHTS
  np.testing.assert_allclose(found, wanted, atol=2e-2)
  assert found.dtype == np.float32


def test_probabilities_become_logits():
  pixels = images()
  logits = expected(pixels)

  def function(given):
    return jax.nn.softmax(jnp.asarray(pixelwise(given)))

  found = host(function, outputs='probabilities', batch=3)(pixels)
  np.testing.assert_allclose(
    jax.nn.softmax(found), jax.nn.softmax(logits), atol=1e-6
  )

  def hard(given):
    return np.eye(CLASSES)[given.argmax(-1)]

  found = host(hard, outputs='probabilities')(pixels)
  assert np.isfinite(found).all()


@pytest.mark.parametrize('size', [(8, 6), (16, 12), (4, 3), (32, 24)])
def test_any_stride(size):
  small = np.random.default_rng(1).normal(size=(1, *size, CLASSES))
  small = small.astype(np.float32)
  found = host(lambda given: small)(images(1))
  wanted = resize.probabilities(small[0], NETWORK)
  np.testing.assert_allclose(found[0], wanted, atol=1e-6)


def test_stride_of_an_odd_size():
  odd = host(lambda given: np.zeros((1, 5, 8, CLASSES)))
  assert odd(images(1, (17, 31))).shape == (1, 17, 31, CLASSES)


def test_bfloat16_and_whole_numbers_are_numbers():
  for dtype in (jnp.bfloat16, np.int32):
    found = host(lambda given, d=dtype: np.full((1, 16, 12, 4), 3, d))
    np.testing.assert_array_equal(found(images(1)), 3)


def fails(function=pixelwise, **settings):
  with pytest.raises(InputError) as caught:
    host(function, name='mine', **settings)(images())
  line = str(caught.value)
  assert line.startswith('mine: ') and '\n' not in line
  return line


def zeros(*shape, dtype=np.float32):
  return lambda given: np.zeros(shape, dtype)


@pytest.mark.parametrize(
  ('function', 'words'),
  [
    (zeros(1, 16, 12, 5), '[1,16,12,5]: must be [1,h,w,4]'),
    (zeros(1, 16, 12, 5), 'use a segmenter of 4 classes'),
    (zeros(1, 4, 16, 12), "give channels='first'"),
    (zeros(1, 16, 12), 'before any argmax'),
    (zeros(3, 16, 12, 4), '[3,16,12,4]'),
    (zeros(1, 0, 12, 4), '[1,0,12,4]'),
    (zeros(1, 12, 16, 4), 'height before width'),
    (zeros(1, 16, 12, 4, dtype=np.complex64), 'complex64'),
    (lambda given: None, 'object'),
    (lambda given: given @ (WEIGHTS * np.nan), 'NaN'),
    (lambda given: np.full((1, 16, 12, 4), 1e300), 'infinity'),
    (lambda given: np.full((1, 16, 12, 4), 0.25), "outputs='probabilities'"),
  ],
)
def test_what_it_may_not_return(function, words):
  assert words in fails(function)


def test_logits_that_are_called_probabilities():
  line = fails(outputs='probabilities')
  assert 'must sum to 1' in line and "outputs='logits'" in line


def test_an_exception_is_one_line_with_what_it_was_given():
  def function(given):
    raise ValueError('first line\nsecond line')

  line = fails(function)
  assert (
    'cannot segment (ValueError: first line)' in line and 'second' not in line
  )
  assert 'float32 [1,16,12,3], channels last' in line
  # The weights are for the other order.
  assert 'channels last' in fails(lambda x: np.einsum('bihw,io', x, WEIGHTS))


def test_settings_are_checked():
  assert 'channels' in fails(channels='middle')
  assert 'outputs' in fails(outputs='labels')
  assert 'batch 0' in fails(batch=0)


def test_a_fixed_size_is_checked_before_anything_runs():
  def never(given):
    raise AssertionError

  line = fails(never, size=(32, 32))
  assert '32x32' in line and '16x12' in line
  with pytest.raises(InputError, match='32x32'):
    cascade(host(never, size=(32, 32)))


def test_in_a_compiled_step_it_says_what_is_wrong():
  with pytest.raises(InputError, match='cannot be part of a compiled step'):
    jax.jit(host())(images())


def cascade(segmenter, **options):
  return Cascade(
    segmenter,
    [magnet.refiner(refiner)],
    network=NETWORK,
    options=Options(**{'kernel': 3, **options}),
  )


@pytest.mark.parametrize(
  ('options', 'settings'),
  [
    ({'selection': 'window', 'points': 0.5}, {'batch': 3}),
    ({'selection': 'image', 'batch': 2}, {'outputs': 'probabilities'}),
  ],
)
def test_a_cascade_gives_what_it_gives_with_jax(options, settings):
  def softmax(given):
    return np.asarray(jax.nn.softmax(jnp.asarray(pixelwise(given))))

  function = softmax if settings.get('outputs') else pixelwise
  image = images(1, (40, 50))[0]
  stages = plan.make_plan(image.shape[:2], window=NETWORK, stages=2)
  one, other = (
    cascade(segmenter, **options).segment(image, stages)
    for segmenter in (host(function, **settings), pixelwise)
  )
  assert one.shape == (40, 50, CLASSES)
  # Rounding may swap two points of nearly one score at the border of K.
  assert (np.abs(one - other).max(-1) > 1e-4).mean() < 0.005


def test_patches_are_those_of_jax():
  image = images(1, (40, 50))[0]
  grid = plan.make_plan((40, 50), window=NETWORK)[-1].grid
  one, other = (
    cascade(segmenter).patches(image, grid) for segmenter in (host(), pixelwise)
  )
  np.testing.assert_allclose(one, other, atol=1e-5)


def test_an_exception_leaves_the_cascade_as_it_was():
  calls = []

  def sometimes(given):
    calls.append(given)
    if len(calls) == 5:
      raise RuntimeError('out of luck')
    return pixelwise(given)

  image = images(1, (40, 50))[0]
  stages = plan.make_plan(image.shape[:2], window=NETWORK, stages=2)
  found = cascade(host(sometimes))
  with pytest.raises(InputError, match='out of luck'):
    found.segment(image, stages)
  assert np.isfinite(found.segment(image, stages)).all()
