#!/usr/bin/env bash
# What each part is worth: one is changed at a time in what `init` proposes.
#
#   experiments/parts/run.sh NAME CONFIG IMAGES CLASSES STEPS RADIUS
#
# CONFIG is of `init`, STEPS those of the segmenter, RADIUS that of the filter, 8
# times the shrinking of windows; IMAGES are a list or a folder that is not
# trained on. Writes results/NAME.txt and the records.
set -euo pipefail
here=$(dirname "$0")
name=$1 config=$2 images=$3 classes=$4 steps=$5 radius=$6
runs=runs/parts/$name
mkdir -p "$here/results"

train() {  # RUN FLAGS…: no gate, no choice
  local run=$runs/$1
  shift
  magnet-jax train --config="$config" --workdir="$run" "$@" \
    --config.tune.images=0 --config.train.segmenter.hours=0 \
    --config.train.segmenter.steps="$steps"
}

rows=()
row() {  # NAME RUN FLAGS…: one line of the table
  local out=$runs/rows/$1
  rows+=("$out")
  magnet-jax evaluate --checkpoint="$2" --images="$images" --out="$out" \
    --pictures=0 --methods="${method:-magnet}" "${@:3}"
  cp "$out/records.jsonl" "$here/results/${name}_$1.jsonl"
}

mean=--config.refine.fusion=mean
train imagenet "$mean"
train random_trunk "$mean" --config.segmenter.trunk=resnet18 \
  --config.train.segmenter.init= --config.train.segmenter.rate=3e-3
train same_tones "$mean" --config.augment.hue=0 \
  --config.augment.{brightness,contrast,gamma,channels,saturation}=1
segmenter=--config.train.refiner.segmenter=$runs/imagenet
for unseen in none folds; do
  train magnet_$unseen --config.refine.fusion=magnet "$segmenter" \
    --config.train.refiner.unseen=$unseen
done
train gate "$segmenter"

all=(--first=.5 --factor=half-octave)
row mean "$runs/imagenet/model.npz" "${all[@]}"
row random_trunk "$runs/random_trunk/model.npz" "${all[@]}"
row same_tones "$runs/same_tones/model.npz" "${all[@]}"
row full_size "$runs/imagenet/model.npz" --first=1
row octaves "$runs/imagenet/model.npz" --first=.5 --factor=octave
row from_the_whole "$runs/imagenet/model.npz" --first=0 --factor=octave
row stops_at_71 "$runs/imagenet/model.npz" "${all[@]}" --last=.71
row magnet "$runs/magnet_none/model.npz" "${all[@]}"
row magnet_folds "$runs/magnet_folds/model.npz" "${all[@]}"
row gate "$runs/gate/model.npz" "${all[@]}"
row gated_segmenter_mean "$runs/gate/model.npz" "${all[@]}" --fusion=mean
row mix "$runs/imagenet/model.npz" "${all[@]}" --mix=.5
row filtered "$runs/imagenet/model.npz" "${all[@]}" --filter_radius="$radius"
row gate_filtered "$runs/gate/model.npz" "${all[@]}" --filter_radius="$radius"
for score in outlines mean; do
  method=magnet-fast row "third_by_$score" "$runs/imagenet/model.npz" \
    "${all[@]}" --fast_windows=.3 --window_score=$score
done
magnet-jax tune --checkpoint="$runs/gate/model.npz"
row tuned "$runs/gate/model.npz"

python "$here/../checkpoints/compare.py" "$classes" "${rows[@]}" \
  | tee "$here/results/$name.txt"
