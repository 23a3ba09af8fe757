#!/usr/bin/env bash
# Trains the embedded model scenes and measures it on scenes that it has not seen.
set -euo pipefail
here=$(dirname "$0")

magnet-jax train --config=scenes --workdir=runs/scenes
magnet-jax evaluate --checkpoint=runs/scenes/model.npz --config=scenes \
  --methods=downsample,patch,multiscale,magnet,magnet-fast --fast=0.33 \
  --split=test --limit=8 --out=runs/scenes/test | tee "$here/results/test.txt"
cp runs/scenes/test/records.jsonl "$here/results/test.jsonl"
# The model that the package carries:
magnet-jax convert runs/scenes/model.npz --to=npz --bits=8 \
  --out=magnet_jax/embedded/scenes.npz
