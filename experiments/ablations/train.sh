#!/usr/bin/env bash
# Trains what the ablations compare: for each seed a segmenter, a refiner, and
# two other refiners for the same segmenter: of the original's pairs, and one
# for each stage.
#
#   experiments/ablations/train.sh CONFIG NAME STAGES [SEED…]
#
#   experiments/ablations/train.sh experiments/ablations/scenes.py scenes 3
#   experiments/ablations/train.sh carrotweed carrotweed 4
set -euo pipefail
config=$1 name=$2 stages=$3
shift 3

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
done
