"""Makes a folder as a person may have it: images, and masks of colours.

Generated scenes of 800 to 1200 pixels a side, as JPEG, and their labels as PNG
in the colours of their classes. Nothing says what the colours are, nor which
image is for what.
"""

import argparse
import pathlib

import numpy as np
from PIL import Image

from magnet_jax.scenes import generator

_FIRST_SEED = 50_000  # none of these is in the training of the embedded model


def make(
  folder: pathlib.Path,
  count: int,
  first_seed: int,
  sides: tuple[int, int] = (800, 1200),
) -> None:
  rng = np.random.default_rng(first_seed - _FIRST_SEED)
  for name in ('images', 'masks'):
    (folder / name).mkdir(parents=True, exist_ok=True)
  for number in range(count):
    drawn = rng.integers(sides[0], sides[1] + 1, 2)
    height, width = (int(side) for side in drawn)
    sample = generator.generate(first_seed + number, (height, width))
    colours = generator.CLASSES.palette[sample.label]
    Image.fromarray(sample.image).save(
      folder / 'images' / f'field_{number:02d}.jpg', quality=92
    )
    Image.fromarray(colours).save(folder / 'masks' / f'field_{number:02d}.png')


if __name__ == '__main__':
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('folder', type=pathlib.Path)
  parser.add_argument('--count', type=int, default=30)
  parser.add_argument('--first-seed', type=int, default=_FIRST_SEED)
  arguments = parser.parse_args()
  make(arguments.folder, arguments.count, arguments.first_seed)
