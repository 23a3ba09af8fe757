"""One-line networks, and cascades of them that compile at once."""

import jax
import jax.numpy as jnp
import numpy as np

from magnet_jax.cascade import plan
from magnet_jax.cascade.cascade import Cascade
from magnet_jax.cascade.options import Options
from magnet_jax.ops import normalise, part_means, resize
from magnet_jax.refiners import magnet, mean, scale_attention

CLASSES = 3
WINDOW = (16, 16)
_WEIGHTS = np.random.default_rng(3).normal(0, 2, (3, CLASSES))


def pixelwise(images):
  """A segmenter that sees one pixel: windows cannot change what it says."""
  return images @ jnp.asarray(_WEIGHTS, jnp.float32)


def segmented(image):
  """Its probabilities of a whole image in NumPy."""
  normal = (image / 255 - normalise.MEAN) / np.array(normalise.STD)
  return softmax(normal @ _WEIGHTS)


def convolving(kernel, images):
  return jax.lax.conv_general_dilated(
    images, kernel, (1, 1), 'SAME', dimension_numbers=('NHWC', 'HWIO', 'NHWC')
  )


def kernel(seed=0, classes=CLASSES):
  return jax.random.normal(jax.random.key(seed), (3, 3, 3, classes))


def random_segmenter(seed=0, classes=CLASSES):
  return jax.tree_util.Partial(convolving, kernel(seed, classes))


def mixing(*, scale, coarse):
  """A refiner that sees a neighbour."""
  return 4 * scale + 2 * jnp.roll(coarse, 1, axis=1) - 2 * coarse


def softmax(logits):
  raised = np.exp(logits - logits.max(-1, keepdims=True))
  return raised / raised.sum(-1, keepdims=True)


def unsure(p):
  ordered = np.sort(p, axis=-1)
  return 1 - (ordered[..., -1] - ordered[..., -2])


def image(size, seed=0):
  """Random colours in squares of three pixels."""
  rng = np.random.default_rng(seed)
  small = rng.integers(0, 256, (-(-size[0] // 3), -(-size[1] // 3), 3))
  blocks = np.kron(small, np.ones((3, 3, 1)))[: size[0], : size[1]]
  return blocks.astype(np.uint8)


def cascade(segmenter, *refiners, network=WINDOW, **options):
  settings = {'kernel': 1, **options}
  return Cascade(
    segmenter,
    [magnet.refiner(each) for each in refiners],
    network=network,
    options=Options(**settings),
  )


def random_cascade(**settings):
  return cascade(random_segmenter(), mixing, **settings)


def filtered_cascade():
  return mean_cascade(filter_radius=3)


def mean_cascade(**options):
  return Cascade(
    random_segmenter(),
    [mean.refiner()],
    network=options.pop('network', WINDOW),
    options=Options(**options),
  )


def featured(kernel, images, *, features=False):
  """A segmenter with features at half of the size."""
  logits = convolving(kernel, images)
  fused = part_means.mean_pool(jnp.tanh(logits), (images.shape[1] // 2,) * 2)
  return (logits, {'fused': fused}) if features else logits


def gate(weights, features, *, scale, coarse):
  """Trusts the coarse map by the features and both maps."""
  seen = resize.upsample(features['fused'], scale.shape[1:3])
  return seen @ weights + (coarse - scale) @ weights


def attention_cascade(weights=(1.0, -2.0, 3.0), **options):
  bound = jax.tree_util.Partial(gate, np.array(weights, np.float32))
  return Cascade(
    jax.tree_util.Partial(featured, kernel()),
    [scale_attention.refiner(bound)],
    network=options.pop('network', WINDOW),
    options=Options(**options),
  )


def make_plan(size, *, stages=2, window=WINDOW, overlap=0.0):
  """Two stages and few sizes, that tests can share what they compile."""
  return plan.make_plan(size, window=window, stages=stages, overlap=overlap)


def assert_probabilities(result):
  """Whether a stage's map has its size and holds shares of 1."""
  found = result.probabilities
  assert found.shape == (*result.stage.size, CLASSES)
  assert found.dtype == np.float32
  np.testing.assert_allclose(found.sum(-1), 1, atol=1e-5)
  assert found.min() >= -1e-6 and found.max() <= 1 + 1e-6
