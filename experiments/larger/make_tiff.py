"""Writes a tiled GeoTIFF of any size, with labels if asked, in little memory.

    python experiments/larger/make_tiff.py 20480 scene.tif --labels labels.tif

A mosaic of a few generated scenes, each turned and mirrored at random; the
same for the same size and seed. 12,000 x 12,000 pixels take 11 s of one core,
320 MB of memory, most of it the imports, and 350 MB of disk.
"""

import argparse
import sys

import numpy as np
import rasterio
from rasterio.transform import from_origin

from magnet_jax.files import atomic
from magnet_jax.rasters import geo_reader
from magnet_jax.scenes import generator
from magnet_jax.types import InputError

SIDE = 1024  # pixels of a scene; whole tiles
SCENES = 4
TILE = 512


def main(size: int, path: str, labels: str | None, seed: int) -> None:
  """Writes the image, and the labels where they have a path."""
  rng = np.random.default_rng(seed)
  made = [generator.generate(seed + i, (SIDE, SIDE)) for i in range(SCENES)]
  starts = range(0, size, SIDE)
  turns = rng.integers(0, (SCENES, 4, 2), (len(starts), len(starts), 3))
  _write(path, size, [scene.image for scene in made], turns)
  if labels:
    _write(labels, size, [scene.label[..., None] for scene in made], turns)


def _write(
  path: str, size: int, cells: list[np.ndarray], turns: np.ndarray
) -> None:
  """Lays cells [SIDE,SIDE,C] out as `turns` [rows,columns,3] says."""
  with (
    geo_reader.environment(rasterio),
    atomic.replacing(path) as temporary,
    rasterio.open(
      temporary,
      'w',
      driver='GTiff',
      height=size,
      width=size,
      count=cells[0].shape[-1],
      dtype='uint8',
      tiled=True,
      blockxsize=TILE,
      blockysize=TILE,
      compress='deflate',
      zlevel=1,
      BIGTIFF='IF_SAFER',
      crs='EPSG:32633',
      transform=from_origin(500000, 5500000, 0.25, 0.25),
    ) as file,
  ):
    for (row, column), (which, quarter, mirror) in zip(
      np.ndindex(turns.shape[:2]), turns.reshape(-1, 3), strict=True
    ):
      top, left = row * SIDE, column * SIDE
      height, width = min(SIDE, size - top), min(SIDE, size - left)
      cell = np.rot90(cells[which], quarter)
      cell = cell[:, ::-1] if mirror else cell
      file.write(
        np.moveaxis(cell[:height, :width], -1, 0),
        window=((top, top + height), (left, left + width)),
      )


if __name__ == '__main__':
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('size', type=int, help='pixels on a side')
  parser.add_argument('path', help='the TIFF to write')
  parser.add_argument('--labels', help='a TIFF of the class indices as well')
  parser.add_argument('--seed', type=int, default=0)
  given = parser.parse_args()
  try:
    main(given.size, given.path, given.labels, given.seed)
  except InputError as error:
    sys.exit(f'error: {error}')
