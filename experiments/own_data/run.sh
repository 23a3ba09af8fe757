#!/usr/bin/env bash
# From a folder of images and masks to figures, by three commands, timed.
set -euo pipefail
here=$(dirname "$0")
folder=runs/own_data

python "$here/make_folder.py" "$folder/fields"
SECONDS=0
magnet-jax init "$folder/fields" | tee "$here/results/init.txt"
init=$SECONDS
magnet-jax train --config="$folder/fields/magnet_jax/config.py" \
  --workdir="$folder/run"
train=$SECONDS
magnet-jax evaluate --checkpoint="$folder/run" --split=test \
  --methods=downsample,patch,patch-best,multiscale,magnet,magnet-fast \
  --out="$folder/run/test" | tee "$here/results/test.txt"
cp "$folder/run/test/records.jsonl" "$here/results/test.jsonl"
echo "seconds: init $init, train $((train - init)), evaluate" \
  "$((SECONDS - train)), in all $SECONDS" | tee "$here/results/seconds.txt"
