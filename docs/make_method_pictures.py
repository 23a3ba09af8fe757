"""Makes the pictures of methods.md: python docs/make_method_pictures.py RUN…

Each shows where a method differs most from the one that it is compared with, on
a generated scene that no model has seen. The first of the models, such as
magnet_jax/embedded/scenes.npz, does all that it can; the others, such as those
of experiments/systems, what it cannot.
"""

import pathlib
import sys

import cv2
import numpy as np
from PIL import Image

import magnet_jax
from magnet_jax.cascade.labels import predict
from magnet_jax.methods import table
from magnet_jax.predict import panel, panel_cells
from magnet_jax.scenes import generator
from magnet_jax.types import ClassTable, Sample

FOLDER = pathlib.Path(__file__).parent / 'pictures' / 'methods'
SEED = 12
SIDE = 1224
SHOWN = 180  # pixels of the scene's side
CELL = 180
# What a method is compared with, if not with patch.
BESIDE = {'patch': 'downsample', 'glnet': 'downsample'}
MENDED, SPOILED = (40, 190, 120), (235, 60, 50)


def main(*runs: str) -> None:
  """Writes a picture for each method that one of the models can do."""
  FOLDER.mkdir(exist_ok=True)
  sample = magnet_jax.generate_scene(SEED, (SIDE, SIDE))
  done = {'downsample'}  # shown beside patch
  for run in runs:
    methods = table.make(magnet_jax.load_model(run), ['all'])
    labels: dict[str, np.ndarray] = {}
    for name in [name for name in methods if name not in done]:
      done.add(name)
      beside = BESIDE.get(name, 'patch')
      for each in (beside, name):
        if each not in labels:
          labels[each] = predict(methods[each].segment(sample.image)[0])
      before, after = labels[beside], labels[name]
      if (before != after).any():
        _save(name, _picture(sample, beside, before, name, after))


def _save(name: str, picture: np.ndarray) -> None:
  path = FOLDER / f'{name}.jpg'
  Image.fromarray(picture).save(
    path, quality=62, optimize=True, progressive=True
  )
  print(f'{path}: {path.stat().st_size // 1000} kB')


def _picture(
  sample: Sample, beside: str, before: np.ndarray, name: str, after: np.ndarray
) -> np.ndarray:
  """Scene, truth, both maps, and what is better and worse in the second."""
  right_before, right = before == sample.label, after == sample.label
  codes = np.where(right & ~right_before, 1, 0)
  codes[right_before & ~right] = 2
  top, left = _busiest(codes, sample.label)
  place, size = (top, left, SHOWN, SHOWN), (CELL, CELL)

  def paint(label: np.ndarray) -> np.ndarray:
    return panel_cells.segmentation(
      label, generator.CLASSES, label.shape, place, size
    )

  scene = panel_cells.photograph(sample.image, place, size)
  part = np.s_[top : top + SHOWN, left : left + SHOWN]
  cells = [
    ('image', scene),
    ('truth', paint(sample.label)),
    (beside, paint(before)),
    (name, paint(after)),
    (
      'what it changes',
      panel_cells.marked(codes[part], (MENDED, SPOILED), scene),
    ),
  ]
  keys = ClassTable(
    (*generator.CLASSES.names, 'mended', 'spoiled'),
    (*generator.CLASSES.colours, MENDED, SPOILED),
  )
  return panel.compose([cells], size, keys)


def _busiest(codes: np.ndarray, label: np.ndarray) -> tuple[int, int]:
  """Corner of the part with the most changes and at least a second class."""
  changed = (codes > 0).astype(np.float32)
  # A part that changes as a whole shows little: outlines count.
  outlines = cv2.morphologyEx(
    label, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)
  )
  near = cv2.dilate((outlines > 0).astype(np.float32), np.ones((9, 9)))
  kept = SIDE - SHOWN
  sums = cv2.boxFilter(
    changed * near, -1, (SHOWN, SHOWN), anchor=(0, 0), normalize=False
  )[: kept + 1, : kept + 1]
  top, left = np.unravel_index(int(sums.argmax()), sums.shape)
  return int(top), int(left)


if __name__ == '__main__':
  if len(sys.argv) < 2:
    sys.exit(__doc__)
  main(*sys.argv[1:])
