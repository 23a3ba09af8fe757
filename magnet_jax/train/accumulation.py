"""Gradients of a batch part by part: the memory of one part, not of all."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

Tree = Any
Loss = Callable[[Tree, Tree, Tree], tuple[jax.Array, Tree]]


def gradients(
  loss_of: Loss, params: Tree, statistics: Tree, batch: Tree, parts: int
) -> tuple[tuple[jax.Array, Tree], Tree]:
  """Computes the mean loss of the parts of a batch, and its gradients.

  Each part counts alike, whatever weights its pixels have. Statistics are
  updated by one part after the other.

  Args:
    loss_of: (params, statistics, part of the batch) -> (loss, statistics).
    params: by which the loss is differentiated.
    statistics: the other variables, by collection.
    batch: arrays [B,...], of rows that are independent.
    parts: number of the parts, which divides B.

  Returns:
    ((loss, statistics), gradients).
  """
  differentiate = jax.value_and_grad(loss_of, has_aux=True)
  if parts == 1:
    found, slopes = differentiate(params, statistics, batch)
    return found, slopes
  # Every n-th row, so that each device has its share of each part.
  split = jax.tree.map(
    lambda x: jnp.moveaxis(x.reshape(-1, parts, *x.shape[1:]), 1, 0), batch
  )

  def add(carry: Tree, part: Tree) -> tuple[Tree, None]:
    total, before, sums = carry
    (loss, after), slopes = differentiate(params, before, part)
    return (total + loss, after, jax.tree.map(jnp.add, sums, slopes)), None

  nothing = jax.tree.map(jnp.zeros_like, params)
  start = (jnp.zeros(()), statistics, nothing)
  (total, after, sums), _ = jax.lax.scan(add, start, split)
  mean = jax.tree.map(lambda x: x / parts, sums)
  return (total / parts, after), mean
