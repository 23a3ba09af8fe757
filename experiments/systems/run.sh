#!/usr/bin/env bash
# All systems side by side: the same segmenter, and little training for each.
#
#   experiments/systems/run.sh NAME CONFIG MODEL CLASSES [FLAGS…]
#
# MODEL has the segmenter, CONFIG describes it and names the images; FLAGS change
# fields of CONFIG. PointRend and GLNet, which are segmenters of their own, start
# from the trunk of MODEL, by the configs NAME_pointrend and NAME_glnet beside
# this file if there are any. Writes results/NAME.txt and the records.
set -euo pipefail
here=$(dirname "$0")
name=$1 config=$2 model=$3 classes=$4
shift 4
runs=runs/systems/$name
mkdir -p "$here/results"

# Steps that take two to four minutes on a core, estimated from that of a step.
declare -A steps=([deep_guided]=400 [iterative]=200 [cascade_psp]=200
  [segfix]=500 [pointrend]=150 [glnet]=60)
for stage in deep_guided iterative cascade_psp segfix; do
  magnet-jax train --config="$config" --workdir="$runs/correctors" \
    --stage=$stage --config.train.$stage.segmenter="$model" \
    --config.train.$stage.steps="${steps[$stage]}" \
    --config.train.$stage.validate_every=100 "$@"
done

rows=()
measure() {  # RUN OUT METHODS FLAGS…: rows of the table
  local run=$1 out=$runs/out/$2
  rows+=("$out")
  magnet-jax evaluate --checkpoint="$run" --config="$config" --split=test \
    --limit=3 --methods="$3" --out="$out" "${@:4}"
  cp "$out/records.jsonl" "$here/results/${name}_$2.jsonl"
}
measure "$runs/correctors" test all "$@"

for network in pointrend glnet; do
  own=$here/${name}_$network.py
  [ -e "$own" ] || continue
  magnet-jax train --config="$own" --workdir="$runs/$network" \
    --config.train.segmenter.init="trunk:$model" \
    --config.train.segmenter.steps="${steps[$network]}" "$@"
  measure "$runs/$network" $network downsample,patch,$network "$@"
done

# Correctors of the best map there is, rather than that of patch:
correctors=guided,dense-crf,deep-guided,iterative,cascade-psp,segfix
measure "$runs/correctors" after_magnet magnet,$correctors --start=magnet "$@"

python "$here/../checkpoints/compare.py" "$classes" "${rows[@]}" \
  | tee "$here/results/$name.txt"
