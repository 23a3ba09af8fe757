import itertools

import numpy as np
from scipy import ndimage
from training_batches import ALL, NETWORK, Samples, plan

from magnet_jax.data import mask_batches, mask_perturbation, pipeline
from magnet_jax.data.schedule import Schedule
from magnet_jax.types import Sample


def samples():
  rng = np.random.default_rng(0)
  field = ndimage.gaussian_filter(rng.random((64, 96)), 3)
  label = np.digitize(field, [0.49, 0.51]).astype(np.uint8)
  label[:9, :9] = 255
  image = np.repeat(label[..., None] * 80, 3, axis=-1)
  return Samples(Sample('a', image, label), Sample('b', image, None))


def batches(augmentation=pipeline.NO_AUGMENTATION, **order):
  found = mask_batches.mask_batches(
    samples(),
    Schedule(seed=3, batch=4, **order),
    plan_for=plan,
    network=NETWORK,
    augmentation=augmentation,
  )
  return [*itertools.islice(found, 6)]


def test_masks_are_near_their_labels():
  wrong = 0
  for batch in batches():
    assert {name: (x.shape, x.dtype) for name, x in batch.items()} == {
      'images': ((4, *NETWORK, 3), np.uint8),
      'labels': ((4, *NETWORK), np.uint8),
      'masks': ((4, *NETWORK), np.uint8),
    }
    assert set(np.unique(batch['masks'])) <= {0, 1}
    for label, mask in zip(batch['labels'], batch['masks'], strict=True):
      truth = (label == 1).astype(np.uint8)
      assert mask_perturbation.iou(mask, truth) >= 0.8
      wrong += (mask != truth).any()
      if (label == 255).all():  # an image without a label
        assert not mask.any()
  assert wrong > 6


def test_what_is_inside_is_of_one_class():
  for batch in batches():
    for image, label in zip(batch['images'], batch['labels'], strict=True):
      inside, outside = image[label == 1], image[label == 0]
      # Brightness and class are the same here, but where pixels are mixed.
      assert not inside.size or np.median(inside) in (0, 80, 160, 240)
      assert not inside.size or np.ptp(np.percentile(inside, [25, 75])) < 80
      assert outside.size + inside.size == 3 * (label != 255).sum()


def test_most_masks_have_an_outline():
  label = np.zeros((64, 96), np.uint8)
  label[30:34, 40:44] = 1
  source = Samples(Sample('a', np.zeros((64, 96, 3), np.uint8), label))
  found = mask_batches.mask_batches(
    source,
    Schedule(seed=3, batch=64),
    plan_for=lambda s: plan(s)[-1:],
    network=NETWORK,
  )
  outlines = [np.ptp(label) > 0 for label in next(found)['labels']]
  # Of windows that are drawn once, one in seven shows it.
  assert 0.35 < np.mean(outlines) < 0.8


def test_batches_go_on_from_any_step():
  whole = batches(augmentation=ALL, steps=4)
  rest = batches(augmentation=ALL, steps=4, start_step=2)
  assert (len(whole), len(rest)) == (4, 2)
  for one, other in zip(whole[2:], rest, strict=True):
    for name, array in one.items():
      np.testing.assert_array_equal(array, other[name])
