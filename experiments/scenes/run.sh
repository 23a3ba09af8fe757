#!/usr/bin/env bash
# Trains the embedded model scenes and measures it on scenes that it has not seen.
set -euo pipefail
here=$(dirname "$0")

magnet-jax train --config=scenes --workdir=runs/scenes
# The model that the package carries:
magnet-jax convert runs/scenes/model.npz --to=npz --bits=8 \
  --out=magnet_jax/embedded/scenes.npz
magnet-jax evaluate --checkpoint=magnet_jax/embedded/scenes.npz \
  --methods=downsample,patch,patch-best,multiscale,magnet,magnet-fast \
  --config=scenes --split=test --limit=8 --out=runs/scenes/test \
  | tee "$here/results/test.txt"
cp runs/scenes/test/records.jsonl "$here/results/test.jsonl"

# With MagNet's refiner, for the pictures of docs/method.md:
magnet-jax train --config="$here/with_refiner.py" \
  --workdir=runs/scenes-refiner
python docs/make_pictures.py runs/scenes-refiner
