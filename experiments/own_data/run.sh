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
  --methods=downsample,patch,patch-best,multiscale,fast-guided,magnet,magnet-fast \
  --out="$folder/run/test" | tee "$here/results/test.txt"
cp "$folder/run/test/records.jsonl" "$here/results/test.jsonl"
evaluate=$SECONDS
echo "seconds: init $init, train $((train - init)), evaluate" \
  "$((evaluate - train)), in all $evaluate" | tee "$here/results/seconds.txt"

# More images, as four are too few to tell methods apart.
python "$here/make_folder.py" "$folder/further" --count=24 --first-seed=60000
magnet-jax evaluate --checkpoint="$folder/run" --images="$folder/further" \
  --methods=downsample,patch,patch-best,multiscale,fast-guided,magnet,magnet-fast \
  --out="$folder/run/further" | tee "$here/results/further.txt"
cp "$folder/run/further/records.jsonl" "$here/results/further.jsonl"
