#!/usr/bin/env bash
# All systems side by side: the same segmenter, and little training for each.
#
#   experiments/systems/run.sh NAME CONFIG MODEL CLASSES [FLAGS…]
#
# MODEL has the segmenter, CONFIG describes it and names the images; FLAGS change
# fields of CONFIG. PointRend and GLNet, which are segmenters of their own, start
# from the trunk of MODEL, by the configs NAME_pointrend and NAME_glnet beside
# this file if there are any. Writes results/NAME.txt and the records. LIMIT is
# the number of test images, 3 if not set; OUT another folder for the results.
set -euo pipefail
here=$(dirname "$0")
name=$1 config=$2 model=$3 classes=$4
shift 4
runs=runs/systems/$name
out=${OUT:-$here/results}
mkdir -p "$out"

# Steps of about five minutes on a core each, as far as those of a step say.
declare -A steps=([deep_guided]=400 [iterative]=200 [cascade_psp]=300
  [segfix]=500 [pointrend]=200 [glnet]=150)
for stage in deep_guided iterative cascade_psp segfix; do
  magnet-jax train --config="$config" --workdir="$runs/correctors" \
    --stage=$stage --config.train.$stage.segmenter="$model" \
    --config.train.$stage.steps="${steps[$stage]}" \
    --config.train.$stage.validate_every=100 "$@"
done
# With the segmenter, which the folder itself lacks.
correctors=$runs/correctors/model.npz

rows=()
measure() {  # RUN OUT METHODS FLAGS…: rows of the table
  local run=$1 to=$runs/out/$2
  rows+=("$to")
  magnet-jax evaluate --checkpoint="$run" --config="$config" --split=test \
    --limit="${LIMIT:-3}" --methods="$3" --out="$to" "${@:4}"
  cp "$to/records.jsonl" "$out/${name}_$2.jsonl"
}
measure "$correctors" test all "$@"

# What each of them makes better, by the same network.
declare -A start=([pointrend]=downsample,patch [glnet]=downsample)
for network in pointrend glnet; do
  own=$here/${name}_$network.py
  [ -e "$own" ] || continue
  magnet-jax train --config="$own" --workdir="$runs/$network" \
    --config.train.segmenter.init="trunk:$model" \
    --config.train.segmenter.steps="${steps[$network]}" "$@"
  measure "$runs/$network" $network "${start[$network]},$network" "$@"
done

# Correctors of the best map there is, rather than that of patch:
after=guided,dense-crf,deep-guided,iterative,cascade-psp,segfix
measure "$correctors" after_magnet magnet,$after --start=magnet "$@"

python "$here/../checkpoints/compare.py" "$classes" "${rows[@]}" \
  | tee "$out/$name.txt"
