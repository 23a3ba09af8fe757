#!/usr/bin/env bash
# Trains on carrotweed, and measures on val, where choices were made, and on test.
set -euo pipefail
here=$(dirname "$0")

magnet-jax train --config=carrotweed --workdir=runs/carrotweed
for split in val test; do
  magnet-jax evaluate --checkpoint=runs/carrotweed/model.npz --config=carrotweed \
    --split="$split" --out="runs/carrotweed/$split" | tee "$here/results/$split.txt"
  cp "runs/carrotweed/$split/records.jsonl" "$here/results/$split.jsonl"
done
