"""How often images are called unlike a training: rightly, and wrongly.

Takes a minute; run where data/carrotweed and data/dubai are:

    python experiments/tones/run.py | tee experiments/tones/results.txt
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
import pathlib

import cv2
import numpy as np

from magnet_jax.data import file_pairs, tones
from magnet_jax.files import images
from magnet_jax.rasters.rasters import ArrayRaster
from magnet_jax.scenes import generator

DATA = pathlib.Path('data')
SPLITS = ('train', 'val', 'test')
SCENES = 60  # of 1000x1000; the README's folder of own data has others
TRIALS = 200
Rows = list[tones.Traits]


def measured(pixels: np.ndarray) -> tones.Traits:
  """Returns the traits of an image that is not black."""
  found = tones.measure(ArrayRaster(pixels))
  assert found is not None
  return found


def scaled(factors: float | Sequence[float]) -> Callable[..., np.ndarray]:
  """Returns a change of exposure, or of the white balance."""

  def change(image: np.ndarray) -> np.ndarray:
    return np.clip(image * np.float32(factors), 0, 255).astype(np.uint8)

  return change


def smaller(factor: int) -> Callable[..., np.ndarray]:
  """Returns a change of the distance from the ground."""

  def change(image: np.ndarray) -> np.ndarray:
    size = (image.shape[1] // factor, image.shape[0] // factor)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA))

  return change


CHANGES = {
  'exposure x 0.6': scaled(0.6),
  'exposure x 0.8': scaled(0.8),
  'exposure x 1.25': scaled(1.25),
  'exposure x 1.5': scaled(1.5),
  'bluer light': scaled((0.85, 1, 1.15)),
  'redder light': scaled((1.15, 1, 0.85)),
  'half the size': smaller(2),
  'a quarter of the size': smaller(4),
}


def random_parts(
  rows: Rows, known: int, new: int
) -> Iterator[tuple[Rows, Rows]]:
  """Yields disjoint draws from one set."""
  rng = np.random.default_rng(0)
  for _ in range(TRIALS):
    order = rng.permutation(len(rows))
    yield (
      [rows[i] for i in order[:known]],
      [rows[i] for i in order[known : known + new]],
    )


def strips(rows: Rows, known: int, new: int) -> Iterator[tuple[Rows, Rows]]:
  """Yields consecutive images, and a draw from all others."""
  rng = np.random.default_rng(0)
  for first in range(len(rows) - new + 1):
    others = rows[:first] + rows[first + new :]
    order = rng.permutation(len(others))[:known]
    yield [others[i] for i in order], rows[first : first + new]


def report(name: str, pairs: Iterable[tuple[Rows, Rows]]) -> None:
  """Prints how often single images and whole sets are named."""
  alone, together, ways = [], [], ''
  for known, new in pairs:
    trained = tones.stack(known)
    alone += [tones.compare(trained, tones.stack([row])) for row in new]
    together.append(tones.compare(trained, tones.stack(new)))
    ways = ways or (together[-1].ways[0] if together[-1] else '')
  one, all_of_them = (
    f'{100 * np.mean([each is not None for each in found]):5.1f} %'
    for found in (alone, together)
  )
  print(f'{name:40} {one} of {len(alone):5}  {all_of_them}  {ways}')


def main() -> None:
  carrotweed: dict[str, Rows] = {split: [] for split in SPLITS}
  changed: dict[str, Rows] = {name: [] for name in CHANGES}
  dubai: dict[str, Rows] = {split: [] for split in SPLITS}
  for split in SPLITS:
    for pair in file_pairs.find(DATA / 'carrotweed' / f'{split}.txt'):
      image = images.read_image(pair.image)
      carrotweed[split].append(measured(image))
      for name, change in CHANGES.items() if split == 'test' else ():
        changed[name].append(measured(change(image)))
    for pair in file_pairs.find(DATA / 'dubai' / f'{split}.txt'):
      dubai[split].append(measured(images.read_image(pair.image)))
  scenes = [
    measured(generator.generate(50_000 + i, (1000, 1000)).image)
    for i in range(SCENES)
  ]
  field, fields = carrotweed['train'], list(chain(*carrotweed.values()))
  ground = list(chain(*dubai.values()))

  print('named alone, and in one set with the others; first difference\n')
  print('images of the same kind')
  for split in ('val', 'test'):
    report(f'Carrot-Weed, {split}', [(field, carrotweed[split])])
  report('Carrot-Weed, 4 in a row after 23', strips(fields, 23, 4))
  report('Carrot-Weed, 8 in a row after 23', strips(fields, 23, 8))
  report(
    'Dubai, val and test', [(dubai['train'], dubai['val'] + dubai['test'])]
  )
  report('Dubai, 2 after 5', random_parts(ground, 5, 2))
  for known in (5, 8, 22, 40):
    report(f'scenes, 6 after {known}', random_parts(scenes, known, 6))
  print('\nCarrot-Weed, test, changed')
  for name, rows in changed.items():
    report(name, [(field, rows)])
  print('\nimages of another kind')
  report('Dubai, after 60 scenes', [(scenes, ground)])
  report('Carrot-Weed, after 60 scenes', [(scenes, fields)])
  report('scenes, after Carrot-Weed', [(field, scenes)])
  report('scenes, after 5 of Dubai', [(dubai['train'], scenes)])
  report('Carrot-Weed, after 5 of Dubai', [(dubai['train'], fields)])


if __name__ == '__main__':
  main()
