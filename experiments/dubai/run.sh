#!/usr/bin/env bash
# Trains the embedded model aerial, and measures it on val, where choices were
# made, and on test.
set -euo pipefail
here=$(dirname "$0")

magnet-jax train --config=dubai --workdir=runs/dubai
for split in val test; do
  magnet-jax evaluate --checkpoint=runs/dubai --split="$split" \
    --methods=downsample,patch,patch-best,multiscale,magnet,magnet-fast \
    --out="runs/dubai/$split" | tee "$here/results/$split.txt"
  cp "runs/dubai/$split/records.jsonl" "$here/results/$split.jsonl"
done
# The model that the package carries:
magnet-jax convert runs/dubai/model.npz --to=npz --bits=8 \
  --out=magnet_jax/embedded/aerial.npz
