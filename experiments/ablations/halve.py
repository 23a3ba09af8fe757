"""Halves the sides of a data set's images, so that several seeds are cheap.

    python experiments/ablations/halve.py data/carrotweed OUT

Writes OUT/{train,val,test}.txt, images and labels. Four pixels are averaged;
of their labels the one at the top left is kept.
"""

import argparse
import pathlib

import numpy as np
from PIL import Image
import tqdm


def halve(source: pathlib.Path, out: pathlib.Path) -> None:
  for name in ('images', 'labels'):
    (out / name).mkdir(parents=True, exist_ok=True)
  for split in ('train', 'val', 'test'):
    lines = (source / f'{split}.txt').read_text().split('\n')
    pairs = [line.split('\t') for line in lines if line]
    for image, label in tqdm.tqdm(pairs, desc=split, disable=None):
      Image.open(source / image).reduce(2).save(out / image, quality=95)
      values = np.asarray(Image.open(source / label))
      Image.fromarray(values[::2, ::2]).save(out / label)
    (out / f'{split}.txt').write_text('\n'.join(lines))


if __name__ == '__main__':
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('source', type=pathlib.Path)
  parser.add_argument('out', type=pathlib.Path)
  arguments = parser.parse_args()
  halve(arguments.source, arguments.out)
