"""Equal fingerprints only where the same is computed."""

import dataclasses
import functools
import logging

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from magnet_jax.cascade.host_segmenter import HostSegmenter
from magnet_jax.models.refiner import Refiner
from magnet_jax.predict import fingerprint
from magnet_jax.predict import model as models
from magnet_jax.refiners.refiner import Refiner as Refinement

WEIGHTS = np.arange(6, dtype=np.float32)


def by_sum(weights, images):
  return images + weights


def by_product(weights, images):
  return images * weights


def scaled(weights, images, *, scale=1.0):
  return images * weights * scale


class Net(nn.Module):
  """A module with settings, one of which is a module."""

  width: int = 4
  act: object = nn.relu
  head: nn.Module | None = None

  def __call__(self, x):
    return x


@dataclasses.dataclass
class Sharpened:
  function: object
  power: float


class Layers:
  def __init__(self, *weights):
    self.layers = [{'w': each} for each in weights]
    self.log = logging.getLogger('layers')

  def __call__(self, images):
    return images


class Tensor:
  """Refuses to become an array before it is detached, as in PyTorch."""

  def __init__(self, values):
    self._values = values

  def __array__(self, *_, **__):
    raise RuntimeError('call detach first')

  def detach(self):
    return self._values


def bound(function, weights=WEIGHTS, **settings):
  return jax.tree_util.Partial(function, weights, **settings)


def closing_over(value):
  def function(images):
    return images, value

  return function


def with_default(value):
  def function(images, scale=value):
    return images * scale

  return function


def host(function, **settings):
  return HostSegmenter(function, num_classes=3, **settings)


def lambdas():
  return [lambda x: x * 2, lambda x: x * 3, lambda x: x + 2]


DIFFERENT = {
  'functions of one file': (bound(by_sum), bound(by_product)),
  'weights': (bound(by_sum), bound(by_sum, WEIGHTS + 1)),
  'shapes': (bound(by_sum), bound(by_sum, WEIGHTS.reshape(2, 3))),
  'types': (bound(by_sum), bound(by_sum, WEIGHTS.view(np.int32))),
  'keywords': (bound(scaled, scale=1.0), bound(scaled, scale=2.0)),
  'jitted functions': (jax.jit(by_sum), jax.jit(by_product)),
  'lambdas': tuple(lambdas()),
  'closures': (closing_over(1), closing_over(1.0), closing_over(WEIGHTS)),
  'functions closed over': (closing_over(by_sum), closing_over(by_product)),
  'defaults': (with_default(1), with_default(2)),
  'settings of a module': (bound(Net().apply), bound(Net(width=5).apply)),
  'functions of a module': (bound(Net().apply), bound(Net(act=nn.tanh).apply)),
  'nested modules': (
    bound(Net(head=Net()).apply),
    bound(Net(head=Net(width=5)).apply),
    bound(Net(head=nn.Dense(4)).apply),
  ),
  'partials of classes': (
    closing_over(functools.partial(nn.Dense, use_bias=False)),
    closing_over(functools.partial(nn.Conv, use_bias=False)),
  ),
  'parts of a refiner': (
    Refinement(by_sum, WEIGHTS),
    Refinement(by_product, WEIGHTS),
    Refinement(by_sum, WEIGHTS, needs=frozenset({'images'})),
    Refinement(by_sum, WEIGHTS, choice='everywhere'),
  ),
  'the prior': tuple(
    bound(Refiner(num_classes=3, prior=prior).apply) for prior in (False, True)
  ),
  'dtypes': tuple(
    bound(Refiner(num_classes=3, dtype=dtype).apply)
    for dtype in (jnp.float32, jnp.bfloat16)
  ),
  'dataclasses': (Sharpened(by_sum, 2.0), Sharpened(by_sum, 3.0)),
  'objects': (Layers(WEIGHTS), Layers(WEIGHTS + 1), Layers(WEIGHTS, WEIGHTS)),
  'tensors': (
    closing_over([Tensor(WEIGHTS)]),
    closing_over([Tensor(WEIGHTS + 1)]),
  ),
  'host functions': (host(lambdas()[0]), host(lambdas()[1])),
  'settings of host functions': (
    host(by_sum),
    host(by_sum, outputs='probabilities'),
  ),
}


@pytest.mark.parametrize('what', DIFFERENT)
def test_what_computes_something_else_has_another_fingerprint(what):
  found = [fingerprint.networks(each) for each in DIFFERENT[what]]
  assert len(set(found)) == len(found)


def made_anew():
  return [
    bound(Net(head=Net(), act=jax.nn.relu).apply, jnp.asarray(WEIGHTS)),
    closing_over({'b': 1, 'a': {'x', 'y', 'z'}}),
    Layers(WEIGHTS, WEIGHTS + 1),
    closing_over(jax.random.key(3)),
    lambdas()[0],
  ]


def test_what_is_made_anew_has_the_same_fingerprint():
  first, second = made_anew(), made_anew()
  for a, b in zip(first, second, strict=True):
    assert fingerprint.networks(a) == fingerprint.networks(b)
  assert fingerprint.networks(*first) == fingerprint.networks(*second)
  assert fingerprint.networks(first[0]) != fingerprint.networks(*first[:2])


def test_the_order_of_a_dict_is_no_difference():
  first, second = {'a': 1, 'b': 2}, {'b': 2, 'a': 1}
  assert fingerprint.networks(closing_over(first)) == fingerprint.networks(
    closing_over(second)
  )


def test_what_contains_itself_is_gone_through_once():
  cycle = [WEIGHTS]
  cycle.append(cycle)
  assert len(fingerprint.networks(closing_over(cycle))) == 16


def test_the_file_of_a_network_counts(tmp_path):
  path = tmp_path / 'net.onnx'
  found = []
  for content in (b'one', b'two'):
    path.write_bytes(content)
    found.append(fingerprint.networks(host(by_sum, name=str(path))))
  assert found[0] != found[1]


def test_the_embedded_model_loaded_twice():
  found = [
    fingerprint.networks(model.segmenter, *model.refiners)
    for model in (models.load('scenes'), models.load('scenes'))
  ]
  assert found[0] == found[1]
