#!/usr/bin/env bash
# Scores all ways of running a model on 24 images that it has not seen, and
# plays the choice on a few of them many times over. Needs the run of own_data.
set -euo pipefail
here=$(dirname "$0")
folder=runs/choice

python "$here/../own_data/make_folder.py" "$folder/fields" --count=24 \
  --first-seed=60000
magnet-jax tune --checkpoint=runs/own_data/run --images="$folder/fields" \
  --no-write --out="$folder/tune"
python "$here/rules.py" "$folder/tune/candidates/records.jsonl" \
  --draws=30 | tee "$here/results.txt"
