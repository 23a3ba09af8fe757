"""CascadePSP at its published widths, against the authors' own package."""

import pathlib

import cv2
from goldens import seeded_weights
import jax
import jax.numpy as jnp
import numpy as np

from magnet_jax.cascade import mask_correction
from magnet_jax.models import cascade_psp

GOLDEN = pathlib.Path(__file__).parents[1] / 'goldens' / 'cascade_psp.npz'


def test_masks_are_those_of_the_package():
  with np.load(GOLDEN) as file:
    golden = dict(file)
  prefix = 'calibration/'
  calibration = {
    key.removeprefix(prefix): array
    for key, array in golden.items()
    if key.startswith(prefix)
  }
  image = cv2.imdecode(golden['image_webp'], cv2.IMREAD_COLOR_RGB)
  expected = golden['expected']
  mask = np.unpackbits(golden['mask'], count=expected.size).astype(bool)
  network = cascade_psp.CascadePSP()
  blank = jnp.zeros((1, 32, 32, 3)), jnp.zeros((1, 32, 32))
  shapes = jax.eval_shape(lambda: network.init(jax.random.key(0), *blank))
  variables = seeded_weights.variables(
    'cascade_psp', 'cascade_psp', shapes, calibration
  )
  run = mask_correction.steps(jax.tree_util.Partial(network.apply, variables))
  found = mask_correction.correct(
    image, mask.reshape(expected.shape), run, side=int(golden['side'])
  )
  np.testing.assert_allclose(found, expected, atol=1e-4)
