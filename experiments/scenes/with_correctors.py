"""Adds the correctors of some models to another one, with 8 bits per weight.

  python experiments/scenes/with_correctors.py OUT.npz MODEL CORRECTORS…

MODEL and CORRECTORS are runs, exported models or embedded ones. Of CORRECTORS
only the correctors are taken; one takes the place of another of its name.
"""

import sys

from magnet_jax.files import bundle, checkpoints, tuned
from magnet_jax.types import CORRECTOR, InputError


def main(out: str, model: str, *others: str) -> None:
  """Writes the model."""
  variables, meta = checkpoints.load(model)
  variables = dict(variables)
  for other in others:
    found, of_found = checkpoints.load(other)
    for kind in found:
      if kind.startswith(CORRECTOR):
        name = kind.removeprefix(CORRECTOR)
        settings = of_found.section('correctors')[name]
        variables[kind] = found[kind]
        meta = tuned.lay_over(meta, {'correctors': {name: settings}})
  bundle.export(out, variables, meta, bits=8)
  print(f'{out}: {", ".join(variables)}')


if __name__ == '__main__':
  if len(sys.argv) < 4:
    sys.exit(__doc__)
  try:
    main(*sys.argv[1:])
  except InputError as error:
    sys.exit(f'error: {error}')
