"""Times CascadePSP beside the package segmentation-refinement, on one core.

python experiments/packages/cascade_psp.py PHOTOGRAPH --length=900

Both have the same seeded weights, those of tests/goldens. As these have learnt
nothing, the bias of the last layer is set so that the map of the whole image
has an outline in few crops, which are those that both programs correct.
"""

import argparse
import pathlib
import sys
import types

import cv2
import inputs
import jax
import jax.numpy as jnp
import numpy as np
import timing
import torch

from magnet_jax.cascade import mask_correction
from magnet_jax.models import cascade_psp
from magnet_jax.weights import torch_weights

# The package imports these two for its loader of images and weights only.
for _name in ('torchvision', 'requests'):
  sys.modules[_name] = types.ModuleType(_name)
sys.modules['torchvision'].transforms = None  # type: ignore[attr-defined]
from segmentation_refinement import eval_helper  # noqa: E402
from segmentation_refinement.models.psp import pspnet  # noqa: E402

TESTS = pathlib.Path(__file__).parents[2] / 'tests'
sys.path.append(str(TESTS / 'goldens'))
import seeded_weights  # noqa: E402

_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_STD = np.array([0.229, 0.224, 0.225], np.float32)


def _variables(network: cascade_psp.CascadePSP) -> dict:
  """Returns the seeded weights."""
  prefix = 'calibration/'
  with np.load(TESTS / 'goldens' / 'cascade_psp.npz') as file:
    calibration = {
      key.removeprefix(prefix): array
      for key, array in file.items()
      if key.startswith(prefix)
    }
  blank = jnp.zeros((1, 32, 32, 3)), jnp.zeros((1, 32, 32))
  shapes = jax.eval_shape(lambda: network.init(jax.random.key(0), *blank))
  return seeded_weights.variables(
    'cascade_psp', 'cascade_psp', shapes, calibration
  )


def _crops(inside: np.ndarray, length: int) -> int:
  """Returns how many crops both programs surely correct."""
  starts = mask_correction.starts(len(inside), length, mask_correction.MARGIN)
  shares = [
    inside[top : top + length, left : left + length].mean()
    for top in starts
    for left in starts
  ]
  # Both correct from .1 to .9; this is of a map that is resized otherwise.
  return sum(0.15 <= share <= 0.85 for share in shares)


def _bias(logits: np.ndarray, length: int, crops: int) -> float:
  """Returns what, added to the logits, leaves about so many crops."""
  for share in np.geomspace(1e-3, 0.5, 60):
    level = float(np.quantile(logits, 1 - share))
    if _crops(logits > level, length) >= crops:
      return -level
  raise SystemExit('no bias leaves enough crops; take fewer')


def main() -> None:
  """Measures and prints."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('photograph')
  parser.add_argument('--side', type=int, default=2448)
  parser.add_argument('--length', type=int, default=900)
  parser.add_argument('--crops', type=int, default=2)
  parser.add_argument('--repeats', type=int, default=1)
  args = parser.parse_args()
  torch.set_num_threads(1)
  image = inputs.photograph(args.photograph, args.side)
  rows, columns = np.indices(image.shape[:2]) - args.side // 2
  mask = rows**2 + columns**2 < (args.side // 4) ** 2
  network = cascade_psp.CascadePSP()
  variables = _variables(network)
  bias = variables['params']['full']['logit']['bias']
  run = mask_correction.steps(jax.tree_util.Partial(network.apply, variables))
  reduced = mask_correction._reduced(image, mask, args.length)
  inside = np.array(run.whole(**reduced)[0][0], float).clip(1e-7, 1 - 1e-7)
  logits = cv2.resize(np.log(inside / (1 - inside)), image.shape[:2])
  more = _bias(logits, args.length, args.crops)
  bias = variables['params']['full']['logit']['bias']
  variables['params']['full']['logit']['bias'] = bias + np.float32(more)
  run = mask_correction.steps(jax.tree_util.Partial(network.apply, variables))
  normalised = (image / np.float32(255) - _MEAN) / _STD
  theirs = pspnet.RefinementModule()
  state = torch_weights.to_torch(variables, 'cascade_psp')
  theirs.load_state_dict(
    {name: torch.from_numpy(np.array(array)) for name, array in state.items()}
  )
  theirs.eval()

  def ours() -> np.ndarray:
    return mask_correction.correct(image, mask, run, side=args.length)

  passes = []
  theirs.register_forward_hook(lambda *_: passes.append(1))

  def other() -> np.ndarray:
    passes.clear()
    with torch.no_grad():
      found = eval_helper.process_high_res_im(
        theirs,
        torch.from_numpy(normalised.transpose(2, 0, 1).copy())[None],
        torch.from_numpy(mask * np.float32(2) - 1)[None, None],
        L=args.length,
      )
    return found[0, 0].numpy()

  ours()  # Compiles.
  print(f'{args.side} x {args.side}, L={args.length}')
  print(timing.HEADER)
  one, two = timing.compare('cascade-psp', ours, other, args.repeats)
  print(f'{"":12} crops: {len(passes) - 1}')
  print(f'{"":12} highest difference: {np.abs(one - two).max():.1e}')


if __name__ == '__main__':
  main()
