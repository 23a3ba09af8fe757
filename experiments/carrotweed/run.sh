#!/usr/bin/env bash
# Trains on Carrot-Weed and measures on val, where choices were made, and on
# test; then with a trained refiner from random weights, with windows that the
# networks see at half of their size, and at full size.
set -euo pipefail
here=$(dirname "$0")
results=$here/results

measure() {  # CONFIG RUN NAME METHODS FLAGS…
  magnet-jax train --config="$1" --workdir="runs/$2"
  for split in val test; do
    magnet-jax evaluate --checkpoint="runs/$2" --config="$1" --split="$split" \
      --methods="$4" --out="runs/$2/$split" "${@:5}" | tee "$results/$3$split.txt"
    cp "runs/$2/$split/records.jsonl" "$results/$3$split.jsonl"
  done
}
baselines=downsample,patch,patch-best,multiscale
# fast-guided is patch with the filter that MagNet has as its last stage.
measure carrotweed carrotweed '' "$baselines,fast-guided,magnet,magnet-fast" \
  --radius=16
simple=downsample,patch,magnet,magnet-fast
measure "$here/with_refiner.py" carrotweed-refiner with_refiner_ "$simple"
measure "$here/full_size.py" carrotweed-full full_size_ "$simple"
python "$here/../checkpoints/compare.py" carrotweed \
  "$results/full_size_test.jsonl" "$results/with_refiner_test.jsonl" \
  | tee "$results/compared.txt"
