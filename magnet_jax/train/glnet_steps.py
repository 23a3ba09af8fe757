"""The steps of GLNet's three trainings, and its evaluation: pure functions."""

from collections.abc import Callable
import functools
from typing import Any

import flax.linen as nn
import jax
from jax import lax
import jax.numpy as jnp
import numpy as np
import optax

from magnet_jax.methods import glnet
from magnet_jax.metrics import confusion, losses
from magnet_jax.ops import normalise, sharing
from magnet_jax.train import steps
from magnet_jax.train.state import TrainState, Variables
from magnet_jax.train.steps import Batch, Loss, Metrics
from magnet_jax.types import Size

LossOf = Callable[[Any], tuple[jax.Array, Any]]  # as `steps.descend` takes it
Branch = Callable[[nn.Module, Variables, Batch, Batch, Loss], LossOf]
# What each training changes. In the last one, the global branch's first look
# stays as it is, as the local branch has learnt to see it.
TRAINED = (
  ('trunk', 'global_fpn', 'classify'),
  ('local_trunk', 'local_fpn', 'local_classify', 'ensemble_classify'),
  ('merged_fpn', 'ensemble_classify'),
)
_LIKENESS = 0.15  # weight of the difference of both branches' last maps
WINDOWS = 6  # of an image, at most, on which a step is trained


def only(*names: str) -> optax.GradientTransformation:
  """Returns a transformation that sets the updates of all other parts to 0."""

  def update(updates: Any, params: Any = None) -> Any:
    del params  # not needed
    return {
      name: tree if name in names else jax.tree.map(jnp.zeros_like, tree)
      for name, tree in updates.items()
    }

  return optax.stateless(update)


def draw(key: jax.Array, batch: Batch) -> Batch:
  """Draws some windows of each image.

  Args:
    key: random key.
    batch: as from `data.whole_images`.

  Returns:
    'windows', 'labels' and 'places' [B n,…] of n windows of each image.
  """
  images, count = batch['windows'].shape[:2]
  kept = min(count, WINDOWS)
  keys = jax.random.split(key, images)
  order = jax.vmap(lambda k: jax.random.permutation(k, count)[:kept])(keys)
  return {
    name: jax.vmap(lambda rows, at: rows[at])(batch[name], order).reshape(
      images * kept, *batch[name].shape[2:]
    )
    for name in ('windows', 'labels', 'places')
  }


def reduced(labels: jax.Array, size: Size) -> jax.Array:
  """Labels [B,H,W] at the nearest pixel centres of a size: [B,h,w]."""
  rows, columns = (
    ((np.arange(n) + 0.5) * have / n).astype(int)
    for n, have in zip(size, labels.shape[1:], strict=True)
  )
  return labels[:, rows][:, :, columns]


def _of_labels(logits: jax.Array, labels: jax.Array, loss: Loss) -> jax.Array:
  """The mean loss, at the logits' size."""
  size = (logits.shape[1], logits.shape[2])
  return losses.mean_loss(*loss(logits, reduced(labels, size)))


def _cut(maps: jax.Array, where: jax.Array) -> jax.Array:
  """Cuts n places of each of B images: [B,…] and [B n,4] -> [B n,…]."""
  repeated = jnp.repeat(maps, len(where) // len(maps), axis=0)
  return sharing.crop(repeated, where, (maps.shape[1], maps.shape[2]))


def beside_step(
  state: TrainState,
  batch: Batch,
  rate: float | jax.Array = 1.0,
  *,
  segmenter: nn.Module,
  branch: Branch,
  loss: Loss,
  optimizer: optax.GradientTransformation,
  decay: float,
  key: jax.Array,
) -> tuple[TrainState, Metrics]:
  """Computes one step of a branch, beside the other one as it is.

  Args:
    state: before the step.
    batch: as from `data.whole_images`.
    rate: factor of the optimizer's learning rate.
    segmenter: a GLNet.
    branch: which one: `local` or `merged`.
    loss: (logits, labels) -> (sum of losses, sum of weights).
    optimizer: of its parameters.
    decay: of the average of the variables.
    key: base of the windows that are drawn in all steps.

  Returns:
    The state after it, and {'loss', 'gradient_norm'}.
  """
  some = draw(jax.random.fold_in(key, state.step), batch)
  loss_of = branch(segmenter, state.variables, batch, some, loss)
  return steps.descend(state, loss_of, optimizer, decay, rate)


def local(
  module: nn.Module, fixed: Variables, batch: Batch, some: Batch, loss: Loss
) -> LossOf:
  """Returns the loss of the local branch: of its own logits and of both's.

  Args:
    module: a GLNet.
    fixed: variables before the step.
    batch: as from `data.whole_images`.
    some: windows of it, as from `draw`.
    loss: (logits, labels) -> (sum of losses, sum of weights).
  """
  run: Any = module.apply  # its methods return what they say
  shared, whole = run(fixed, normalise.normalise(batch['image']), method='look')
  cut = functools.partial(_cut, where=some['places'])
  other, whole = jax.tree.map(cut, shared), cut(whole)
  pixels = normalise.normalise(some['windows'])

  def loss_of(params: Any) -> tuple[jax.Array, Any]:
    variables = {**fixed, 'params': params}
    (_, last), updated = run(
      variables,
      pixels,
      other,
      train=True,
      method='look_closer',
      mutable=['batch_stats'],
    )
    own = run(variables, last, method='window_logits')
    both = run(variables, last, whole, method='ensemble')
    found = _of_labels(own, some['labels'], loss)
    found += _of_labels(both, some['labels'], loss)
    found += _LIKENESS * jnp.mean(jnp.square(last - whole))
    return found, updated

  return loss_of


def merged(
  module: nn.Module, fixed: Variables, batch: Batch, some: Batch, loss: Loss
) -> LossOf:
  """Returns the loss of the global branch's second look.

  Its own logits count for the whole image, those of both branches for some
  windows. The arguments are those of `local`.
  """
  run: Any = module.apply  # its methods return what they say
  shared, pasted, _ = _all_windows(module, fixed, batch)
  cut = functools.partial(_cut, where=some['places'])
  _, closer = run(
    fixed,
    normalise.normalise(some['windows']),
    jax.tree.map(cut, shared),
    method='look_closer',
  )

  def loss_of(params: Any) -> tuple[jax.Array, Any]:
    variables = {**fixed, 'params': params}
    _, last = run(variables, shared, pasted, method='look_again')
    own = run(variables, last, method='whole_logits')
    both = run(variables, closer, cut(last), method='ensemble')
    found = _of_labels(own, batch['label'], loss)
    found += _of_labels(both, some['labels'], loss)
    return found, {'batch_stats': fixed['batch_stats']}

  return loss_of


def _all_windows(
  module: nn.Module, variables: Variables, batch: Batch
) -> tuple[Any, Any, jax.Array]:
  """Runs the local branch on all windows, one at a time.

  Returns:
    What the global branch shares, [B,h',w',F] each; the same of all windows
    pasted together; and float32 [B,N,h',w',C], the windows' part of the logits
    of both branches.
  """

  def one(image: Any) -> Any:
    shared = glnet.look(module, variables, image['image'][None])

    def window(totals: Any, given: Any) -> Any:
      logits, found = glnet.look_closer(
        module,
        variables,
        shared,
        given['windows'][None],
        given['places'][None],
      )
      return jax.tree.map(jnp.add, totals, found), logits[0]

    nothing = jax.tree.map(
      lambda maps: (jnp.zeros_like(maps[0]), jnp.zeros(maps.shape[1:3])), shared
    )
    each = {name: image[name] for name in ('windows', 'places')}
    totals, logits = lax.scan(window, nothing, each)
    merged = jax.tree.map(
      lambda own, found: sharing.mean(*found).astype(own.dtype), shared, totals
    )
    return jax.tree.map(lambda x: x[0], shared), merged, logits

  kept = {name: batch[name] for name in ('image', 'windows', 'places')}
  shared, merged, logits = lax.map(one, kept)
  return shared, merged, logits


def evaluate(
  variables: Variables, batch: Batch, *, module: nn.Module, num_classes: int
) -> jax.Array:
  """Computes the confusion matrix [C,C] of all windows, by both branches."""
  shared, merged, logits = _all_windows(module, variables, batch)
  _, last = module.apply(variables, shared, merged, method='look_again')

  def image(given: tuple[jax.Array, jax.Array, jax.Array]) -> jax.Array:
    maps, where, own = given

    def window(each: tuple[jax.Array, jax.Array]) -> jax.Array:
      found = glnet.decide(
        module, variables, maps[None], each[1][None], each[0][None]
      )
      return found[0].argmax(-1)

    return lax.map(window, (where, own))

  found = lax.map(image, (jnp.asarray(last), batch['places'], logits))
  found = found.reshape(-1, *found.shape[2:])
  labels = batch['labels'].reshape(-1, *batch['labels'].shape[2:])
  size = (found.shape[1], found.shape[2])
  return confusion.device_confusion_matrix(
    reduced(labels, size), found, num_classes
  )


STEPS: tuple[Callable[..., Any], ...] = (
  steps.segmenter_step,
  functools.partial(beside_step, branch=local),
  functools.partial(beside_step, branch=merged),
)
