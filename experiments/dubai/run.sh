#!/usr/bin/env bash
# Trains on dubai, and measures on val, where choices were made, and on test.
set -euo pipefail
here=$(dirname "$0")

magnet-jax train --config=dubai --workdir=runs/dubai
for split in val test; do
  magnet-jax evaluate --checkpoint=runs/dubai/model.npz --config=dubai \
    --split="$split" --out="runs/dubai/$split" | tee "$here/results/$split.txt"
  cp "runs/dubai/$split/records.jsonl" "$here/results/$split.jsonl"
done
