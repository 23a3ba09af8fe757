"""Cross-entropy as mergeable sums, and its hard-example variant.

Both losses return `(total, weight)`, sums that can be added over batches, steps
and devices. `mean_loss` divides once, at the end.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from magnet_jax.types import IGNORE, Array


def cross_entropy(
  logits: Array,
  labels: Array,
  *,
  class_weights: Array | None = None,
  ignore_label: int = IGNORE,
) -> tuple[jax.Array, jax.Array]:
  """Sums the cross-entropy over the pixels that have a class.

  Args:
    logits: [..., C], any float type; computed in float32.
    labels: integers [...] in 0..C-1; `ignore_label` and all other values do
      not count.
    class_weights: [C], at least 0; None: all weights are 1.
    ignore_label: the label value without a class.

  Returns:
    The sum of the weighted losses and the sum of the weights, float32 [].
  """
  losses, weights, _ = _per_pixel(logits, labels, class_weights, ignore_label)
  return jnp.sum(losses * weights), jnp.sum(weights)


def focal(
  logits: Array,
  labels: Array,
  *,
  gamma: float = 3.0,
  class_weights: Array | None = None,
  ignore_label: int = IGNORE,
) -> tuple[jax.Array, jax.Array]:
  """Sums the cross-entropy, less of it the surer a pixel's true class is.

  The loss of a pixel is (1 - p) ** gamma times its cross-entropy, for a
  probability p of its class (Lin et al., ICCV 2017).

  Args:
    logits: [..., C], any float type; computed in float32.
    labels: integers [...] in 0..C-1; other values do not count.
    gamma: at least 0; 0 is the cross-entropy.
    class_weights: [C], at least 0; None: all weights are 1.
    ignore_label: the label value without a class.

  Returns:
    The sum of the weighted losses and the sum of the weights, float32 [].
  """
  losses, weights, _ = _per_pixel(logits, labels, class_weights, ignore_label)
  # From the loss, whose gradient stays finite; the clip only guards rounding.
  doubt = jnp.maximum(-jnp.expm1(-losses), 1e-12)
  return jnp.sum(doubt**gamma * losses * weights), jnp.sum(weights)


def ohem_cross_entropy(
  logits: Array,
  labels: Array,
  *,
  class_weights: Array | None = None,
  ignore_label: int = IGNORE,
  threshold: float = 0.7,
  min_kept: int = 100_000,
) -> tuple[jax.Array, jax.Array]:
  """Sums the cross-entropy over the hard pixels only.

  A pixel is hard if the probability of its true class is below `threshold`, or
  among the `min_kept` lowest of the call. As in the code of HRNet and OCNet,
  the bound is the value at index min(min_kept, pixels - 1) of the sorted
  probabilities and the comparison is strict, so ties at the bound are dropped.

  Args:
    logits: [..., C], any float type; computed in float32.
    labels: integers [...] in 0..C-1; other values do not count.
    class_weights: [C], at least 0; None: all weights are 1.
    ignore_label: the label value without a class.
    threshold: probability in 0..1 from which a pixel is easy.
    min_kept: least number of pixels to keep per call, at least 0. A call sees
      one device's share of the batch.

  Returns:
    The sum of the weighted losses and the sum of the weights of the hard
    pixels, float32 [].
  """
  losses, weights, valid = _per_pixel(
    logits, labels, class_weights, ignore_label
  )
  # Ignored pixels sort last, as no probability exceeds 1.
  probability = jnp.where(valid, jnp.exp(-jax.lax.stop_gradient(losses)), 2.0)
  last = jnp.maximum(jnp.sum(valid, dtype=jnp.int32) - 1, 0)
  bound = _kth_smallest(probability, jnp.minimum(last, min_kept))
  hard = probability < jnp.maximum(bound, threshold)
  weights = jnp.where(hard & valid, weights, 0.0)
  return jnp.sum(losses * weights), jnp.sum(weights)


def mean_loss(total: jax.Array, weight: jax.Array) -> jax.Array:
  """Divides the merged sums: the mean loss, or 0 if nothing counted."""
  return jnp.where(weight > 0, total / jnp.where(weight > 0, weight, 1.0), 0.0)


def _per_pixel(
  logits: Array,
  labels: Array,
  class_weights: Array | None,
  ignore_label: int,
) -> tuple[jax.Array, jax.Array, jax.Array]:
  """Returns losses, weights and validity of all pixels, [...] each."""
  num_classes = logits.shape[-1]
  logits = jnp.asarray(logits).astype(jnp.float32)
  labels = jnp.asarray(labels).astype(jnp.int32)
  valid = (labels != ignore_label) & (labels >= 0) & (labels < num_classes)
  # A one-hot product instead of a gather, whose gradient is a scatter that XLA
  # runs pixel by pixel on the CPU.
  true_class = jax.nn.one_hot(labels, num_classes, dtype=jnp.float32)
  losses = jax.nn.logsumexp(logits, axis=-1) - jnp.sum(
    true_class * logits, axis=-1
  )
  losses = jnp.where(valid, losses, 0.0)
  if class_weights is None:
    weights = jnp.ones_like(losses)
  else:
    class_weights = jnp.asarray(class_weights).astype(jnp.float32)
    weights = jnp.einsum('...c,c->...', true_class, class_weights)
  return losses, jnp.where(valid, weights, 0.0), valid


def _kth_smallest(values: jax.Array, index: jax.Array) -> jax.Array:
  """Returns the value at `index` of the sorted non-negative float32 `values`.

  Bisects on the bits, which sort like the floats: exact, with 31 counts in
  place of a sort.
  """
  bits = jax.lax.bitcast_convert_type(values, jnp.int32)

  def halve(step: jax.Array, found: jax.Array) -> jax.Array:
    candidate = found | (jnp.int32(1) << (30 - step))
    below = jnp.sum(bits < candidate, dtype=jnp.int32)
    return jnp.where(below <= index, candidate, found)

  found = jax.lax.fori_loop(0, 31, halve, jnp.int32(0))
  return jax.lax.bitcast_convert_type(found, jnp.float32)
