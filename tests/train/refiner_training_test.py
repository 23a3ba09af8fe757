import pathlib

from goldens import seeded_weights
import jax
import jax.numpy as jnp
import numpy as np
import optax

from magnet_jax.metrics import losses
from magnet_jax.models import build
from magnet_jax.train import optimizer
from magnet_jax.train import state as train_state
from magnet_jax.weights import torch_weights

GOLDENS = pathlib.Path(__file__).parents[1] / 'goldens'


def _unpacked(planes):
  """Probabilities [B,h,w,C] from the bytes of their differences.

  Kept are C - 1 classes in units of 2**-24, of which each is the difference
  from its left and upper neighbours, as four planes of bytes.
  """
  differences = np.ascontiguousarray(np.moveaxis(planes, 0, -1)).view('<i4')
  counts = differences[..., 0].astype(np.int64).cumsum(-1).cumsum(-2)
  maps = np.moveaxis(counts / 2**24, 1, -1)
  rest = 1 - maps.sum(-1, keepdims=True)
  return np.concatenate([maps, rest], -1).astype(np.float32)


def _with_prefix(arrays, prefix):
  return {
    name.removeprefix(prefix): arrays[name]
    for name in arrays
    if name.startswith(prefix)
  }


def _start(refiner, update):
  """The seeded refiner as a state of our training."""
  maps = jnp.zeros((1, 8, 8, 7))
  template = jax.eval_shape(
    lambda: refiner.init(jax.random.key(0), scale=maps, coarse=maps)
  )
  with np.load(GOLDENS / 'refiner7.npz') as golden:
    calibration = _with_prefix(golden, 'calibration/')
  variables = seeded_weights.variables(
    'refiner7', 'refiner', template, calibration
  )
  return train_state.start(jax.tree.map(jnp.asarray, variables), update)


def _by_published_names(variables):
  host = jax.tree.map(np.asarray, variables)
  return torch_weights.to_torch(host, 'refiner', {})


def test_five_steps_are_the_published_ones():
  with np.load(GOLDENS / 'refiner_training.npz') as file:
    golden = dict(file)
  sgd = optimizer.optimizer(
    name='sgd', rate=optax.constant_schedule(1e-3), weight_decay=5e-4
  )
  refiner = build.refinement(num_classes=7)
  # The published training has the coarse map first.
  first, second = _unpacked(golden['coarse']), _unpacked(golden['fine'])

  @jax.jit
  def step(state):
    def loss_of(params):
      logits, updated = refiner.apply(
        {'params': params, 'batch_stats': state.variables['batch_stats']},
        scale=first,
        coarse=second,
        train=True,
        mutable=['batch_stats'],
      )
      sums = losses.ohem_cross_entropy(
        logits, golden['label'], threshold=0.7, min_kept=3000
      )
      return losses.mean_loss(*sums), updated

    (loss, statistics), gradients = jax.value_and_grad(loss_of, has_aux=True)(
      state.variables['params']
    )
    state = train_state.update(
      state, gradients, statistics, optimizer=sgd, decay=0.0
    )
    return state, loss, gradients

  state = _start(refiner, sgd)
  start = _by_published_names(state.variables)
  found = []
  for number in range(5):
    state, loss, gradients = step(state)
    found.append(float(loss))
    if number == 0:
      arrays = _by_published_names(state.variables | {'params': gradients})
      for name in _with_prefix(golden, 'gradnorm/'):
        norm = np.linalg.norm(arrays[name])
        np.testing.assert_allclose(
          norm, golden[f'gradnorm/{name}'], rtol=5e-4, err_msg=name
        )
  # A pixel at the threshold of OHEM that flips is worth 4e-5.
  np.testing.assert_allclose(found, golden['losses'], rtol=1e-4)
  # Of the running variance, PyTorch takes the unbiased estimate: n / (n - 1)
  # is 1 + 4e-5 here, and a hundredth of that is let in.
  arrays = _by_published_names(state.variables)
  changes = _with_prefix(golden, 'change5/')
  assert arrays.keys() == changes.keys()
  for name, change in changes.items():
    expected = start[name] + change.astype(np.float32)
    np.testing.assert_allclose(
      arrays[name], expected, rtol=0, atol=1e-4, err_msg=name
    )
  # Parameters that stood still would not pass.
  assert np.abs(changes['seg_conv.weight']).max() > 1e-3
