#!/usr/bin/env bash
# What fewer windows cost: a threshold on their uncertainty against a share of
# them (MagNet-Fast).
#
#   experiments/adaptive/run.sh NAME RUN [flags of magnet-jax evaluate]
#
# Writes results/NAME.{txt,png,jsonl}. RUN is of ../scenes/with_refiner.py, and of
# ../carrotweed/full_size.py. The README's numbers were made by:
#
#   experiments/adaptive/run.sh scenes runs/scenes-refiner --split=val
#   experiments/adaptive/run.sh carrotweed runs/carrotweed-full --split=val
set -euo pipefail
here=$(dirname "$0")
name=$1 run=$2
shift 2
folder=runs/adaptive/$name
mkdir -p "$here/results"

for least in 0 .02 .05 .1 .2 .4; do
  magnet-jax evaluate --checkpoint="$run" --methods=downsample,magnet \
    --min_uncertainty=$least --pictures=0 --out="$folder/least_$least" "$@"
done
for share in .1 .25 .5; do
  magnet-jax evaluate --checkpoint="$run" --methods=magnet-fast \
    --fast_windows=$share --pictures=0 --out="$folder/share_$share" "$@"
done
python "$here/curve.py" "$folder" "$here/results/$name" |
  tee "$here/results/$name.txt"
