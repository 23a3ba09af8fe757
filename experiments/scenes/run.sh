#!/usr/bin/env bash
# Trains the embedded model and measures it on scenes that it has not seen.
set -euo pipefail
here=$(dirname "$0")

magnet-jax train --config=scenes --workdir=runs/scenes
for split in val test; do
  magnet-jax evaluate --checkpoint=runs/scenes/model.npz --config=scenes \
    --split="$split" --out="runs/scenes/$split" | tee "$here/results/$split.txt"
  cp "runs/scenes/$split/records.jsonl" "$here/results/$split.jsonl"
done
# The model that the package carries:
cp runs/scenes/model.npz magnet_jax/segment/embedded.npz
