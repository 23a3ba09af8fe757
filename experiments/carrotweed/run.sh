#!/usr/bin/env bash
# Trains on Carrot-Weed with windows that the networks see at half of their size,
# and at full size; measures both on val, where choices were made, and on test.
set -euo pipefail
here=$(dirname "$0")
results=$here/results

measure() {  # CONFIG RUN NAME
  magnet-jax train --config="$1" --workdir="runs/$2"
  for split in val test; do
    magnet-jax evaluate --checkpoint="runs/$2/model.npz" --config="$1" \
      --split="$split" --out="runs/$2/$split" | tee "$results/$3$split.txt"
    cp "runs/$2/$split/records.jsonl" "$results/$3$split.jsonl"
  done
}
measure carrotweed carrotweed ''
measure "$here/full_size.py" carrotweed-full full_size_
python "$here/../checkpoints/compare.py" carrotweed "$results/full_size_test.jsonl" \
  "$results/test.jsonl" | tee "$results/compared.txt"
