#!/usr/bin/env bash
# Trains what the ablations compare: for each seed a segmenter, a refiner, and
# four other refiners for the same segmenter: of the original's pairs, one for
# each stage, and both kinds with STAGES times the steps.
#
#   experiments/ablations/train.sh CONFIG NAME STAGES STEPS [SEED…]
#
# STAGES that are refined, and STEPS of the refiner's training in CONFIG:
#
#   experiments/ablations/train.sh experiments/ablations/scenes.py scenes 3 150
#   experiments/ablations/train.sh experiments/ablations/carrotweed.py \
#     carrotweed 3 100
set -euo pipefail
config=$1 name=$2 stages=$3 long=$(($3 * $4))
shift 4

for seed in ${@:-0 1 2}; do
  base=runs/ablations/$name/seed$seed
  train() { magnet-jax train --config="$config" --config.seed="$seed" "$@"; }
  train --workdir="$base/base"
  refiner() {
    train --stage=refiner \
      --config.train.refiner.segmenter="$base/base/model.npz" "$@"
  }
  refiner --workdir="$base/coarsest" --config.train.refiner.pairing=coarsest
  refiner --workdir="$base/stages" --config.refiner.count="$stages"
  refiner --workdir="$base/base-long" --config.train.refiner.steps="$long"
  refiner --workdir="$base/stages-long" --config.train.refiner.steps="$long" \
    --config.refiner.count="$stages"
done
