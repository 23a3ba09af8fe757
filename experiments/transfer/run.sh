#!/usr/bin/env bash
# Is a refiner tied to the segmenter that it was trained with? Both segmenters
# of a data set, each with both refiners.
#
#   experiments/transfer/run.sh NAME RUN_A RUN_B [flags of magnet-jax evaluate]
#
# Writes results/NAME.txt and, one line an image and method,
# results/NAME_SEGMENTER_with_REFINER.jsonl. An interrupted run goes on where it
# was. The table of the README was made by:
#
#   magnet-jax train --config=experiments/scenes/with_refiner.py \
#     --workdir=runs/scenes
#   magnet-jax train --config=experiments/transfer/scenes_unet.py \
#     --workdir=runs/scenes-unet
#   experiments/transfer/run.sh scenes runs/scenes runs/scenes-unet \
#     --split=test --limit=6
#   magnet-jax train --config=experiments/carrotweed/full_size.py \
#     --workdir=runs/carrotweed-full
#   magnet-jax train --config=experiments/transfer/carrotweed_unet.py \
#     --workdir=runs/carrotweed-unet
#   experiments/transfer/run.sh carrotweed runs/carrotweed-full \
#     runs/carrotweed-unet --split=test --points=0.05
set -euo pipefail
here=$(dirname "$0")
name=$1 runs=("$2" "$3")
shift 3

folders=()
for segmenter in "${runs[@]}"; do
  for refiner in "${runs[@]}"; do
    pair="$(basename "$segmenter")_with_$(basename "$refiner")"
    folder="runs/transfer/$name/$pair"
    magnet-jax evaluate --segmenter="$segmenter" --refiner="$refiner" \
      --methods=downsample,magnet --pictures=0 --out="$folder" "$@"
    mkdir -p "$here/results"
    cp "$folder/records.jsonl" "$here/results/${name}_$pair.jsonl"
    folders+=("$folder")
  done
done
python "$here/table.py" "${folders[@]}" | tee "$here/results/$name.txt"
