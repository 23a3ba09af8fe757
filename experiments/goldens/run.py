"""How near the networks come to the published ones, on seeded weights.

Example:
  python experiments/goldens/run.py FOLDER

FOLDER holds the published code's outputs `*_expected.npz`, what of the seeded
weights is not drawn (`*_calibration.npz`), and `seeded_weights.py`, which
draws the rest; the tests have some of them. For each network: the largest and
the mean difference of logits as shares of their range, the share of pixels
with the same class, how far the two best logits at most lie apart where the
class is another one, and the seconds of the run.

Such networks of random weights amplify rounding. PyTorch itself differs from
these outputs by as much: see README.md.
"""

import argparse
import importlib.util
import pathlib
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from magnet_jax.models import build
from magnet_jax.ops import normalise
from magnet_jax.weights import torch_names, torch_weights

SEGMENTERS = {
  'fpn': {'num_classes': 7, 'name': 'fpn'},
  'psp': {'num_classes': 7, 'name': 'pspnet'},
  'hrnet18': {'num_classes': 19, 'name': 'hrnet_ocr'},
  'hrnet48': {'num_classes': 19, 'name': 'hrnet_ocr', 'trunk': 'hrnet48'},
}
REFINERS = {
  'refiner7': 7,
  'refiner19_512': 19,
  'refiner19_1024': 19,
  'refiner19_2048': 19,
}


def _seeded_weights(folder: pathlib.Path) -> Any:
  path = folder / 'seeded_weights.py'
  spec = importlib.util.spec_from_file_location('seeded_weights', path)
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  return module


def _run(module: Any, state: Any, kind: str, inputs: dict) -> tuple[Any, float]:
  """The network's output [h,w,C] as float32, and seconds without compiling."""
  template = jax.eval_shape(lambda: module.init(jax.random.key(0), **inputs))
  variables, _ = torch_weights.from_torch(state, kind, template)
  apply = jax.jit(module.apply).lower(variables, **inputs).compile()
  started = time.perf_counter()
  logits = jax.block_until_ready(apply(variables, **inputs))
  return np.asarray(logits[0]), time.perf_counter() - started


def segmenter(golden: dict, state: Any, settings: dict) -> tuple[Any, float]:
  """A segmenter's logits of the golden's image."""
  # Rounded as in the published code, as such networks amplify the last bit.
  pixels = golden['image'].astype(np.float32) / 255
  images = (pixels - np.float32(normalise.MEAN)) / np.float32(normalise.STD)
  images = jnp.asarray(images[None])
  kind = torch_names.SEGMENTERS[settings['name']]
  return _run(build.segmenter(**settings), state, kind, {'images': images})


def refiner(golden: dict, state: Any, num_classes: int) -> tuple[Any, float]:
  """A refiner's logits of the golden's two maps."""
  maps = {
    ours: jnp.asarray(np.moveaxis(golden[theirs], 0, -1)[None])
    for ours, theirs in (('scale', 'first'), ('coarse', 'second'))
  }
  return _run(build.refinement(num_classes=num_classes), state, 'refiner', maps)


def line(network: str, golden: dict, found: np.ndarray, seconds: float) -> str:
  """One line of the table."""
  stride = int(golden.get('stride', 1))
  expected = golden.get('logits_strided', golden.get('logits'))
  expected = np.moveaxis(expected, 0, -1)
  classes = golden.get('argmax', expected.argmax(-1))
  span = np.ptp(expected)
  difference = np.abs(found[::stride, ::stride] - expected) / span
  second, best = np.sort(found, axis=-1)[..., -2:].transpose(2, 0, 1)
  other = found.argmax(-1) != classes
  apart = ((best - second)[other] / span).max(initial=0)
  return (
    f'{network:<15} {difference.max():8.1e} {difference.mean():8.1e} '
    f'{100 * (1 - other.mean()):9.4f} % {other.sum():5d} {apart:8.1e} '
    f'{seconds:7.2f}'
  )


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('folder', type=pathlib.Path)
  folder = parser.parse_args().folder
  seeded = _seeded_weights(folder)
  print(
    f'{"network":<15} {"largest":>8} {"mean":>8} {"same class":>11} '
    f'{"other":>5} {"apart":>8} {"seconds":>7}'
  )
  for network in (*REFINERS, *SEGMENTERS):
    with np.load(folder / f'{network}_expected.npz') as file:
      golden = dict(file)
    state = seeded.seeded_state(network)
    if network in REFINERS:
      result = refiner(golden, state, REFINERS[network])
    else:
      result = segmenter(golden, state, SEGMENTERS[network])
    print(line(network, golden, *result), flush=True)


if __name__ == '__main__':
  main()
